#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Rates agree with an independent reading: a counter that only grows lies, at a pass of the daemon, between what was
# read just before that pass and what was read just after. So the difference of two passes has a least and a most.

import os
import re
import sys

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import BURDEN, Daemon, background, check, main, note, online_cpus, wait_for

SECONDS = 6


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


def around_a_pass(daemon, source, path):
    """A reading before a pass, the pass' time, a reading after it."""
    while True:
        before = read_table(path)
        old = daemon.collector(source)["lastPassUsec"]
        started = daemon.status()["nowUsec"]
        new = wait_for("pass", lambda: daemon.collector(source)["lastPassUsec"] != old
                       and daemon.collector(source)["lastPassUsec"])
        after = read_table(path)
        # The reading was before it only if no pass came between the reading and the question.
        if new >= started:
            return before, new, after


def compare(source, path, name_of):
    with Daemon("[softirqs]\ninterval=500ms\n[interrupts]\ninterval=500ms\n") as daemon:
        check(daemon.collector(source)["state"] == "running", f"{daemon.collector(source)}")
        a_before, first, a_after = around_a_pass(daemon, source, path)
        with background(BURDEN, "past-timers", SECONDS, *online_cpus()):
            wait_for("some passes", lambda: daemon.collector(source)["lastPassUsec"] > first + SECONDS * 1_000_000)
        b_before, last, b_after = around_a_pass(daemon, source, path)
        rates = daemon.json("rates", source, "--since", f"@{first / 1e6:.6f}", "--until", f"@{last / 1e6:.6f}")[0]

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
        for cpu in cells:
            least = b_before[name][cpu] - a_after[name][cpu]
            most = b_after[name][cpu] - a_before[name][cpu]
            total = totals.get(cpu, 0)
            check(least <= total <= most, f"{source} {name} CPU {cpu}: {total} is not in {least}..{most}")
            n_cells += 1
            n_moved += total > 0
        if row:
            check(row["total"] == sum(totals.values()) + row["single"], f"{name}: the total is no sum")
            check(abs(row["perSecond"] - row["total"] * 1e9 / rates["elapsedNsec"]) < 0.01 + row["perSecond"] * 1e-6,
                  f"{name}: per second {row['perSecond']}")
    unknown = set(got) - set(b_after) - {"ERR", "MIS"}
    check(not unknown, f"rows that are not in {path}: {unknown}")
    note(f"{source}: {n_cells} cells agree, {n_moved} of them moved, in {rates['elapsedNsec'] / 1e9:.2f} s")
    check(n_moved >= 4, "hardly anything moved: nothing was compared")


def softirqs():
    compare("softirqs", "/proc/softirqs", lambda row: row["name"])


def interrupts():
    compare("interrupts", "/proc/interrupts", lambda row: re.split(r"[\s:]", row["name"])[0])


def table_for_people():
    with Daemon() as daemon:
        wait_for("two passes", lambda: daemon.collector("softirqs")["passes"] >= 3)
        result = daemon.irqctl("rates", "softirqs", "--since", "1m", "--no-pager")
        check(result.returncode == 0, result.stderr)
        check("TIMER" in result.stdout and "CPU0" in result.stdout, result.stdout)


sys.exit(main(softirqs, interrupts, table_for_people))
