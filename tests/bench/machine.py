# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks read from the kernel, and a daemon of their own to measure. Knows nothing of figures."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

START_SECONDS = 30


def read(path):
    return pathlib.Path(path).read_text(encoding="ascii", errors="replace")


def online_cpus():
    return os.sysconf("SC_NPROCESSORS_ONLN")


def describe():
    model = re.search(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"), re.M)
    return (f"{online_cpus()} CPUs ({model.group(1) if model else os.uname().machine}), "
            f"kernel {os.uname().release}, load {' '.join(read('/proc/loadavg').split()[:3])}")


def wait_for(what, condition, seconds=START_SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds} s for {what} in vain")
        time.sleep(0.02)


def cpu_ns(pid, names=None):
    """CPU time of all threads, or of those with these names, to the nanosecond."""
    tasks = [f"/proc/{pid}/task/{t}" for t in os.listdir(f"/proc/{pid}/task")]
    return sum(int(read(f"{t}/schedstat").split()[0]) for t in tasks if not names or read(f"{t}/comm").strip() in names)


def wakeups(pid):
    """How often its threads slept and were woken."""
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", read(f"/proc/{pid}/task/{t}/status"), re.M)[1])
               for t in os.listdir(f"/proc/{pid}/task"))


def memory_kib(pid):
    """Resident and proportional set size."""
    rollup = read(f"/proc/{pid}/smaps_rollup")
    return tuple(int(re.search(rf"^{key}:\s*(\d+)", rollup, re.M)[1]) for key in ("Rss", "Pss"))


def local_timer_interrupts():
    """Per CPU, in the order of the file; x86's LOC or the arm64 timer's row."""
    for line in read("/proc/interrupts").splitlines():
        if re.match(r"\s*LOC:", line) or "arch_timer" in line:
            return [int(n) for n in line.split(":", 1)[1].split()[:online_cpus()]]
    raise RuntimeError("/proc/interrupts has no row of the local timer")


def busy_seconds():
    """Seconds that the CPUs were not idle, from /proc/stat."""
    fields = [int(n) for n in read("/proc/stat").splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def bpf_stats():
    """The kernel counts runs and time of BPF programs as long as this is open; it ends with this process at the
    latest, so there is nothing to restore."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    fd = libbpf.bpf_enable_stats(0)  # BPF_STATS_RUN_TIME
    if fd < 0:
        raise RuntimeError(f"the kernel's BPF statistics: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        os.close(fd)


def program_ids(pids):
    ids = set()
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fdinfo"):
            with contextlib.suppress(FileNotFoundError):
                ids.update(int(n) for n in re.findall(r"^prog_id:\s*(\d+)", read(f"/proc/{pid}/fdinfo/{fd}"), re.M))
    return ids


def all_programs():
    return json.loads(subprocess.run(["bpftool", "prog", "show", "-j"], check=True, capture_output=True).stdout)


def program_costs(pids):
    """{(name, id): (ns, runs)} of the BPF programs that these processes hold."""
    ids = program_ids(pids)
    return {(p.get("name", "?"), p["id"]): (p.get("run_time_ns", 0), p.get("run_cnt", 0))
            for p in all_programs() if p["id"] in ids}


def cost_difference(before, after):
    """{name: (ns, runs)} for what ran in between; programs of the same name are added up."""
    sums = {}
    for key, (ns, runs) in after.items():
        ns0, runs0 = before.get(key, (0, 0))
        total = sums.get(key[0], (0, 0))
        sums[key[0]] = (total[0] + ns - ns0, total[1] + runs - runs0)
    return sums


def foreign_tracing(pids):
    """BPF programs of others at the same tracepoints: they blur what is measured."""
    ours = program_ids(pids)
    return [p for p in all_programs()
            if p["id"] not in ours and p["type"] in ("tracing", "raw_tracepoint", "tracepoint", "perf_event")]


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def call_raw(path, method, parameters=None):
    """One varlink call; the reply's bytes."""
    message = {"method": f"io.irqwatch.monitor.{method}", "parameters": parameters or {}}
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(json.dumps(message).encode() + b"\0")
        reply = b""
        while not reply.endswith(b"\0"):
            part = s.recv(1 << 20)
            if not part:
                raise RuntimeError(f"irqwatchd hung up on {method}")
            reply += part
    if b'"error"' in reply[:200]:
        raise RuntimeError(f"{method}: {reply[:200]!r}")
    return reply[:-1]


def call(path, method, parameters=None):
    return json.loads(call_raw(path, method, parameters))["parameters"]


class Daemon:
    """A private irqwatchd: own socket, own configuration."""

    def __init__(self, build, settings="", root=None, state=None):
        self.build, self.settings, self.root, self.state = build, settings, root, state

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="irqwatch-bench-")
        self.socket = f"{self.dir}/socket"
        pathlib.Path(f"{self.dir}/conf").write_text(self.settings, encoding="ascii")
        command = [f"{self.build}/daemon/irqwatchd", "--socket", self.socket, "--config", f"{self.dir}/conf",
                   "--state-dir", self.state or f"{self.dir}/state"]
        if self.root:
            command += ["--root", self.root]
        with open(f"{self.dir}/log", "w", encoding="ascii") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.pid = self.process.pid
        try:
            wait_for("irqwatchd to answer", self.answers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stop(self.process)
        shutil.rmtree(self.dir)

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"irqwatchd ended: {read(f'{self.dir}/log')}")
        return "irqwatchd: version" in read(f"{self.dir}/log") and self.call("GetStatus")

    def call(self, method, parameters=None):
        return call_raw(self.socket, method, parameters)

    def status(self):
        return json.loads(self.call("GetStatus"))["parameters"]["status"]

    def event_count(self):
        return self.status()["store"]["events"]

    def irqctl(self, *arguments):
        return subprocess.run([f"{self.build}/client/irqctl", "--socket", self.socket, *arguments], check=True,
                              capture_output=True).stdout
