#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# A storm of events: the threshold far too low, every CPU busy and held up all the time. What the kernel side counted is, to the
# last one, what was recorded, suppressed or lost; memory stays bounded, passes stay on time. IRQWATCH_LONG=1: 30 s of each.

import contextlib
import os
import signal
import sys
import time

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import BURDEN, LONG, Daemon, background, check, inject, main, note, online_cpus, require, wait_for

SECONDS = 30 if LONG else 10
STORM = "[irq-delay]\nthreshold=200us\nheartbeat=100us\nhardirq-threshold=50us\nsoftirq-threshold=50us\n" \
        "softirq-wait-threshold=100us\n"
KINDS = ["irq-delay", "hardirq", "softirq", "softirq-latency"]
HOLD, PAUSE = 300, 1700  # us
MIB = 1024 * 1024


def memory(daemon, key):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key + ":"))


def account(daemon):
    status = daemon.status()
    collector = next(c for c in status["collectors"] if c["name"] == "irq-delay")
    counters = {c["name"]: c["value"] for c in collector["counters"]}
    others = daemon.call("ListEvents", {"kinds": ["affinity", "alert", "collector"], "limit": 100000})["events"]
    return {
        "made": counters["windows"] + counters["slowSpans"],
        "recorded": status["store"]["events"] + status["store"]["eventsDropped"] - len(others),
        "suppressed": counters["suppressedRecords"],
        "lost": counters["lostRecords"],
        "late": collector["latePasses"],
        "unsettled": counters["unsettledRecords"],
        "lost user stacks": counters["lostUserStacks"],
    }


def accounted(a):
    return a["recorded"] + a["suppressed"] + a["lost"]


def end_storm(daemon):
    """No more records from now on; what is under way arrives."""
    for setting in ("threshold=10s", "hardirq-threshold=0", "softirq-threshold=0", "softirq-wait-threshold=0"):
        result = daemon.irqctl("set", "irq-delay." + setting)
        check(result.returncode == 0, f"set {setting}: {result.stderr}")


def storm(extra, during=lambda daemon: time.sleep(SECONDS)):
    cpus = online_cpus()
    require(len(cpus) > 1, "a second CPU")
    with Daemon(STORM + extra) as daemon:
        check(daemon.collector("irq-delay")["state"] == "running", f"not running: {daemon.collector('irq-delay')}")
        before, late = memory(daemon, "VmRSS"), daemon.collector("irq-delay")["latePasses"]
        with contextlib.ExitStack() as stack:
            stack.enter_context(background(BURDEN, "spin", SECONDS, *cpus))
            for cpu in cpus:
                stack.enter_context(background(BURDEN, "hold", cpu, HOLD, PAUSE, SECONDS * 1_000_000 // (HOLD + PAUSE)))
            during(daemon)
        end_storm(daemon)
        with contextlib.suppress(AssertionError):  # it is judged below, with the numbers
            wait_for("account", lambda: accounted(account(daemon)) >= account(daemon)["made"], 10)
        end = account(daemon)
        end["late"] -= late
        time.sleep(1.5)  # at least one more pass
        later = account(daemon)
        later["late"] -= late
        grown = memory(daemon, "VmHWM") - before
        note(f"{end}; memory {before / MIB:.1f} MiB, grew by {grown / MIB:.1f} MiB at most")
        check(end == later, f"records without end: {later}")
        check(accounted(end) == end["made"], f"{end['made']} made, {accounted(end)} accounted for")
        check(end["made"] > SECONDS * 100, "that was no storm")
        return end, grown


def default_rate():
    """And a long window in its midst is recorded, however many short ones there are."""

    def during(daemon):
        time.sleep(SECONDS / 2)
        process = inject("50ms", cpu=online_cpus()[-1])
        wait_for("long window", lambda: any(e["pid"] == process.pid and e["durationMaxNsec"] >= 50_000_000
                                            for e in daemon.json("events", "--since", "1m")))
        time.sleep(SECONDS / 2)

    end, grown = storm("", during)
    check(end["suppressed"] > 0, "nothing was suppressed")
    check(end["lost"] == 0, "records were lost")
    check(end["late"] == 0, f"{end['late']} passes were late")
    check(grown < 16 * MIB, "memory grew")


def no_limit():
    end, grown = storm("max-events-per-second=100000\n")
    check(end["suppressed"] == 0, "something was suppressed")
    check(end["late"] == 0, f"{end['late']} passes were late")
    check(grown < 96 * MIB, "memory grew")  # the store's budget is 64 MiB


def nobody_reads():
    """The daemon stands still for a while: the ring buffer fills up, what does not fit is counted."""

    def during(daemon):
        time.sleep(SECONDS / 4)
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(SECONDS / 2)
        daemon.process.send_signal(signal.SIGCONT)
        time.sleep(SECONDS / 4)

    end, grown = storm("max-events-per-second=100000\n", during)
    check(end["lost"] > 0, "nothing was lost: the daemon did not stand still for long enough")
    check(grown < 96 * MIB, "memory grew")


sys.exit(main(default_rate, no_limit, nobody_reads))
