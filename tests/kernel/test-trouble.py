#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Trouble at the start: what the kernel refuses, what the configuration says wrong, who else is there. Each ends with a
# message that says what to do, or with less than everything working and a reason in the status.

import os
import shutil
import signal
import stat
import sys

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import BURDEN, FAST, IRQCTL, IRQWATCHD, NOBODY, Daemon, bpf_objects, bpf_objects_of, check, inject, main
from kernel import note, online_cpus, require, run, wait_for

PROC_ONLY = "[irq-delay]\nenabled=no\n"


def refused(result, status, *words):
    """The program ended with that status and said, on standard error, each of these words."""
    check(result.returncode == status, f"exit {result.returncode}, not {status}: {result.stdout}{result.stderr}")
    for word in words:
        check(word in result.stderr, f"no \"{word}\" in: {result.stderr}")


def copies_for_nobody(daemon):
    """The programs where everybody can run them, wherever they were built."""
    for program in (IRQWATCHD, IRQCTL, IRQCTL + "-selftest"):
        shutil.copy(program, daemon.dir)
        daemon.own_files.add(os.path.basename(program))
    return os.path.join(daemon.dir, "irqwatchd"), os.path.join(daemon.dir, "irqctl")


def not_root():
    require(shutil.which("setpriv"), "setpriv")
    with Daemon(PROC_ONLY) as daemon:
        irqwatchd, irqctl = copies_for_nobody(daemon)
        refused(run(*NOBODY, irqwatchd, "--socket", "/tmp/irqwatch-nobody", "--config", daemon.config), 1, "as root")
        check(not os.path.exists("/tmp/irqwatch-nobody"), "it left a socket")
        # The socket is closed to others ...
        check(stat.S_IMODE(os.stat(daemon.socket).st_mode) == 0o660, "the socket's mode")
        refused(run(*NOBODY, irqctl, "--socket", daemon.socket, "status"), 1, "permission", "irqwatch")
        # ... and where they may read, only root may change anything.
        os.chmod(daemon.socket, 0o666)
        check(run(*NOBODY, irqctl, "--socket", daemon.socket, "status").returncode == 0, "nobody may not even read")
        before = daemon.setting("softirqs.interval")
        refused(run(*NOBODY, irqctl, "--socket", daemon.socket, "set", "softirqs.interval=5s"), 1, "permission", "root")
        check(daemon.setting("softirqs.interval") == before, "nobody changed a setting")
        refused(run(*NOBODY, irqctl, "selftest", "--runs", "1"), 1, "root")


def no_btf():
    require(os.path.exists("/sys/kernel/btf/vmlinux"), "BTF, to be taken away")
    script = 'mount -t tmpfs none /sys/kernel/btf && exec "$@"'
    with Daemon(wrapper=["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]) as daemon:
        delay = daemon.collector("irq-delay")
        check(delay["state"] == "unsupported" and "/sys/kernel/btf/vmlinux" in delay["reason"], f"{delay}")
        packets = daemon.collector("packets")
        check(packets["state"] == "unsupported" and "/sys/kernel/btf/vmlinux" in packets["reason"], f"{packets}")
        check("unsupported" in daemon.log(), "the log does not say so")
        check("unsupported" in daemon.irqctl("status").stdout, "irqctl status does not say so")
        for name in ("softirqs", "interrupts"):
            wait_for(f"passes of {name}", lambda name=name: daemon.collector(name)["passes"] >= 2)
            check(daemon.collector(name)["state"] == "running", f"{daemon.collector(name)}")
            check(daemon.json("rates", name, "--since", "1m")[0]["rows"], f"no rates of {name}")
        check(not bpf_objects_of(daemon.process.pid), "BPF objects without BTF")


def no_perf_events():
    with Daemon("[irq-delay]\nthreshold=10ms\n", wrapper=[BURDEN, "without-perf"]) as daemon:
        delay = daemon.collector("irq-delay")
        check(delay["state"] == "degraded" and "perf_event_open" in delay["reason"], f"{delay}")
        check("perf_event_open" in daemon.irqctl("status").stdout, "irqctl status does not say why")
        counters = {c["name"]: c["value"] for c in delay["counters"]}
        check(counters["heartbeatNsec"] == 0, "a heartbeat without perf events")
        # A busy CPU ticks, and by its tick a long window is found all the same. (Or by the heartbeat of somebody else's
        # daemon or profiler: a cpu-clock event is as good as another.)
        process = inject("50ms", cpu=online_cpus()[-1])
        event = wait_for("event by the tick alone", lambda: next(
            (e for e in daemon.json("events", "--since", "1m") if e["pid"] == process.pid), None))
        check(event["durationMaxNsec"] >= 50_000_000, f"{event['durationMaxNsec']}")


def another_daemon_there():
    with Daemon(PROC_ONLY) as daemon:
        result = run(*daemon.command())
        refused(result, 1, "another irqwatchd", daemon.socket, "--socket")
        check(daemon.answers(), "the first one was disturbed")
        check(os.path.exists(daemon.socket), "the second one took the first one's socket away")


def killed_and_started_again():
    with Daemon(FAST) as daemon:
        held = bpf_objects_of(daemon.process.pid)
        check(any(kind == "prog" for kind, _ in held), "no BPF programs")
        daemon.kill()
        check(os.path.exists(daemon.socket), "the socket is gone: nothing stale to replace")
        wait_for("end of its BPF objects", lambda: not held & bpf_objects())
        refused(daemon.irqctl("status"), 1, "not running", daemon.socket)
        daemon.start()
        check(daemon.collector("irq-delay")["state"] == "running", "not running the second time")


def socket_path_trouble():
    with Daemon(PROC_ONLY) as daemon:
        path = os.path.join(daemon.dir, "file")
        daemon.own_files.add("file")
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        result = run(IRQWATCHD, "--socket", path, "--config", daemon.config)
        refused(result, 1, path)
        with open(path, encoding="ascii") as file:
            check(file.read() == "precious", "it overwrote a file")
        refused(run(IRQWATCHD, "--socket", daemon.dir + "/" + "x" * 200, "--config", daemon.config), 1, "cannot listen")
        refused(run(IRQWATCHD, "--socket", daemon.dir + "/a/b/c", "--config", daemon.config), 1, "cannot listen")


def daemon_not_running():
    for verb in ("status", "report", "events", "rates softirqs", "set irq-delay.threshold=5ms"):
        refused(run(IRQCTL, "--socket", "/tmp/irqwatch-nobody-there", *verb.split()), 1, "not running",
                "/tmp/irqwatch-nobody-there")


def bad_times():
    with Daemon(PROC_ONLY) as daemon:
        for verb in (["report"], ["events"], ["rates", "softirqs"]):
            for since in ("nonsense", "10x", "", "25:61", "2026-13-45", "-", "1h-"):
                refused(daemon.irqctl(*verb, f"--since={since}"), 2, "--since")
            refused(daemon.irqctl(*verb, "--since=2099-01-01"), 2, "future")
            refused(daemon.irqctl(*verb, "--since=1m", "--until=10m"), 2, "--until")
        refused(daemon.irqctl("events", "--cpu=a-b"), 2, "--cpu")
        refused(daemon.irqctl("nosuchverb"), 2, "nosuchverb")
        refused(daemon.irqctl("show", "12345"), 1, "12345")


def config_errors_at_start():
    cases = [
        ("[irq-delay]\nthreshold=banana\n", 2, ["banana", "accepted"]),
        ("[irq-delay]\n\nthreshold=1us\n", 3, ["1us", "accepted", "100us"]),
        ("[irq-delay]\nmode=sometimes\n", 2, ["sometimes", "accepted", "active", "passive"]),
        ("[irq-delay]\nthrehsold=5ms\n", 2, ["threhsold", "threshold"]),
        ("[irq_delay]\n", 1, ["irq_delay", "irq-delay"]),
        ("threshold=5ms\n", 1, ["accepted"]),
        ("[softirqs]\nenabled=perhaps\n", 2, ["perhaps", "accepted", "yes", "no"]),
        ("[interrupts]\nbudget=50\n", 2, ["accepted", "%"]),
        ("[irq-delay]\nthreshold=5ms\nheartbeat=4ms\n", None, ["5ms", "4ms", "8ms"]),
        ("[store]\nthis is no setting\n", 2, ["accepted"]),
        ("[store]\nmemory=\xff\n".encode("latin-1"), 2, ["UTF-8"]),
    ]
    for text, line, words in cases:
        with Daemon(PROC_ONLY) as daemon:
            path = os.path.join(daemon.dir, "bad")
            daemon.own_files.add("bad")
            with open(path, "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
            result = run(IRQWATCHD, "--socket", daemon.socket + "2", "--config", path)
            refused(result, 1, path + (f":{line}" if line else ""), *words)
    refused(run(IRQWATCHD, "--socket", "/tmp/irqwatch-nobody", "--config", "/nonexistent"), 1, "/nonexistent")


def config_errors_at_reload():
    with Daemon("[irq-delay]\nenabled=no\n[softirqs]\ninterval=2s\n") as daemon:
        daemon.write_config("[irq-delay]\nenabled=no\n[softirqs]\ninterval=banana\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for("word that the settings stay", lambda: "stay as they were" in daemon.log())
        check(f"{daemon.config}:4" in daemon.log() and "banana" in daemon.log(), "no file, line and value in the log")
        check(daemon.setting("softirqs.interval") == "2s", f"interval {daemon.setting('softirqs.interval')}")
        passes = daemon.collector("softirqs")["passes"]
        wait_for("more passes", lambda: daemon.collector("softirqs")["passes"] > passes)
        daemon.write_config("[irq-delay]\nenabled=no\n[softirqs]\ninterval=3s\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for("new interval", lambda: daemon.setting("softirqs.interval") == "3s")
        check(daemon.collector("softirqs")["intervalNsec"] == 3_000_000_000, "the collector does not know")
        # What is switched on comes up, and down again; what other collectors hold stays.
        others = bpf_objects_of(daemon.process.pid)
        daemon.write_config(FAST)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for("irq-delay", lambda: daemon.collector("irq-delay")["state"] == "running")
        held = bpf_objects_of(daemon.process.pid) - others
        check(held, "irq-delay runs without BPF objects")
        daemon.write_config(PROC_ONLY)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for("irq-delay switched off", lambda: daemon.collector("irq-delay")["state"] == "disabled")
        wait_for("end of its BPF objects", lambda: not held & bpf_objects())


def settings_at_runtime():
    with Daemon("[irq-delay]\nthreshold=20ms\n") as daemon:
        events, passes = daemon.status()["store"]["events"], daemon.collector("irq-delay")["passes"]
        held = bpf_objects_of(daemon.process.pid)
        result = daemon.irqctl("set", "irq-delay.threshold=5ms")
        check(result.returncode == 0, result.stderr)
        check(daemon.setting("irq-delay.threshold") == "5ms", daemon.setting("irq-delay.threshold"))
        check(bpf_objects_of(daemon.process.pid) == held, "something was loaded again: what was on its way is lost")
        check(daemon.collector("irq-delay")["passes"] >= passes and daemon.status()["store"]["events"] >= events, "lost")
        process = inject("12ms", cpu=online_cpus()[-1])  # below the old threshold, above the new one
        wait_for("event above the new threshold", lambda: any(
            e["pid"] == process.pid for e in daemon.json("events", "--since", "1m")))
        check(daemon.irqctl("set", "irq-delay.heartbeat=2ms").returncode == 0, "heartbeat")
        refused(daemon.irqctl("set", "irq-delay.threshold=3ms"), 1, "3ms", "2ms", "4ms")
        refused(daemon.irqctl("set", "irq-delay.heartbeat=3ms"), 1, "5ms", "3ms", "6ms")
        check(daemon.setting("irq-delay.threshold") == "5ms", "a refused value stays")
        check(daemon.setting("irq-delay.heartbeat") == "2ms", "a refused value stays")
        refused(daemon.irqctl("set", "irq-delay.nosuch=3ms"), 1, "nosuch")
        refused(daemon.irqctl("set", "irq-delay.threshold=banana"), 1, "banana", "accepted")
        for nonsense in ("irq-delay.threshold", "=", "threshold=5ms", ""):
            check(daemon.irqctl("set", nonsense).returncode != 0, f"set {nonsense!r} was accepted")
        check(daemon.irqctl("set", "irq-delay.mode=passive").returncode == 0, "mode")
        perf = [fd for fd in os.listdir(f"/proc/{daemon.process.pid}/fd")
                if "perf_event" in os.readlink(f"/proc/{daemon.process.pid}/fd/{fd}")]
        check(not perf, f"perf events in passive mode: {perf}")


def broken_proc_files():
    fixture = os.path.join(os.environ["IRQWATCH_FIXTURES"], "x86-guest")
    with Daemon("[softirqs]\ninterval=100ms\n[interrupts]\ninterval=100ms\n", wait=False) as daemon:
        daemon.process.terminate()
        daemon.process.wait()
        tree = os.path.join(daemon.dir, "tree")
        daemon.own_files.add("tree")
        shutil.copytree(fixture, tree)
        daemon.arguments, daemon.wait = ["--root", tree], True
        daemon.start()
        check(daemon.collector("irq-delay")["state"] == "unsupported", "it measures the kernel below a fixture")
        for name in ("softirqs", "interrupts"):
            with open(f"{fixture}/proc/{name}", "rb") as file:
                whole = file.read()
            for what, broken in (("truncated", whole[:len(whole) // 2]), ("garbled", os.urandom(4096)), ("empty", b"")):
                break_and_mend(daemon, f"{tree}/proc/{name}", name, what, broken, whole)
        check(daemon.answers(), "the daemon is gone")


def break_and_mend(daemon, path, name, what, broken, whole):
    def replace(data):
        with open(path, "r+b") as file:  # in place: the daemon keeps the file open
            file.truncate()
            file.write(data)

    wait_for(f"{name} running", lambda: daemon.collector(name)["state"] == "running")
    before = {c["name"]: c["state"] for c in daemon.status()["collectors"]}
    failed, since = daemon.collector(name)["failedPasses"], daemon.status()["nowUsec"]
    replace(broken)
    state = wait_for(f"failed pass of {name}, {what}", lambda: daemon.collector(name)["failedPasses"] > failed
                     and daemon.collector(name))
    check(state["state"] == "failing" and state["reason"], f"{what}: {state}")
    others = {c["name"]: c["state"] for c in daemon.status()["collectors"]} | {name: before[name]}
    check(others == before, f"{what}: the other collectors are {others}, not {before}")
    replace(whole)
    good = daemon.collector(name)["passes"]
    wait_for(f"{name} running again", lambda: daemon.collector(name)["state"] == "running"
             and daemon.collector(name)["passes"] >= good + 3)
    gaps = daemon.json("report", "--since", f"@{since / 1e6:.6f}")[0]["gaps"]
    found = [gap for gap in gaps if gap["collector"] == name and gap["untilUsec"] > since and "not on record" not in
             gap["reason"]]
    check(found, f"{what}: no gap in the report: {gaps}")
    rates = daemon.json("rates", name, "--since", f"@{since / 1e6:.6f}")[0]
    check(rates["gaps"] >= 1, f"{what}: no gap in the rates")
    check(all(row["total"] == 0 for row in rates["rows"]), f"{what}: counters moved: {rates['rows'][:2]}")
    note(f"{name} {what}: {state['reason']}; gap {found[0]['reason']}")


sys.exit(main(not_root, no_btf, no_perf_events, another_daemon_there, killed_and_started_again, socket_path_trouble,
              daemon_not_running, bad_times, config_errors_at_start, config_errors_at_reload, settings_at_runtime,
              broken_proc_files))
