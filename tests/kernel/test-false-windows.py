#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# No window of 2 ms or more is of class irq-off or unknown where interrupts were on meanwhile, whatever else goes on. Some of
# that length are real even here: an injector's (this machine may have other users), those of stop_machine(), by which a
# CPU is taken offline, those in which the hypervisor stops a CPU just where it has interrupts off. So a second witness
# (bpf-gaps) notes every moment that proves interrupts on: system calls, interrupts, softirqs. A window is false if no
# stretch without such a moment is as long as half of what the window says is certain: what holds up the timer for most
# of it is not masked interrupts. IRQWATCH_LONG=1: 60 s of each.

import collections
import contextlib
import os
import shutil
import sys
import time

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from gaps import gaps, inside, was_real
from kernel import BURDEN, FAST, LONG, Daemon, background, check, main, note, online_cpus, require, wait_for

SECONDS = 60 if LONG else 12
HOTPLUG = "/sys/devices/system/cpu/cpu1/online"
GAP_US = 500            # the shortest stretch that the witness tells of


def describe(event):
    stack = " < ".join(f"{frame['symbol']}+{frame['offset']}" for frame in event["kernelStack"] or [])
    return (f"cpu {event['cpu']} {event['durationMinNsec'] / 1e6:.2f}-{event['durationMaxNsec'] / 1e6:.2f} ms "
            f"{event['class']} ({event['confidence']}) {event['comm']}: {stack} {event['evidence']}")


def judge(events, coverage, stretches):
    by_class = collections.Counter(event["class"] for event in events)
    note(f"{len(events)} windows: {dict(by_class)}; coverage {coverage}")
    suspects = [e for e in events if e["class"] in ("irq-off", "unknown") and e["durationMaxNsec"] >= 2_000_000]
    false = [e for e in suspects if not was_real(e, stretches)]
    if len(false) < len(suspects):
        real = collections.Counter(e["culprit"] for e in suspects if e not in false)
        note(f"{len(suspects) - len(false)} of class irq-off or unknown are real, as the witness says: {dict(real)}")
    # What it would not confirm of what the hypervisor did shows how much its word is worth.
    stolen = [e for e in events if e["class"] == "steal" and e["durationMinNsec"] >= 2_000_000]
    note(f"it confirms {sum(was_real(e, stretches) for e in stolen)} of {len(stolen)} windows of class steal")
    for event in false:
        note(f"FALSE {describe(event)}; the witness: {inside(event, stretches)}")
    check(not false, f"{len(false)} false windows")


def watch(during):
    """Runs during() beside a daemon and judges what that recorded."""
    with Daemon(FAST + "max-events-per-second=1000\n") as daemon, gaps(GAP_US) as stretches:
        check(daemon.collector("irq-delay")["state"] == "running", f"not running: {daemon.collector('irq-delay')}")
        since = daemon.status()["nowUsec"]
        during(daemon)
        # The last windows are decided a tick later.
        until = daemon.status()["nowUsec"]
        wait_for("pass after the last window",
                 lambda: (daemon.collector("irq-delay")["lastPassUsec"] or 0) > until + 500_000)
        report = daemon.call("Report", {"sinceUsec": since})["report"]
        counters = {c["name"]: c["value"] for c in daemon.collector("irq-delay")["counters"]}
        check(counters["lostRecords"] == 0 and counters["suppressedRecords"] == 0, f"records were lost: {counters}")
        events = daemon.json("events", "--since", f"@{since // 1_000_000}")
        coverage = {row["cpu"]: round(row["coverage"], 4) for row in report["latency"]}
    judge(events, coverage, stretches)


def idle():
    watch(lambda daemon: time.sleep(SECONDS))


def spinner_on_each_cpu():
    def during(_daemon):
        with background(BURDEN, "spin", SECONDS, *online_cpus()) as process:
            check(process.wait() == 0, "the spinner failed")

    watch(during)


def timers_armed_in_the_past():
    def during(_daemon):
        with background(BURDEN, "past-timers", SECONDS, *online_cpus()) as process:
            check(process.wait() == 0, "the program with the timers failed")

    watch(during)


def set_online(value):
    with open(HOTPLUG, "w", encoding="ascii") as file:
        file.write(value)


def cpu_offline_and_online():
    require(os.access(HOTPLUG, os.W_OK) and 1 in online_cpus(), "CPU hotplug: CPU 1 cannot be taken offline")

    def during(daemon):
        try:
            for _ in range(20):
                set_online("0")
                time.sleep(0.1)
                set_online("1")
                time.sleep(0.2)
        finally:
            set_online("1")
        # It is followed: the CPU that came back is watched again.
        before = daemon.call("GetRates", {"source": "irq-delay", "metric": "observed", "sinceUsec": 0})["rates"]
        now = daemon.status()["nowUsec"]
        wait_for("two passes with CPU 1 back", lambda: daemon.collector("irq-delay")["lastPassUsec"] > now + 3_000_000)
        rates = daemon.call("GetRates", {"source": "irq-delay", "metric": "observed", "sinceUsec": now})["rates"]
        observed = {cell["cpu"]: cell["total"] for cell in rates["rows"][0]["perCpu"]}
        note(f"observed after the CPU came back: {observed} of {rates['elapsedNsec']} ns; {len(before['rows'])} row")
        check(observed.get(1, 0) > rates["elapsedNsec"] / 2, "CPU 1 came back and is not watched")

    watch(during)


def other_tools_beside():
    perf, bpftrace = shutil.which("perf"), shutil.which("bpftrace")
    require(perf, "perf")
    require(bpftrace, "bpftrace")

    def during(daemon):
        script = "tracepoint:timer:hrtimer_expire_entry { @[cpu] = count(); } tracepoint:irq:softirq_entry { @s = count(); }"
        data = os.path.join(daemon.dir, "perf.data")
        daemon.own_files |= {"perf.data", "perf.data.old", "bpftrace.log"}
        log = open(os.path.join(daemon.dir, "bpftrace.log"), "w+", encoding="utf-8")
        with log, contextlib.ExitStack() as stack:
            tools = [stack.enter_context(background(*command, stdout=log, stderr=log)) for command in (
                [perf, "record", "-q", "-a", "-e", "cpu-clock", "-F", "999", "-o", data],
                [perf, "stat", "-a", "-e", "cpu-clock,task-clock", "-I", "1000"],
                [bpftrace, "-e", script])]
            time.sleep(SECONDS)
            log.seek(0)
            for tool in tools:
                check(tool.poll() is None, f"a tool ended early: {log.read()}")

    watch(during)


sys.exit(main(idle, spinner_on_each_cpu, timers_armed_in_the_past, cpu_offline_and_online, other_tools_beside))
