# SPDX-License-Identifier: Apache-2.0
#
# What the tests of irqwatch-exporter share: simulated machines whose counters move, an irqwatchd and an exporter on each,
# and reading what the exporter serves. Needs no root: with --root the collectors in the kernel are off.

import contextlib
import ctypes
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ["IRQWATCH_BUILD"]
IRQWATCHD = os.path.join(BUILD, "daemon/irqwatchd")
EXPORTER = os.path.join(BUILD, "exporter/irqwatch-exporter")
IRQCTL = os.path.join(BUILD, "client/irqctl")
PATIENCE = 60  # seconds: for what must happen; how soon is not the question
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
SOFTIRQS = ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"]
WRAP = 2**32
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x20000000, 0x40000000  # linux/sched.h


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def note(text):
    print(f"# {text}", flush=True)


def wait_for(what, condition, seconds=PATIENCE):
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, f"in {seconds} s there was no {what}")
        time.sleep(0.05)


class Machine:
    """A tree for --root. Counters grow when move() is told to; rates are per call, by CPU."""

    def __init__(self, root, cpus, irqs, names=None):
        self.root, self.cpus, self.online = root, cpus, list(range(cpus))
        names = names or [f"eth0-rx-{i}".encode() for i in range(irqs)]
        self.irqs = {str(24 + i).encode(): (name, [100 + i] * cpus) for i, name in enumerate(names)}
        self.arch = {b"LOC": (b"Local timer interrupts", [WRAP - 50 * (cpu + 1) for cpu in range(cpus)]),
                     b"RES": (b"Rescheduling interrupts", [7] * cpus)}
        self.softirqs = {name: [1000] * cpus for name in SOFTIRQS}
        self.softnet = [[1000, 0, 0, 5, 1] for _ in range(cpus)]
        self.stat = [[1000] * 10 for _ in range(cpus)]
        self.squeeze = self.drop = 0
        self.write()

    def move(self, packets=100):
        for row in list(self.irqs.values()) + list(self.arch.values()):
            for cpu in self.online:
                row[1][cpu] = (row[1][cpu] + 11) % WRAP
        for counts in self.softirqs.values():
            for cpu in self.online:
                counts[cpu] += 13
        for cpu in self.online:
            self.softirqs["NET_RX"][cpu] += packets
            for i, n in enumerate((packets, self.drop, self.squeeze, 1, 1)):
                self.softnet[cpu][i] += n
            self.stat[cpu] = [n + 1 for n in self.stat[cpu]]
        self.write()

    def write(self):
        head = b" " * 11 + b"".join(b"CPU%-8d" % cpu for cpu in self.online) + b"\n"
        rows = [b"%5s: %s PCI-MSIX-0000:00:03.0 %s-edge      %s\n" % (irq, self.counts(row[1]), irq, row[0])
                for irq, row in self.irqs.items()]
        rows += [b"%5s: %s  %s\n" % (name, self.counts(row[1]), row[0]) for name, row in self.arch.items()]
        self.put("proc/interrupts", head + b"".join(rows) + b"  ERR:          0\n")
        text = [" " * 20 + "".join(f"CPU{cpu:<8}" for cpu in range(self.cpus)) + "\n"]
        text += [f"{name:>12}:" + "".join(f" {n:10}" for n in counts) + "\n" for name, counts in self.softirqs.items()]
        self.put("proc/softirqs", "".join(text).encode())
        self.put("proc/net/softnet_stat", "".join(
            " ".join(f"{n:08x}" for n in (c[0], c[1], c[2], 0, 0, 0, 0, 0, 0, c[3], c[4], 0, cpu)) + "\n"
            for cpu, c in enumerate(self.softnet) if cpu in self.online).encode())
        self.put("proc/stat", ("cpu  1 1 1 1 1 1 1 1 1 1\n" + "".join(
            f"cpu{cpu} " + " ".join(f"{n:10}" for n in self.stat[cpu]) + "\n" for cpu in self.online)
            + "intr 1 0 0 0\nctxt 1\nbtime 1795357000\n").encode())
        self.put("sys/devices/system/cpu/possible", f"0-{self.cpus - 1}\n".encode())
        self.put("sys/devices/system/cpu/online", (",".join(map(str, self.online)) + "\n").encode())

    def counts(self, values):
        return b"".join(b"%10d " % values[cpu] for cpu in self.online)

    def put(self, path, data):
        """In place, since the daemon keeps such files open. Numbers have a fixed width: a reader that comes in between
        sees some old and some new ones."""
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, data, 0)
        if os.fstat(fd).st_size != len(data):
            os.ftruncate(fd, len(data))
        os.close(fd)


class Host:
    """An irqwatchd and its exporter. root None: the machine that this runs on."""

    def __init__(self, directory, root, config="", exporter_options=(), interval="200ms", port=0):
        self.directory, self.root, self.options = directory, root, list(exporter_options)
        self.path = os.path.join(directory, "socket")
        self.daemon = self.exporter = None
        collectors = ("softirqs", "interrupts", "softnet", "cpu", "ksoftirqd") if root else ()
        self.config = os.path.join(directory, "irqwatchd.conf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("".join(f"[{name}]\ninterval = {interval}\n" + ("budget = 100%\n" if name == "interrupts" else "")
                               for name in collectors if self.knows(name)) + config)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]

    @staticmethod
    def knows(collector):
        if not hasattr(Host, "collectors"):
            source = os.path.join(os.path.dirname(__file__), "../../etc/irqwatchd.conf")
            with open(source, encoding="utf-8") as file:
                Host.collectors = {line.strip("[]\n#") for line in file if line.lstrip("#").startswith("[")}
        return collector in Host.collectors

    def start_daemon(self):
        words = [IRQWATCHD, "--socket", self.path, "--config", self.config, "--state-dir",
                 os.path.join(self.directory, "state")] + (["--root", self.root] if self.root else [])
        with open(os.path.join(self.directory, "daemon.log"), "ab") as log:
            self.daemon = subprocess.Popen(words, stderr=log)

    def start_exporter(self, wrapper=()):
        """The listening socket is handed over as a service manager does, so that no port is raced for."""
        words = [*wrapper, EXPORTER, "--socket", self.path, *self.options]
        with open(os.path.join(self.directory, "exporter.log"), "ab") as log:
            self.exporter = subprocess.Popen(
                ["bash", "-c", 'fd=$1; shift; [ "$fd" = 3 ] || exec 3<&"$fd"; '
                               'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "bash", str(self.listener.fileno()), *words],
                stderr=log, pass_fds=[self.listener.fileno()])

    def stop(self):
        for process in (self.exporter, self.daemon):
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.listener.close()

    def request(self, method="GET", path="/metrics", timeout=PATIENCE, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def scrape(self, **headers):
        response, body = self.request(**headers)
        check(response.status == 200, f"/metrics answers {response.status}")
        return body.decode("utf-8")


# Its collectors of the same facts; not every version has all of them.
NODE_COLLECTORS = ["softirqs", "interrupts", "softnet", "schedstat", "pressure", "cpu"]


def node_collectors():
    text = subprocess.run(["prometheus-node-exporter", "--help"], capture_output=True, text=True, check=False)
    known = set(re.findall(r"--(?:\[no-\])?collector\.([a-z_]+)", text.stderr + text.stdout))
    return [name for name in NODE_COLLECTORS if name in known]


def node_exporter(directory, machine):
    """A node_exporter that reads a machine's tree (None: this machine), as (process, port)."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = ["prometheus-node-exporter", "--collector.disable-defaults", "--web.disable-exporter-metrics",
             f"--web.listen-address=127.0.0.1:{port}", *(f"--collector.{name}" for name in node_collectors())]
    if machine:
        words += [f"--path.procfs={machine.root}/proc", f"--path.sysfs={machine.root}/sys"]
    with open(os.path.join(directory, "node.log"), "ab") as log:
        return subprocess.Popen(words, stdout=log, stderr=log), port


def cpu_ns(process):
    """CPU time of all its threads: nanoseconds, not ticks."""
    total = 0
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def samples(text):
    """{series: value}; fails on a series that is there twice."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        series, _, value = line.partition(" # ")[0].rpartition(" ")
        check(series not in found, f"this series is there twice: {series}")
        found[series] = float(value)
    return found


def types(text):
    return {line.split()[2]: line.split()[3] for line in text.splitlines() if line.startswith("# TYPE")}


def enter_namespaces(function, processes=True):
    """Calls it as root of a machine of its own: mounts and loopback network, and processes where asked for; then whatever it
    leaves running ends with it. 77: not possible here; otherwise 0, or 1 after an exception."""
    if os.getuid() != 0:
        print("needs root")
        return 77
    pid = os.fork()
    if pid == 0:
        # Debian's tools, not what a user's PATH has in their place
        os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        os._exit(run_in_namespaces(function, processes))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run_in_namespaces(function, processes):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET | (CLONE_NEWPID if processes else 0)) < 0:
        print(f"needs namespaces: {os.strerror(ctypes.get_errno())}")
        return 77
    pid = os.fork()  # the first process of a namespace of processes: with it all others end
    if pid == 0:
        status = 1
        try:
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
            if processes:
                subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            function()
            status = 0
        except BaseException:  # pylint: disable=broad-except
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def shorten_rules(rules, step):
    """Rules for scrapes every step seconds: a minute of a range becomes four steps, a minute of "for" one."""
    rules = re.sub(r"\[(\d+)m\]", lambda m: f"[{int(m[1]) * 4 * step}s]", rules)
    rules = re.sub(r"for: (\d+)m", lambda m: f"for: {int(m[1]) * step}s", rules)
    rules = rules.replace("interval: 15s", f"interval: {step}s")
    return rules.replace("- name: irqwatch.alerts\n", f"- name: irqwatch.alerts\n    interval: {step}s\n")


def page_commands(page):
    """The indented lines of a page of fleet/, in order; lines that end in a backslash with what follows."""
    with open(os.path.join(os.path.dirname(__file__), "../../fleet", page), encoding="utf-8") as file:
        text = file.read().replace("\\\n", " ")
    return [line[4:].partition("   #")[0].rstrip() for line in text.splitlines() if line.startswith("    ") and line.strip()]


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="irqwatch-fleet-") as directory:
        yield directory
