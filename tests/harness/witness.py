# SPDX-License-Identifier: Apache-2.0
#
# Somebody else who saw it too: ftrace, in an instance of its own, and a BPF program of its own. Where a record and the injector's
# stamps do not agree, the trace tells what really happened: interrupts were off for longer than the injector can
# know when the hypervisor stopped the CPU, or others' interrupts came, between its stamps and the moments at which
# interrupts went off and on.

import contextlib
import functools
import os
import re
import subprocess

from kernel import BURDEN, PATIENCE, check

TRACING = "/sys/kernel/tracing"
EVENTS = ("timer/hrtimer_expire_entry", "irq_vectors", "irq/irq_handler_entry", "irq/softirq_entry",
          "sched/sched_switch", "csd/csd_function_entry")
LINE = re.compile(r"^\s*(.*)-(\d+)\s+\[(\d+)\]\s+(\S+)\s+(\d+)\.(\d{6}): (\w+): (.*)$")
INJECTION = "__bpf_prog_test_run_raw_tp"
TRUSTED = ("tick_nohz_handler", "tick_sched_timer", "perf_swevent_hrtimer")
ENOUGH = 20  # timers traced with a task as the current one, before it is said that BPF never sees that task


class Event:
    def __init__(self, match):
        self.comm, self.tid, self.cpu = match[1], int(match[2]), int(match[3])
        self.irqs_on = match[4][0] == "."
        self.ns = int(match[5]) * 1_000_000_000 + int(match[6]) * 1000
        self.name, self.text = match[7], match[8]

    def is_interrupt(self):
        """Something that only comes in while interrupts are on, so they were on just before."""
        return self.name in ("local_timer_entry", "reschedule_entry", "call_function_entry", "irq_handler_entry",
                             "call_function_single_entry", "irq_work_entry")

    def is_trusted_timer(self):
        return self.name == "hrtimer_expire_entry" and any(f"function={name}" in self.text for name in TRUSTED)


class Witness:
    def __init__(self):
        self.path = f"{TRACING}/instances/irqwatch-test-{os.getpid()}"
        self.trace, self.seen_by_bpf = [], {}
        self.injectors = []

    def write(self, name, value):
        with open(os.path.join(self.path, name), "w", encoding="ascii") as file:
            file.write(value)

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.watch = self.stack.enter_context(subprocess.Popen(
            [BURDEN, "injectors"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        self.has_trace = os.path.isdir(f"{TRACING}/instances")
        self.counter = self.stack.enter_context(subprocess.Popen(
            [os.environ["IRQWATCH_BPF_WITNESS"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        check(self.counter.stdout.readline() == "ready\n", "the BPF witness does not run")
        if self.has_trace:
            self.start_trace()
        return self

    def start_trace(self):
        os.mkdir(self.path)
        self.stack.callback(os.rmdir, self.path)
        self.write("trace_clock", "mono")
        self.write("buffer_size_kb", "40960")
        for event in EVENTS:
            if os.path.exists(f"{self.path}/events/{event}/enable"):
                self.write(f"events/{event}/enable", "1")

    def __exit__(self, *_):
        if self.has_trace:
            self.write("tracing_on", "0")
        counts = self.counter.communicate("", timeout=PATIENCE)[0].splitlines()
        self.seen_by_bpf = {int(tid): int(n) for tid, n in map(str.split, counts)}
        self.injectors = self.watch.communicate("", timeout=PATIENCE)[0].splitlines()
        if self.has_trace:
            with open(os.path.join(self.path, "trace"), encoding="utf-8", errors="replace") as file:
                self.trace = file.readlines()
        self.stack.close()

    @functools.cached_property
    def events(self):
        return [Event(match) for match in map(LINE.match, self.trace) if match]

    def timers_of(self, tid):
        return sum(event.tid == tid and event.name == "hrtimer_expire_entry" for event in self.events)

    def bpf_is_blind_for(self, tid):
        """Whether ftrace sees timers while that task runs, and BPF none at all, but those of all other tasks."""
        n_others = sum(event.tid != tid and event.name == "hrtimer_expire_entry" for event in self.events)
        n_seen = sum(n for other, n in self.seen_by_bpf.items() if other != tid)
        return self.timers_of(tid) >= ENOUGH and self.seen_by_bpf.get(tid, 0) == 0 and n_seen >= n_others * 0.9

    def about(self, miss, cpu):
        """What happened to a window that the self-test missed: (whether that is no fault of the record, why)."""
        start, end = miss["startNsec"], miss["endNsec"]
        own = [event for event in self.events if event.cpu == cpu]
        before = [event for event in own if start - 200_000_000 < event.ns < start]
        after = [event for event in own if end < event.ns < end + 200_000_000]
        if not before or not after:
            return False, "nothing was traced at that time"
        timer = next((event for event in after if event.is_trusted_timer()), None)
        if not timer:
            return False, "no timer was traced after it"
        if abs(miss["recordEndNsec"] - timer.ns) < 1_000_000:
            return self.compare(miss, before, timer)
        task = f"{timer.comm} ({timer.tid})"
        if self.bpf_is_blind_for(timer.tid):
            return True, (f"the kernel runs no BPF program while {task} is the current task: ftrace saw "
                          f"{self.timers_of(timer.tid)} timers in its time, BPF none")
        return False, (f"no record; the late timer came while {task} was the current task, of whose "
                       f"{self.timers_of(timer.tid)} timers BPF saw {self.seen_by_bpf.get(timer.tid, 0)}")

    @staticmethod
    def compare(miss, before, timer):
        # Whatever was traced before the interrupt that brought the injector shows the CPU at work: what it did not
        # take since then came late, because interrupts were off or because the CPU stood still.
        at_work = next((event.ns for event in reversed(before)
                        if not event.is_interrupt() and event.name != "csd_function_entry"), None)
        if not at_work:
            return False, "the trace does not show when interrupts went off"
        inner, outer = miss["endNsec"] - miss["startNsec"], timer.ns - at_work
        agrees = miss["recordMinNsec"] <= outer + 100_000 and miss["recordMaxNsec"] >= inner - 100_000
        return agrees, (f"the record says {miss['recordMinNsec'] / 1e6:.3f} to {miss['recordMaxNsec'] / 1e6:.3f} ms; by "
                        f"the trace no interrupts were taken for {inner / 1e6:.3f} to {outer / 1e6:.3f} ms")
