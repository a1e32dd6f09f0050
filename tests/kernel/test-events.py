#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# What a window tells: every field of the contract, the task, its cgroup and parents; that reports add up and that
# followers see it at once.

import json
import os
import shutil
import subprocess
import sys
import threading
import xml.etree.ElementTree

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import FAST, IRQCTL, Daemon, check, inject, main, note, online_cpus, require, wait_for

NULL = type(None)
FIELDS = {
    "id": int, "kind": str, "timeUsec": int, "bootId": str, "cpu": (int, NULL), "durationMinNsec": (int, NULL),
    "durationMaxNsec": (int, NULL), "class": (str, NULL), "confidence": (str, NULL), "culprit": (str, NULL),
    "pid": (int, NULL), "tgid": (int, NULL), "comm": (str, NULL), "cgroup": (str, NULL), "container": (str, NULL),
    "parents": list, "kernelStack": (list, NULL), "userStack": (list, NULL), "evidence": dict,
}
KINDS = {"irq-delay", "hardirq", "softirq", "softirq-latency", "affinity", "alert", "collector"}
CLASSES = {"irq-off", "hardirq", "softirq", "ipi", "steal", "platform", "idle-exit", "unknown", None}
KERNEL_FRAME = {"symbol": (str, NULL), "offset": int, "module": (str, NULL)}
ATTEMPTS = 5


def check_types(value, fields, what):
    check(set(value) == set(fields), f"{what}: missing {set(fields) - set(value)}, more {set(value) - set(fields)}")
    for name, kinds in fields.items():
        good = isinstance(value[name], kinds) and not isinstance(value[name], bool)
        check(good, f"{what}: {name} is {value[name]!r}")


def check_event(event):
    check_types(event, FIELDS, "event")
    check(event["kind"] in KINDS, event["kind"])
    check(event["class"] in CLASSES, event["class"])
    check(event["confidence"] in ("high", "low", None), event["confidence"])
    for parent in event["parents"]:
        check_types(parent, {"pid": int, "comm": str}, "parent")
    for frame in event["kernelStack"] or []:
        check_types(frame, KERNEL_FRAME, "frame")
        check(0 <= frame["offset"] < 1 << 31, f"an offset that could be an address: {frame}")
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        check(event["bootId"] == file.read().strip().replace("-", ""), f"bootId {event['bootId']}")
    if event["durationMinNsec"] is not None:
        check(0 < event["durationMinNsec"] <= event["durationMaxNsec"], "bounds the wrong way round")


def own_cgroup():
    """A new cgroup: (its directory, its path as a process in it sees it). v2, where one is mounted."""
    name = f"irqwatch-kernel-{os.getpid()}"
    for base in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(f"{base}/cgroup.controllers"):
            os.mkdir(f"{base}/{name}")
            return f"{base}/{name}", "/" + name
    for base in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/memory"):
        if os.path.isdir(base):
            os.mkdir(f"{base}/{name}")
            return f"{base}/{name}", "/" + name
    require(False, "cgroups")
    return None


def hold(daemon, name, **options):
    """A program of that name that holds interrupts off by itself; its process."""
    program = os.path.join(daemon.dir, name)
    daemon.own_files.add(name)
    if not os.path.exists(program):
        shutil.copy(IRQCTL + "-selftest", program)
    return inject(program=program, **options)


def events_of(daemon, process):
    return [e for e in daemon.json("events", "--since", "2m") if e["pid"] == process.pid]


def window_of(daemon, name, attempts=ATTEMPTS, **options):
    """An injected window and its process. Where the hypervisor stops the CPU meanwhile the class is another: again."""
    for _ in range(attempts):
        process = hold(daemon, name, **options)
        found = wait_for("event of the process that held interrupts off", lambda: events_of(daemon, process), 10)
        longest = max(found, key=lambda event: event["durationMaxNsec"])
        if longest["class"] == "irq-off":
            return longest, process
        note(f"again, because the class is {longest['class']}: {longest['evidence']}")
    raise AssertionError(f"none of {attempts} windows is of class irq-off")


def flames(daemon, event):
    """The graph of a live daemon has the window's stack with its length, folded and as a picture."""
    folded = daemon.irqctl("flame", "--since", "5m", "--folded", "--weight=time", "--culprit", event["culprit"]).stdout
    lines = [line for line in folded.splitlines() if "inject_process" in line]
    check(lines, f"the culprit is not in the folded stacks: {folded}")
    # The weight's unit is the microsecond; other windows with this culprit may have joined it.
    weight = sum(int(line.rpartition(" ")[2]) for line in lines)
    check(weight >= event["durationMinNsec"] // 1000, f"{weight} us is less than the window: {event['durationMinNsec']} ns")
    svg = daemon.irqctl("flame", "--since", "5m", "--cpu", str(event["cpu"]))
    check(svg.returncode == 0, svg.stderr)
    xml.etree.ElementTree.fromstring(svg.stdout)  # throws where it is not well-formed
    check("inject_process" in svg.stdout, "the culprit is not in the picture")


def fields_and_names():
    directory, path = own_cgroup()
    cpu = online_cpus()[-1]
    try:
        with Daemon(FAST) as daemon:
            event, process = window_of(
                daemon, "holder", cpu=cpu,
                preexec_fn=lambda: open(f"{directory}/cgroup.procs", "w", encoding="ascii").write("0"))
            check(event["comm"] == "holder" and event["tgid"] == process.pid, f"{event['comm']} {event['tgid']}")
            check(event["cgroup"] == path, f"cgroup {event['cgroup']}, not {path}")
            check(event["cpu"] == cpu, f"CPU {event['cpu']}, not {cpu}")
            with open("/proc/self/comm", encoding="ascii") as file:
                own = {"pid": os.getpid(), "comm": file.read().strip()}
            check(event["parents"][0] == own, f"parents {event['parents']}, first should be {own}")
            check(event["kind"] == "irq-delay", event["kind"])
            check(event["durationMaxNsec"] >= 30_000_000, f"too short: {event['durationMaxNsec']}")
            check(event["durationMaxNsec"] - event["durationMinNsec"] <= 1_200_000, "the bracket is too wide")
            check("inject_process" in event["culprit"], f"culprit {event['culprit']}")
            check(any("inject_process" in (f["symbol"] or "") for f in event["kernelStack"]), "not on the stack")
            check("asm_sysvec_apic_timer_interrupt" not in str(event["kernelStack"]), "the timer's own frames")
            for other in daemon.json("events", "--since", "5m"):
                check_event(other)
            check(json.loads(daemon.irqctl("show", str(event["id"]), "-j").stdout) == event, "show tells it otherwise")
            raw = daemon.call("ListEvents", {"sinceUsec": 0})["events"]
            check(event in raw, "irqctl changes what the daemon says")
            text = daemon.irqctl("show", str(event["id"])).stdout
            for word in ("holder", str(process.pid), path):
                check(word in text, f"\"irqctl show\" does not say {word}: {text}")
            flames(daemon, event)
    finally:
        wait_for("empty cgroup", lambda: not open(f"{directory}/cgroup.procs", encoding="ascii").read())
        os.rmdir(directory)


def reports_add_up():
    with Daemon(FAST) as daemon:
        since = daemon.status()["nowUsec"]
        for _ in range(2):
            window_of(daemon, "holder")
        until = daemon.status()["nowUsec"]
        span = ["--since", f"@{since / 1e6:.6f}", "--until", f"@{until / 1e6:.6f}"]
        # Windows that end just before "until" may still be decided: wait until they are.
        wait_for("later pass", lambda: (daemon.collector("irq-delay")["lastPassUsec"] or 0) > until + 3_000_000)
        events = [e for e in daemon.json("events", *span) if e["kind"] == "irq-delay"]
        windows = daemon.json("report", *span)[0]["windows"]
        note(f"{len(events)} events; {windows['count']} windows, by class {windows['byClass']}")
        check(len(events) >= 2 and windows["count"] == len(events), f"{windows['count']} windows, {len(events)} events")
        worst = max(e["durationMinNsec"] for e in events)  # what is certain
        check(windows["worstNsec"] == worst, f"the worst is {worst}, not {windows['worstNsec']}")
        for group in windows["byClass"]:
            own = [e for e in events if e["class"] == group["class"]]
            check(group["count"] == len(own), f"{group} of {len(own)}")
            check(group["totalMinNsec"] == sum(e["durationMinNsec"] for e in own), f"{group}: another total")
        check(sum(group["count"] for group in windows["byClass"]) == len(events), "the classes do not add up")
        for group in windows["byCulprit"]:
            own = [e for e in events if (e["culprit"], e["class"]) == (group["culprit"], group["class"])]
            check(group["count"] == len(own), f"{group} of {len(own)}")
            check(group["totalMinNsec"] == sum(e["durationMinNsec"] for e in own), f"{group}: another total")
            check(group["totalMaxNsec"] == sum(e["durationMaxNsec"] for e in own), f"{group}: another total")
            check(group["worstId"] in [e["id"] for e in own], f"{group}: the worst is none of them")
        check(sum(group["count"] for group in windows["byCulprit"]) == len(events), "the culprits do not add up")


def following():
    with Daemon(FAST) as daemon:
        command = [IRQCTL, "--socket", daemon.socket, "events", "-f", "--json=short"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
            try:
                wait_for("subscription", lambda: daemon.status()["subscriptions"] == 1)
                lines = []
                reader = threading.Thread(target=lambda: lines.extend(iter(follower.stdout.readline, "")), daemon=True)
                reader.start()
                process = hold(daemon, "holder")
                event = wait_for("line about the window", lambda: next(
                    (e for e in map(json.loads, list(lines)) if e["pid"] == process.pid), None))
                check_event(event)
            finally:
                follower.terminate()
                follower.wait()
        wait_for("end of the subscription", lambda: daemon.status()["subscriptions"] == 0)


sys.exit(main(fields_and_names, reports_add_up, following))
