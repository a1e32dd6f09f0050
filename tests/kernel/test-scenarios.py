#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Trouble with real causes, and load that is no trouble: what the report says first. Prints a table. One round of all; with
# IRQWATCH_LONG=1 ten. IRQWATCH_SCENARIOS names those wanted.
#
# The expected finding is first or second, and no other of severity warning or above appears: but for what the machine
# itself did meanwhile, a virtual one that shares its host. Such a finding is excused only when a witness that shares
# nothing with the product says that it is true (tests/harness/gaps.py): see excuse().

import collections
import contextlib
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from gaps import gaps, injectors, inside, ran_long, stolen_ns, stood_still, was_real
from kernel import BURDEN, IRQCTL, LONG, Daemon, background, check, machine_to_ourselves, main, note, online_cpus, require, run, wait_for

RUNS = 10 if LONG else 1
SECONDS = 13      # that a scenario lasts: rates are those of ten
QUIET = 65        # of history, without interrupts in masses, before a storm can be told from what is usual
GAP_US = 2000     # the shortest stretch that the witness tells of
HERE, THERE = "198.18.78.1", "198.18.78.2"
NEAR, FAR = "irqw-near", "irqw-far"
IN_NEAR, IN_FAR = ["ip", "netns", "exec", NEAR], ["ip", "netns", "exec", FAR]
CONFIG = "[irq-delay]\nthreshold=10ms\n[packets]\ncool-down=1s\n"

def must(*command):
    result = run(*command)
    check(result.returncode == 0, f"{command}: {result.stderr}")
    return result.stdout


def write(path, text):
    """Writes a kernel setting; returns what it was."""
    with open(path, "r+", encoding="ascii") as file:
        before = file.read().strip()
        file.seek(0)
        file.write(str(text))
    return before


@contextlib.contextmanager
def setting(path, value):
    before = write(path, value)
    try:
        yield
    finally:
        write(path, before)


def sysctl(name, value):
    return setting("/proc/sys/" + name.replace(".", "/"), value)


@contextlib.contextmanager
def link():
    """irqwnear, where the daemon lives, and irqwfar, where floods come from: two namespaces without a way out."""
    try:
        for name in (NEAR, FAR):
            must("ip", "netns", "add", name)
        must("ip", "link", "add", "irqwnear", "netns", NEAR, "type", "veth", "peer", "name", "irqwfar", "netns", FAR)
        for where, device, address in ((IN_NEAR, "irqwnear", HERE), (IN_FAR, "irqwfar", THERE)):
            must(*where, "ip", "address", "add", f"{address}/24", "dev", device)
            must(*where, "ip", "link", "set", device, "up")
            must(*where, "ip", "link", "set", "lo", "up")
        # Answers to forged senders need a way, which ends in the other namespace.
        must(*IN_NEAR, "ip", "route", "add", "default", "via", THERE)
        yield
    finally:
        for name in (NEAR, FAR):
            run("ip", "netns", "del", name)


def bounded(*command, where=()):
    return background("timeout", SECONDS + 10, *where, *command)


def last_cpu():
    return online_cpus()[-1]


def hping(*options):
    require(shutil.which("hping3"), "hping3")
    return bounded("taskset", "-c", last_cpu(), "hping3", "-q", *options, HERE, where=IN_FAR)


def first_of_all(*command):
    """Before all others, as there may be others, and half the CPU makes half a storm."""
    return bounded("taskset", "-c", last_cpu(), "chrt", "--fifo", "1", *command, where=IN_FAR)


def python(code, *arguments, where=IN_NEAR):
    return bounded(sys.executable, "-c", code, *arguments, where=where)


LISTEN = """
import socket, sys, time
with socket.create_server((sys.argv[1], 80), backlog=64):
    time.sleep(3600)
"""
DRAIN = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind((sys.argv[1], 5000))
    buffer = bytearray(2048)
    while True:
        s.recv_into(buffer)
"""
SINK = """
import socket, sys
with socket.create_server((sys.argv[1], 5001)) as server:
    connection = server.accept()[0]
    buffer = bytearray(1 << 20)
    while connection.recv_into(buffer):
        pass
"""
SOURCE = """
import socket, sys, time
for _ in range(100):
    try:
        connection = socket.create_connection((sys.argv[1], 5001))
        break
    except OSError:
        time.sleep(0.1)
data = bytes(1 << 18)
while True:
    connection.sendall(data)
"""
# Wants nothing, and says so after 2000 instructions; the memory for twice as many is refused (net.core.optmem_max).
SNIFF = """
import ctypes, socket, struct, sys, time
words = [(0x20, 0, 0, 0), (0x04, 0, 0, 1)] * 1000 + [(0x06, 0, 0, 0)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *word) for word in words))
program = struct.pack("HxxxxxxQ", len(words), ctypes.addressof(code))
sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(int(sys.argv[1]))]
for s in sockets:
    s.setsockopt(socket.SOL_SOCKET, 26, program)
time.sleep(3600)
"""
BURSTS = """
import socket, sys, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    while True:
        for _ in range(150):
            s.sendto(bytes(400), (sys.argv[1], 5000))
        time.sleep(0.3)
"""
SPIN = "while True: pass"


@contextlib.contextmanager
def drain():
    """Somebody who reads port 5000, and does by now: else these are datagrams that nobody wants."""
    with python(DRAIN, HERE) as process:
        def is_bound():
            check(process.poll() is None, "the reader ended")
            return ":1388 " in must(*IN_NEAR, "cat", "/proc/net/udp")

        wait_for("reader", is_bound)
        yield


@contextlib.contextmanager
def syn_flood():
    with python(LISTEN, HERE), hping("--syn", "-p", "80", "-i", "u30", "--rand-source"):
        yield


@contextlib.contextmanager
def syn_flood_resets():
    """The sender's kernel resets what it never asked for."""
    with python(LISTEN, HERE), hping("--syn", "-p", "80", "-i", "u30"):
        yield


@contextlib.contextmanager
def udp_flood():
    with hping("--udp", "-p", "53", "-d", "10", "-i", "u30"):
        yield


@contextlib.contextmanager
def one_cpu():
    """Datagrams of a size that is no flood's, which somebody reads: all on one CPU, and dear, as by a long list of rules."""
    with python(SNIFF, 24), drain(), first_of_all("hping3", "-q", "--udp", "-p", "5000", "-d", "400", "--flood", HERE):
        yield


@contextlib.contextmanager
def small_backlog():
    with setting_rps(0), sysctl("net.core.netdev_max_backlog", 2), drain(), \
            hping("--udp", "-p", "5000", "-d", "400", "--flood"):
        yield


@contextlib.contextmanager
def small_budget():
    with setting_rps(0), sysctl("net.core.netdev_budget", 1), drain(), \
            hping("--udp", "-p", "5000", "-d", "400", "--flood"):
        yield


@contextlib.contextmanager
def setting_rps(cpu):
    must(*IN_NEAR, "sh", "-c", f"echo {1 << cpu:x} >/sys/class/net/irqwnear/queues/rx-0/rps_cpus")
    try:
        yield
    finally:
        must(*IN_NEAR, "sh", "-c", "echo 0 >/sys/class/net/irqwnear/queues/rx-0/rps_cpus")


@contextlib.contextmanager
def timer_storm():
    with first_of_all(BURDEN, "timers", SECONDS + 5, last_cpu()):
        yield


@contextlib.contextmanager
def ipi_storm():
    with first_of_all(BURDEN, "calls", SECONDS + 5, 0):
        yield


@contextlib.contextmanager
def long_softirq():
    """Who listens to all packets does so in the softirq that receives them: fifty with long filters, and bursts that one
    poll of the backlog takes."""
    with setting_rps(0), python(SNIFF, 50) as sniffers, \
            bounded("taskset", "-c", last_cpu(), sys.executable, "-c", BURSTS, HERE, where=IN_FAR):
        yield
        check(sniffers.poll() is None, "the sniffers ended")


@contextlib.contextmanager
def irqs_off():
    with background("timeout", SECONDS, IRQCTL, "selftest", "--inject", "30ms", "--context", "process", "--count", "5",
                    "--cpu", str(last_cpu())):
        yield


def irqs_of_devices():
    """Interrupts of network devices and disks with where they may go, the busiest first."""
    found = []
    with open("/proc/interrupts", encoding="ascii") as file:
        n_cpus = len(file.readline().split())
        for line in file:
            number, *words = line.split()
            number, counts, name = number.rstrip(":"), words[:n_cpus], words[-1]
            if number.isdigit() and any(word in name for word in ("input", "output", "req", "nvme", "eth", "TxRx")):
                found.append((sum(map(int, counts)), f"/proc/irq/{number}/smp_affinity_list"))
    return [path for _, path in sorted(found, reverse=True)]


@contextlib.contextmanager
def moved_interrupt():
    for path in irqs_of_devices():
        with open(path, encoding="ascii") as file:
            target = 0 if file.read().strip() == str(last_cpu()) else last_cpu()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(setting(path, target))
            except OSError:
                continue  # its driver manages it
            yield
            return
    require(False, "an interrupt of a network device or disk that may be moved")


@contextlib.contextmanager
def idle():
    yield


@contextlib.contextmanager
def spinners():
    with contextlib.ExitStack() as stack:
        for _ in online_cpus():
            stack.enter_context(python(SPIN))
        yield


@contextlib.contextmanager
def build():
    """What a compiler does: processes, files, memory."""
    require(shutil.which("cc"), "cc")
    with tempfile.TemporaryDirectory(prefix="irqwatch-build-") as directory:
        path = os.path.join(directory, "file.c")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"int f{i}(int x) {{ for (int i = 0; i < x; i++) x ^= x * {i} + i; return x; }}\n"
                            for i in range(1500))
        with contextlib.ExitStack() as stack:
            for cpu in online_cpus():
                stack.enter_context(bounded("sh", "-c", f"while :; do cc -O2 -c -o {path}.{cpu}.o {path}; done"))
            yield


@contextlib.contextmanager
def large_packets():
    with python(SINK, HERE), python(SOURCE, HERE, where=IN_FAR):
        yield


@contextlib.contextmanager
def wire_packets():
    """The same with segments of the wire's size, as a device without offloads gives."""
    must(*IN_FAR, "ip", "link", "set", "irqwfar", "gso_max_segs", "1")
    try:
        with python(SINK, HERE), python(SOURCE, HERE, where=IN_FAR):
            yield
    finally:
        must(*IN_FAR, "ip", "link", "set", "irqwfar", "gso_max_segs", "65535")


@contextlib.contextmanager
def forks():
    with bounded("sh", "-c", "while :; do /bin/true; done"), bounded("sh", "-c", "while :; do (:) ; done"):
        yield


# What is made, and the finding that tells of it: None for what is no trouble. What makes few interrupts comes first: it is
# the history that storms are judged by.
SCENARIOS = [
    (idle, None),
    (spinners, None),
    (build, None),
    (forks, None),
    (irqs_off, "irq-off-culprit"),
    (timer_storm, "irq-storm"),
    (ipi_storm, "irq-storm"),
    (moved_interrupt, "affinity-changed"),
    (syn_flood, "syn-flood"),
    (syn_flood_resets, "syn-flood"),
    (udp_flood, "udp-flood"),
    (one_cpu, "softirq-imbalance"),
    (small_backlog, "softnet-drops"),
    (small_budget, "time-squeeze"),
    (long_softirq, "slow-softirq"),
    (large_packets, None),
    (wire_packets, None),
]

# True of the scenario as well, and said of it: no wrong finding.
ALSO = {
    "one_cpu": {"ksoftirqd-saturated"},
    "small_backlog": {"ksoftirqd-saturated", "softirq-imbalance", "time-squeeze"},
    "small_budget": {"ksoftirqd-saturated", "softirq-imbalance", "softnet-drops"},
    "long_softirq": {"ksoftirqd-saturated"},
}


# Of the kernel itself, which a machine under load may well do: with interrupts off, as its source says.
KERNEL_HOLDS = {
    "deferred_grow_zone",  # initialises a section's worth of page structures, once for each: mm/page_alloc.c
}


def is_injected(event):
    return "bpf_prog_test_run" in (event["culprit"] or "") or "_inject_" in (event["culprit"] or "")


def excuse(finding, event, seen):
    """Whether somebody else saw what the finding's worst event tells. Other codes have no excuse."""
    code = finding["code"]
    if code == "steal":
        return was_real(event, seen.gaps) and seen.stolen * 2 >= finding["evidence"]["totalMinNsec"]
    if code == "platform-stall":
        return stood_still(event, seen.gaps, [event["cpu"], *event["evidence"].get("otherCpus", [])])
    if code == "unexplained-window":
        return was_real(event, seen.gaps)
    if code in ("slow-softirq", "slow-hardirq", "softirq-starved"):
        return ran_long(event, seen.gaps)
    if code == "irq-off-culprit":  # also: another user of this machine who tries irqctl selftest
        return was_real(event, seen.gaps) and (
            event["culprit"] in KERNEL_HOLDS or (is_injected(event) and seen.injectors > 0))
    return False


Seen = collections.namedtuple("Seen", "gaps stolen injectors")


def is_excused(daemon, finding, seen):
    if "worstId" not in finding["evidence"]:
        return False
    event = daemon.json("show", finding["evidence"]["worstId"])[0]
    excused = excuse(finding, event, seen)
    if not excused:
        note(f"  {event}; the witness: {inside(event, seen.gaps)}; {seen.stolen / 1e6} ms stolen, {seen.injectors} injectors")
    return excused


class Round:
    """One daemon, and witnesses beside it."""

    def __init__(self, stack):
        self.daemon = stack.enter_context(Daemon(CONFIG, wrapper=IN_NEAR))
        self.gaps = stack.enter_context(gaps(GAP_US))
        self.injectors = stack.enter_context(injectors())
        wait_for("passes", lambda: self.daemon.collector("softirqs")["passes"] > 2)
        self.started = time.monotonic()
        self.own_injectors = 0

    def run(self, make):
        """The report of the scenario, and what was seen of it by others."""
        since, n_gaps, n_injectors, stolen = time.time(), len(self.gaps), len(self.injectors), stolen_ns()
        with make():
            time.sleep(SECONDS)
        time.sleep(1.5)  # the last pass
        report = self.daemon.call("Report", {"sinceUsec": int(since * 1e6)})["report"]
        if make is irqs_off:
            self.own_injectors = len(self.injectors) - n_injectors
        # Others may have begun before.
        return report, Seen(self.gaps[n_gaps:], stolen_ns() - stolen, len(self.injectors) - self.own_injectors)

    def judge(self, make, expected):
        """The findings' codes as the report has them, and whether that is as it should be."""
        report, seen = self.run(make)
        codes, wrong, excused = [], set(), set()
        for finding in report["findings"]:
            code, severity = finding["code"], finding["severity"]
            told = finding["explainedBy"]
            fine = code == expected or told or severity == "info" or code in ALSO.get(make.__name__, ())
            true = not fine and is_excused(self.daemon, finding, seen)
            if true:
                excused.add(code)
            elif not told:
                codes.append(f"{code}({severity[0]})")
                wrong |= set() if fine else {code}
            note(f"  {'' if fine else 'seen by others, too: ' if true else 'WRONG: '}{severity} {code}"
                 f"{' < ' + told if told else ''}: {finding['text']}")
        first = [code.partition("(")[0] for code in codes[:2]]
        return not wrong and (expected is None or expected in first), codes, excused


Result = collections.namedtuple("Result", "good codes excused")


def play_round(number, wanted, results):
    with machine_to_ourselves(), link(), contextlib.ExitStack() as stack:
        played = Round(stack)
        for make, expected in SCENARIOS:
            name = make.__name__
            if wanted and name not in wanted:
                continue
            if "storm" in name:
                time.sleep(max(0, played.started + QUIET - time.monotonic()))
            note(f"{name}, run {number} of {RUNS}")
            results.setdefault((name, expected), []).append(Result(*played.judge(make, expected)))


def table(results):
    rows = [("scenario", "expected", "good", "not explained by another, how often")]
    for (name, expected), runs in results.items():
        counts = collections.Counter(code for run in runs for code in dict.fromkeys(run.codes))
        seen = ", ".join(f"{code} {n}" for code, n in counts.most_common()) or "nothing"
        excused = collections.Counter(code for run in runs for code in run.excused)
        more = "; also seen by the witness: " + ", ".join(f"{code} {n}" for code, n in excused.items()) if excused else ""
        rows.append((name, expected or "nothing", f"{sum(run.good for run in runs)}/{len(runs)}", seen + more))
    return rows


def scenarios():
    wanted = os.environ.get("IRQWATCH_SCENARIOS", "").split()
    results = {}
    try:
        for i in range(RUNS):
            play_round(i + 1, wanted, results)
            time.sleep(1)  # whoever waits for the machine has his turn
    finally:
        for row in table(results):
            print(f"{row[0]:18} {row[1]:20} {row[2]:6} {row[3]}", flush=True)
    bad = sum(not run.good for runs in results.values() for run in runs)
    check(not bad, f"{bad} scenarios were not told as they are")


if __name__ == "__main__":
    sys.exit(main(scenarios, takes_turns=True))
