# SPDX-License-Identifier: Apache-2.0
#
# A second opinion on what the daemon records, from other programs and other evidence: bpf-gaps, which notes every
# moment that proves interrupts on, and every long run and wait; /proc/stat; and who else holds interrupts off.

import collections
import contextlib
import os
import subprocess
import threading
import time

from kernel import BURDEN, check

SOFTIRQS = ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"]
SLACK_NS = 100_000  # the witness looks a little before or after the product, and a CPU may be stopped in between

Gap = collections.namedtuple("Gap", "cpu start end kind what")


@contextlib.contextmanager
def gaps(shortest_us):
    """Fills the list it yields with all stretches of at least that length, and a little later than they end."""
    found = []
    process = subprocess.Popen([os.environ["IRQWATCH_BPF_GAPS"], str(shortest_us)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    ends = []

    def read():
        for line in process.stdout:
            if line == "end\n":
                ends.append(line)
            else:
                *numbers, kind, what = line.split()
                found.append(Gap(*map(int, numbers), kind, what))

    with process:
        check(process.stdout.readline() == "ready\n", "the witness does not start")
        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield found
        finally:
            process.stdin.close()
            reader.join()
        check(ends and process.wait() == 0, "the witness failed")


@contextlib.contextmanager
def injectors():
    """The moments (time.time()) at which somebody loaded the program that holds interrupts off."""
    moments = []
    process = subprocess.Popen([BURDEN, "injectors"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        reader = threading.Thread(target=lambda: moments.extend(time.time() for _ in process.stdout))
        reader.start()
        try:
            yield moments
        finally:
            process.stdin.close()
            reader.join()


def realtime_offset_ns():
    """Realtime less monotonic; events carry the one, the witness the other."""
    before, realtime = time.monotonic_ns(), time.time_ns()
    return realtime - (before + time.monotonic_ns()) // 2


def span_of(event):
    """Start and end of what is certain of an event, as the witness counts time."""
    end = event["timeUsec"] * 1000 - realtime_offset_ns()
    return end - event["durationMinNsec"], end


def covers(gap, start, end):
    slack = max(SLACK_NS, (end - start) // 4)
    return gap.start <= start + slack and gap.end >= end - slack


def overlap(gap, start, end):
    return min(gap.end, end) - max(gap.start, start)


def silent(cpu, found, start, end):
    """Whether nothing proved interrupts on, for half of that time or more."""
    return any(gap.kind == "silence" and gap.cpu == cpu and overlap(gap, start, end) * 2 >= end - start for gap in found)


def was_real(event, found):
    """Whether nothing proved interrupts on for most of the time in which the window says that they were certainly off."""
    return silent(event["cpu"], found, *span_of(event))


def inside(event, found):
    """What the witness saw meanwhile, in ms before the window's end."""
    _, end = span_of(event)
    start = end - event["durationMaxNsec"]
    return ", ".join(f"{gap.kind} {(gap.start - end) / 1e6:.2f} .. {(gap.end - end) / 1e6:.2f}, {gap.what}"
                     for gap in found if gap.cpu == event["cpu"] and overlap(gap, start, end) > 0)


def ran_long(event, found):
    """Whether the handler or the softirq that an event tells of ran, or waited, for most of that time."""
    start, end = span_of(event)
    kind = {"hardirq": "handler", "softirq": "softirq", "softirq-latency": "wait"}[event["kind"]]
    evidence = event["evidence"]
    number = evidence["irq"] if kind == "handler" else SOFTIRQS.index(evidence["softirq"])
    return any(gap.kind == kind and gap.cpu == event["cpu"] and gap.what == str(number) and covers(gap, start, end)
               for gap in found)


def stood_still(event, found, cpus):
    """Whether nothing proved interrupts on, on all of these CPUs, for half of the window or more."""
    return all(silent(cpu, found, *span_of(event)) for cpu in cpus)


def stolen_ns():
    """What the hypervisor took from all CPUs since the boot, as the kernel has it."""
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[8]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
