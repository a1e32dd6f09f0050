# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of history, over days that a simulated machine lived (simulate.py), and of one pass over a huge one."""

import ctypes
import math
import os
import pathlib
import select
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

import machine
import simulate

DAY = 86400
ASKED = 300             # times each question, for a 99th percentile
COARSE = "softirqs interrupts cpu ksoftirqd softnet netdev tcp pressure".split()
COARSE_SETTINGS = {**{f"{name}.interval": "10s" for name in COARSE}, "affinity.interval": "1m", "alerts.interval": "1m",
                   "store.flush": "1m"}
IN_ACCESS = 1
EXPORTER_ADDRESS = "127.0.0.1:19958"


def percentile(values, share):
    """That of nearest rank: no more than that share of the values is above it."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def ask(run, what, question, times=ASKED):
    """question() is one run of irqctl."""
    took = []
    for _ in range(times):
        start = time.monotonic()
        question()
        took.append((time.monotonic() - start) * 1e3)
    run.figure(what, f"{statistics.median(took):.1f} ms median, {percentile(took, 0.99):.1f} ms p99, {max(took):.1f} ms "
                     f"worst of {times}")


class Coarse:
    """To save hours: passes every 10 s until the last day begins, then as by default."""

    def __init__(self, simulation, days):
        self.simulation, self.until, self.now = simulation, simulation.began + days * DAY, days > 0
        self.defaults = {}
        if self.now:
            self.set(COARSE_SETTINGS)

    def set(self, settings):
        for name, value in settings.items():
            self.simulation.irqctl("set", f"{name}={value}")

    def __call__(self, now):
        if self.now and now > self.until:
            self.now = False
            self.set({**{f"{name}.interval": "1s" for name in COARSE}, "affinity.interval": "10s", "alerts.interval": "5s",
                      "store.flush": "5s"})


def live(run, simulation, days):
    """Lives the days through. What it took at most, and how long."""
    rss, start, coarse, said = [], time.monotonic(), None, time.monotonic()

    def each(now):
        nonlocal coarse, said
        coarse = coarse or Coarse(simulation, run.coarse_days)
        coarse(now)
        rss.append(machine.memory_kib(simulation.pid)[0] / 1024)
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(f"    day {(now - simulation.began) / DAY:.2f} of {days:g}", flush=True)

    simulation.live(each)
    how = f", the first {run.coarse_days:g} with passes every 10 s only" if run.coarse_days else ""
    run.figure("lived", f"{days:g} days in {(time.monotonic() - start) / 60:.1f} minutes{how}")
    run.figure("daemon, resident", f"{max(rss):.1f} MiB at most")


def print_disk(run, simulation):
    disk = simulation.status()["store"]["disk"]
    files = sum(f.stat().st_size for f in pathlib.Path(simulation.state).iterdir())
    run.figure("files of history", f"{files / 2**20:.1f} MiB of {disk['budgetBytes'] / 2**20:.0f} MiB")
    run.figure("written", f"{disk['writtenBytesPerHour'] / 2**20:.1f} MiB an hour")
    run.program("history", f"{simulation.state}/history.db")


def week_of(run, cpus, irqs):
    days = run.days
    with simulate.Simulation(run.build, cpus, irqs, days * DAY) as simulation:
        live(run, simulation, days)
        print_disk(run, simulation)
        for span in ("10m", "24h", f"{days:g}d"):
            ask(run, f"irqctl report --since {span}", lambda s=span: simulation.irqctl("report", "--since", s))
        machine.stop(simulation.process)
        with machine.Daemon(run.build, "", simulation.root, simulation.state) as daemon:
            for span in ("10m", "24h", f"{days:g}d"):
                ask(run, f"irqctl report --since {span}, restarted", lambda s=span: daemon.irqctl("report", "--since", s))
            jitter(run, daemon, days)


def week(run):
    """seven days of 64 CPUs and 300 interrupts: memory and disk, reports before and after a restart, jitter of sampling"""
    week_of(run, 64, 300)


def week_small(run):
    """the same with 2 CPUs and 40 interrupts"""
    week_of(run, 2, 40)


# Jitter

def pass_moments(path, seconds):
    """When a file is read, as inotify tells."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(libc.inotify_init1(os.O_CLOEXEC), "rb", buffering=0) as events:
        if libc.inotify_add_watch(events.fileno(), path.encode(), IN_ACCESS) < 0:
            raise OSError(ctypes.get_errno(), path)
        moments, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            if not select.select([events], [], [], 1)[0]:
                continue
            events.read(4096)
            now = time.monotonic()
            if not moments or now - moments[-1] > 0.1:  # several reads are one pass
                moments.append(now)
    return moments


def print_jitter(run, what, daemon):
    late = [moment % 1 * 1e3 for moment in pass_moments(f"{daemon.root}/proc/softirqs", run.seconds)]
    run.figure(what, f"{statistics.median(late):.2f} ms median, {percentile(late, 0.99):.2f} ms p99, {max(late):.2f} ms "
                     f"worst of {len(late)} passes")


def jitter(run, daemon, days):
    """How late passes are, at rest and while reports over all days are asked for without a pause, each of which also
    writes what is new. They are due at whole seconds since boot, and the kernel may join wake-ups for 10 ms after that:
    a loop that is awake takes a pass at once, so that the distance between two would call the daemon at rest the
    better one, or the worse, by chance."""
    print_jitter(run, "passes come after they are due by, at rest", daemon)
    done = threading.Event()

    def ask_on():
        while not done.is_set():
            daemon.irqctl("report", "--since", f"{days:g}d")

    asker = threading.Thread(target=ask_on)
    asker.start()
    try:
        print_jitter(run, f"the same, with {days:g}-day reports", daemon)
    finally:
        done.set()
        asker.join()


# One pass

def cat_ms(path):
    start = time.monotonic()
    subprocess.run(["cat", path], check=True, stdout=subprocess.DEVNULL)
    return (time.monotonic() - start) * 1e3


def exporter_ms(root, directory, times):
    """CPU time of a scrape of node_exporter's collector of the same file."""
    words = ["prometheus-node-exporter", f"--path.procfs={root}/proc", "--collector.disable-defaults",
             "--web.disable-exporter-metrics", f"--web.listen-address={EXPORTER_ADDRESS}", "--collector.interrupts"]
    with open(f"{directory}/node.log", "wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        took = []
        machine.wait_for("node_exporter", lambda: b"istening on" in pathlib.Path(log.name).read_bytes())
        for _ in range(times):
            before = machine.cpu_ns(process.pid)
            with urllib.request.urlopen(f"http://{EXPORTER_ADDRESS}/metrics", timeout=300) as reply:
                size = len(reply.read())
            took.append((machine.cpu_ns(process.pid) - before) / 1e6)
        return statistics.median(took), size
    finally:
        machine.stop(process)


def one_pass(run):
    """one pass over 4,096 interrupts of 512 CPUs: reading the text, the daemon's, node_exporter's collector"""
    with tempfile.TemporaryDirectory(prefix="irqwatch-bench-", dir="/dev/shm") as root:
        simulate.make(root, 512, 4096)
        path = f"{root}/proc/interrupts"
        cat = statistics.median(cat_ms(path) for _ in range(21))
        run.figure("cat of the file", f"{cat:.1f} ms, {os.path.getsize(path) / 2**20:.1f} MiB")
        settings = "[interrupts]\nbudget = 100%\n[affinity]\nbudget = 100%\ninterval = 1s\n"
        with machine.Daemon(run.build, settings, root) as daemon:
            time.sleep(min(run.seconds, 30))
            costs = {c["name"]: c["passCostNsec"] / 1e6 for c in daemon.status()["collectors"]}
            rss, _ = machine.memory_kib(daemon.pid)
        run.figure("irqwatchd: reading, parsing, keeping", f"{costs['interrupts']:.1f} ms of CPU, {costs['interrupts'] / cat:.1f} "
                                                           f"times cat")
        run.figure("irqwatchd: a pass over affinities", f"{costs['affinity']:.1f} ms of CPU")
        run.figure("irqwatchd, resident", f"{rss / 1024:.1f} MiB")
        if not shutil.which("prometheus-node-exporter"):
            print("  node_exporter: not compared: it is not installed")
            return
        took, size = exporter_ms(root, root, 3)
        run.figure("node_exporter --collector.interrupts", f"{took:.0f} ms of CPU a scrape of {size / 2**20:.1f} MiB, "
                                                           f"{took / costs['interrupts']:.1f} times irqwatchd")
