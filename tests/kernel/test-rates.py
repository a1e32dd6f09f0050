#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Rates agree with an independent reading: a counter that only grows lies, at a pass of the daemon, between what was
# read just before that pass and what was read just after. So the difference of two passes has a least and a most.

import os
import re
import sys

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import BURDEN, PATIENCE, Daemon, background, check, main, note, online_cpus, require, run, wait_for

SECONDS = 3


def read_table(path):
    """{row: {cpu: count}} of /proc/softirqs and /proc/interrupts; rows without a column for each CPU are left out."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    cpus = [int(name[3:]) for name in lines[0].split()]
    rows = {}
    for line in lines[1:]:
        name, _, rest = line.strip().partition(":")
        counts = rest.split()[:len(cpus)]
        if len(counts) == len(cpus) and all(map(str.isdigit, counts)):
            rows[name] = dict(zip(cpus, map(int, counts)))
    return rows


NSEC_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def read_stat(path):
    """{mode: {cpu: ns}}. Not iowait, which may decrease."""
    modes = ["user", "nice", "system", "idle", None, "irq", "softirq", "steal", "guest"]
    rows = {mode: {} for mode in modes if mode}
    with open(path, encoding="ascii") as file:
        for line in file:
            name, *ticks = line.split()
            if re.fullmatch(r"cpu\d+", name):
                for mode, n in zip(modes, ticks):
                    if mode:
                        rows[mode][int(name[3:])] = int(n) * NSEC_PER_TICK
    return rows


def read_softnet(path):
    """{counter: {cpu: count}}, of kernels that print the CPU."""
    columns = {"processed": 0, "dropped": 1, "time_squeeze": 2, "received_rps": 9, "flow_limit_count": 10}
    with open(path, encoding="ascii") as file:
        lines = [[int(word, 16) for word in line.split()] for line in file]
    require(len(lines[0]) > 12, "the CPU's number in /proc/net/softnet_stat (Linux 5.10)")
    return {name: {line[12]: line[i] for line in lines} for name, i in columns.items()}


def read_netdev(column):
    """A reader of {device: {None: count}}."""
    def read(path):
        with open(path, encoding="utf-8") as file:
            lines = [line.partition(":") for line in file.read().splitlines()[2:]]
        return {name.strip(): {None: int(rest.split()[column])} for name, _, rest in lines}
    return read


def read_ksoftirqd(column):
    """A reader of {"": {cpu: ns}}, of the children of kthreadd by that name."""
    def read(_):
        times = {}
        for line in run("pgrep", "-P", "2", "-l", "^ksoftirqd/").stdout.splitlines():
            pid, comm = line.split()
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
                times[int(comm.partition("/")[2])] = int(file.read().split()[column])
        return {"": times}
    return read


TCP = ("SyncookiesSent SyncookiesRecv SyncookiesFailed ListenOverflows ListenDrops TCPReqQFullDoCookies TCPReqQFullDrop "
       "AttemptFails PassiveOpens InSegs OutRsts UdpInDatagrams UdpNoPorts UdpRcvbufErrors").split()


def read_tcp(path):
    """{counter: {None: count}} of /proc/net/snmp and netstat, names of UDP with that in front."""
    rows = {}
    for file_name in (path, path.replace("snmp", "netstat")):
        with open(file_name, encoding="ascii") as file:
            lines = [line.split() for line in file]
        for names, values in zip(lines[::2], lines[1::2]):
            prefix = {"Tcp:": "", "TcpExt:": "", "Udp:": "Udp"}.get(names[0])
            if prefix is not None:
                rows.update({prefix + name: {None: int(value)} for name, value in zip(names[1:], values[1:])})
    return {name: rows[name] for name in TCP if name in rows}


# Small datagrams over the loopback, half of them to nobody, with pauses.
SEND = """import socket, sys, time
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
to.bind(("127.0.0.1", 0))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for _ in range(500):
        s.sendto(b"x", to.getsockname())
        s.sendto(b"x", ("127.0.0.2", 9))
    time.sleep(0.01)
"""


def around_a_pass(daemon, source, path, read):
    """A reading before a pass, the pass' time, a reading after it."""
    while True:
        before = read(path)
        old = daemon.collector(source)["lastPassUsec"]
        started = daemon.status()["nowUsec"]
        new = wait_for("pass", lambda: daemon.collector(source)["lastPassUsec"] != old
                       and daemon.collector(source)["lastPassUsec"])
        after = read(path)
        # The reading was before it only if no pass came between the reading and the question.
        if new >= started:
            return before, new, after


def count_moved(before, after):
    """Cells that are not what they were."""
    return sum(value != before.get(name, {}).get(cpu, value) for name, cells in after.items()
               for cpu, value in cells.items())


def compare(source, path, name_of=lambda row: row["name"], read=read_table, metric=None, load=None, least_moved=4):
    """Of one metric (None: the first), while load runs (None: timers on all CPUs)."""
    words = [source, metric] if metric else [source]
    load = load or [BURDEN, "past-timers", PATIENCE, *online_cpus()]
    with Daemon(f"[{source}]\ninterval=500ms\n") as daemon:
        check(daemon.collector(source)["state"] == "running", f"{daemon.collector(source)}")
        a_before, first, a_after = around_a_pass(daemon, source, path, read)
        with background(*load):
            wait_for("some passes", lambda: daemon.collector(source)["lastPassUsec"] > first + SECONDS * 1_000_000)
            wait_for("something to compare", lambda: count_moved(a_after, read(path)) >= least_moved)
        b_before, last, b_after = around_a_pass(daemon, source, path, read)
        rates = daemon.json("rates", *words, "--since", f"@{first / 1e6:.6f}", "--until", f"@{last / 1e6:.6f}")[0]

    check(rates["sinceUsec"] == first and rates["untilUsec"] == last,
          f"asked for {first} to {last}, got {rates['sinceUsec']} to {rates['untilUsec']}")
    check(abs(rates["elapsedNsec"] - (last - first) * 1000) < 50_000_000, f"elapsed {rates['elapsedNsec']}")
    got = {name_of(row): row for row in rates["rows"]}
    n_cells = n_moved = 0
    for name, cells in b_after.items():
        if name not in a_before or name not in a_after or name not in b_before:
            continue  # a row that came or went meanwhile
        row = got.get(name)
        totals = {cell["cpu"]: cell["total"] for cell in row["perCpu"]} if row else {}
        totals[None] = row["single"] if row else 0
        for cpu in cells:
            least = b_before[name][cpu] - a_after[name][cpu]
            most = b_after[name][cpu] - a_before[name][cpu]
            total = totals.get(cpu, 0)
            check(least <= total <= most, f"{source} {name} CPU {cpu}: {total} is not in {least}..{most}")
            n_cells += 1
            n_moved += total > 0
        if row:
            check(row["total"] == sum(totals.values()), f"{name}: the total is no sum")
            check(abs(row["perSecond"] - row["total"] * 1e9 / rates["elapsedNsec"]) < 0.01 + row["perSecond"] * 1e-6,
                  f"{name}: per second {row['perSecond']}")
    unknown = set(got) - set(b_after) - {"ERR", "MIS", "iowait"}
    check(not unknown, f"rows that are not in {path}: {unknown}")
    note(f"{' '.join(words)}: {n_cells} cells agree, {n_moved} of them moved, in {rates['elapsedNsec'] / 1e9:.2f} s")
    check(n_moved >= least_moved, "hardly anything moved: nothing was compared")


def softirqs():
    compare("softirqs", "/proc/softirqs")


def interrupts():
    compare("interrupts", "/proc/interrupts", lambda row: re.split(r"[\s:]", row["name"])[0])


def cpu():
    compare("cpu", "/proc/stat", read=read_stat)


def ksoftirqd():
    n = len(online_cpus())
    compare("ksoftirqd", None, read=read_ksoftirqd(0), least_moved=n)
    compare("ksoftirqd", None, read=read_ksoftirqd(1), metric="run-delay", least_moved=1)


def softnet():
    send = [sys.executable, "-c", SEND, PATIENCE]
    compare("softnet", "/proc/net/softnet_stat", read=read_softnet, load=send, least_moved=1)


def netdev():
    send = [sys.executable, "-c", SEND, PATIENCE]
    for metric, column in ("rx-packets", 1), ("rx-bytes", 0), ("tx-packets", 9), ("tx-bytes", 8):
        compare("netdev", "/proc/net/dev", read=read_netdev(column), metric=metric, load=send, least_moved=1)


def tcp():
    send = [sys.executable, "-c", SEND, PATIENCE]
    compare("tcp", "/proc/net/snmp", read=read_tcp, load=send, least_moved=2)


def unsupported_says_why():
    """What the kernel does not have is a state with a reason, and the file is indeed not to be read."""
    with Daemon() as daemon:
        pressure = daemon.collector("pressure")
    try:
        with open("/proc/pressure/irq", encoding="ascii") as file:
            readable = bool(file.read())
    except OSError:
        readable = False
    check(pressure["state"] == ("running" if readable else "unsupported"), f"{pressure}")
    check(readable or "/proc/pressure/irq" in pressure["reason"], f"{pressure}")


def table_for_people():
    with Daemon() as daemon:
        wait_for("two passes", lambda: daemon.collector("softirqs")["passes"] >= 3)
        result = daemon.irqctl("rates", "softirqs", "--since", "1m", "--no-pager")
        check(result.returncode == 0, result.stderr)
        check("TIMER" in result.stdout and "CPU0" in result.stdout, result.stdout)


sys.exit(main(softirqs, interrupts, cpu, ksoftirqd, softnet, netdev, tcp, unsupported_says_why, table_for_people))
