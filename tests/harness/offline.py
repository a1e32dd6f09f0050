#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""offline.py IRQCTL IRQWATCHD FIXTURES: irqctl snapshot and irqctl --input as their users meet them. A daemon on a moving
fixture machine, its answers beside those of the snapshot; captures of proc files in the layouts that there are; files and
directories that are damaged, foreign or made to hurt. Needs neither root nor BPF."""

import contextlib
import json
import os
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time

PATIENCE = 60  # seconds: for what must happen; how soon is not the question
CONFIG = """
[softirqs]
interval = 100ms
[interrupts]
interval = 100ms
[store]
flush = 1s
[alerts]
interval = 1s
[alert busy]
metric = softirqs/softirqs
threshold = 1
for = 0
hold = 0
"""
n_checks = 0


def check(condition, what):
    global n_checks
    n_checks += 1
    if not condition:
        raise SystemExit(f"FAIL: {what}")


def run(*arguments, code=0, err=None, env=None):
    """Output; the exit code must be that, and the message match err."""
    result = subprocess.run([IRQCTL, *arguments], check=False, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                            timeout=PATIENCE * 5, env={**os.environ, "TZ": "UTC", **(env or {})})
    check(result.returncode == code, f"irqctl {arguments}: exit {result.returncode}, not {code}: {result.stderr}")
    if err is not None:
        check(re.search(err, result.stderr), f"irqctl {arguments}: no {err!r} in {result.stderr!r}")
    return result.stdout


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        check(time.monotonic() < deadline, f"there was no {what} in {PATIENCE} s")
        time.sleep(0.05)
    return value


@contextlib.contextmanager
def daemon(directory):
    """On a machine whose softirqs and interrupts move."""
    root, sock = os.path.join(directory, "root"), os.path.join(directory, "socket")
    shutil.copytree(os.path.join(FIXTURES, "x86-guest"), root)
    with open(os.path.join(directory, "conf"), "w", encoding="ascii") as f:
        f.write(CONFIG)
    mover = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "move-machine.py"), root, "--interval",
                              "0.1"])
    process = subprocess.Popen([IRQWATCHD, "--config", os.path.join(directory, "conf"), "--socket", sock, "--state-dir",
                                os.path.join(directory, "state"), "--root", root], stderr=subprocess.DEVNULL)
    try:
        wait_for("socket", lambda: os.path.exists(sock))
        yield sock
    finally:
        for child in (mover, process):
            child.terminate()
            child.wait()


def same(live, offline, where):
    """What the file answers is what irqwatchd did, but for where it was read."""
    for answer in (live, offline):
        for key in ("tier", "eventsLeftOut"):
            answer.pop(key, None)
    check(live == offline, f"{where}: {json.dumps(live)[:2000]}\n{json.dumps(offline)[:2000]}")


def test_snapshot(directory):
    path = os.path.join(directory, "a.snapshot")
    with daemon(directory) as sock:
        live = ["--socket", sock, "--json=short"]

        def ready():
            report = json.loads(run(*live, "report", "--since", "10m"))
            events = run(*live, "events", "--kind", "alert")
            return events and report["softirqs"] and report["softirqs"][0]["total"] > 0

        wait_for("alert and counters", ready)
        until = int(time.time() * 1e6)
        time.sleep(0.3)  # a pass after the end of the span, which must not be in the answer
        run("--socket", sock, "snapshot", "-o", path, "--since", "10m")
        span = ["--since", f"@{until / 1e6 - 120:.6f}", "--until", f"@{until / 1e6:.6f}"]
        verbs = [["report", *span], ["rates", "softirqs", *span], ["rates", "interrupts", "--total", *span],
                 ["events", *span], ["alerts", "--rules"]]
        answers = [run(*live, *verb) for verb in verbs]
        event = json.loads(answers[3].splitlines()[0])
        shown = run(*live, "show", str(event["id"]))
        host = json.loads(run(*live, "status"))["hostname"]

    # Now there is neither daemon nor state.
    shutil.rmtree(os.path.join(directory, "state"))
    shutil.rmtree(os.path.join(directory, "root"))
    check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "others can read the snapshot")
    check([n for n in os.listdir(directory) if "snapshot" in n] == ["a.snapshot"], "something is left beside it")
    here = ["--input", path, "--json=short"]
    for verb, answer in zip(verbs[:3], answers):
        same(json.loads(answer), json.loads(run(*here, *verb)), verb)
    check(run(*here, *verbs[3]) == answers[3], "other events")
    check(run(*here, "show", str(event["id"])) == shown, "another event")
    check(json.loads(run(*here, "alerts", "--rules")) == json.loads(answers[4]) or "busy" in run("--input", path, "alerts"),
          "other alerts")
    check(json.loads(run(*here, "status"))["hostname"] == host, "another host")
    check("From disk" in run("--input", path, "report"), "it is not said where the answer is from")
    check(len(json.loads(run(*here, "events", "--list-boots"))) == 1, "not one boot")
    check(json.loads(run(*here, "report", "--since", "1m"))["softirqs"], "times are not relative to the file's end")
    check("NET_RX" in run("--input", path, "rates", "softirqs"), "no softirqs without a span")
    page = os.path.join(directory, "page.html")
    run("--input", path, "report", f"--html={page}")
    check(os.path.getsize(page) > 10000, "no page")
    return path


def test_refused(directory, path):
    for verb, why in ((["set", "a.b=c"], "running irqwatchd"), (["selftest"], "running irqwatchd"),
                      (["top"], "running irqwatchd"), (["metrics"], "running irqwatchd"),
                      (["snapshot", "-o", "x"], "running irqwatchd"), (["events", "-f"], "no new events|will be none"),
                      (["report", "--since", "boot"], "this machine's"), (["report", "--host", "x"], "--host"),
                      (["report", "--socket", "x"], "--socket")):
        run("--input", path, *verb, code=2, err=why)
    for arguments, code, why in ((["-o", "-"], 2, "pipe"), ([], 2, "which file"), (["-o", directory], 1, "no file"),
                                 (["-o", "x", "y"], 2, "no argument"),
                                 (["-o", os.path.join(directory, "x")], 1, "not running")):
        run("--socket", os.path.join(directory, "none"), "snapshot", *arguments, code=code, err=why)
    with daemon(os.path.join(directory, "second")) as sock:
        run("--socket", sock, "snapshot", "-o", "/nonexistent/x", code=1, err="cannot write /nonexistent/x: No such")
        run("--socket", sock, "snapshot", "-o", os.path.join(directory, "old"), "--since", "2001-01-01", "--until", "2001-01-02",
            code=1, err="no counters on record")


def altered(path, directory, sql):
    copy = os.path.join(directory, "altered")
    shutil.copyfile(path, copy)
    with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as database:
        database.executescript(sql)
    return copy


def test_hostile(directory, path):
    with open(path, "rb") as f:
        whole = f.read()
    bad = os.path.join(directory, "bad")

    def judge(data, what):
        """It says what is wrong, or answers: it never crashes, and never waits for ever."""
        with open(bad, "wb") as f:
            f.write(data)
        for verb in ("report", "events"):
            result = subprocess.run([IRQCTL, "--input", bad, verb], check=False, text=True, errors="replace",
                                    capture_output=True, timeout=PATIENCE * 5)
            check(result.returncode in (0, 1), f"{what}: exit {result.returncode}: {result.stderr}")
            check(result.returncode == 0 or result.stderr.startswith(("irqctl: ", bad)), f"{what}: {result.stderr}")
            check("unexpectedly" not in result.stderr, f"{what}: {result.stderr}")

    for data, why in ((b"", "damaged, or no file"), (b"hello\n", "damaged, or no file"), (whole[:100], "damaged|no file"),
                      (b"\0" * 65536, "damaged, or no file"), (whole[:len(whole) // 2], "damaged|no file")):
        with open(bad, "wb") as f:
            f.write(data)
        run("--input", bad, "report", code=1, err=why)
    rng = random.Random(1)
    for size in sorted(rng.sample(range(len(whole)), 12)):
        judge(whole[:size], f"the first {size} bytes")
    for i in range(60):
        data = bytearray(whole)
        for _ in range(1 << rng.randrange(10)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        judge(bytes(data), f"damage {i}")

    for sql, why in (("PRAGMA user_version = 99", "another version"), ("PRAGMA application_id = 1", "no file of"),
                     ("CREATE VIEW evil AS SELECT 1", "no file of"),
                     ("CREATE TRIGGER t AFTER INSERT ON event BEGIN SELECT 1; END", "no file of"),
                     ("DROP TABLE event; CREATE VIEW event AS WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x+1 FROM c) "
                      "SELECT x AS id FROM c", "no file of"),
                     ("UPDATE snapshot SET value = '2' WHERE name = 'format'", "another version"),
                     ("DELETE FROM snapshot WHERE name = 'status'", "no file of"),
                     ("UPDATE snapshot SET value = '{' WHERE name = 'status'", "no file of"),
                     ("UPDATE snapshot SET value = '{\"status\": 7}' WHERE name = 'status'", "no file of"),
                     ("UPDATE snapshot SET value = '-5' WHERE name = 'untilUsec'", "no file of"),
                     ("UPDATE snapshot SET value = '99999999999999999999' WHERE name = 'sinceUsec'", "no file of")):
        run("--input", altered(path, directory, sql), "report", code=1, err=why)
    # What the tables hold is judged row by row: the rest is shown.
    for sql in ("UPDATE samples_raw SET body = x'00'", "UPDATE event SET body = x'ff'", "DELETE FROM source",
                "DELETE FROM stack", "UPDATE event SET boot = 77", "UPDATE samples_raw SET run = 9, block = -1",
                "UPDATE event SET kind = 'new', cpu = -7", "UPDATE source SET metrics = x'ffffffffff'",
                "UPDATE snapshot SET value = '{\"status\":{\"hostname\":7,\"collectors\":[1,{},{\"name\":\"x\"}]}}' "
                "WHERE name = 'status'"):
        with open(altered(path, directory, sql), "rb") as f:
            judge(f.read(), sql)
    run("--input", os.path.join(directory, "nothing"), "report", code=1, err="cannot read .*nothing: No such file")
    run("--input", "/dev/null", "report", code=1, err="neither a file nor a directory")
    os.mkfifo(os.path.join(directory, "pipe"))
    run("--input", os.path.join(directory, "pipe"), "report", code=1, err="neither a file nor a directory")


def capture(directory, machine, bare=False, **files):
    """A fixture machine as a capture: with proc/, or without."""
    source = os.path.join(FIXTURES, machine)
    os.makedirs(directory)
    if bare:
        shutil.copytree(os.path.join(source, "proc"), directory, dirs_exist_ok=True)
    else:
        shutil.copytree(source, directory, dirs_exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(text)


def totals(path, what):
    return {row["name"]: row["total"] for row in json.loads(run("--input", path, "--json=short", "rates", what))["rows"]}


def test_captures(directory):
    path = os.path.join(directory, "wrap")
    capture(os.path.join(path, "1"), "x86-wrap.1", date="1795389460.5\n")
    capture(os.path.join(path, "2"), "x86-wrap.2", date="1795389470.5\n")
    report = json.loads(run("--input", path, "--json=short", "report", err='2 captures.*files "date"'))
    check(report["untilUsec"] - report["sinceUsec"] == 10_000_000, "the dates are not the times")
    check(any(row["type"] == "NET_RX" and row["total"] == 11 for row in report["softirqs"]), "NET_RX did not wrap to 11")
    check(any(row["irq"] == "24" and row["total"] == 496 for row in report["interrupts"]), "interrupt 24 did not move by 496")
    check(not report["gaps"] and not report["windows"]["count"], "gaps or windows")
    expected = totals(path, "interrupts")

    # The same numbers, whatever the layout and wherever the time is from.
    def build(name, bare, first, second, names=("a", "b")):
        place = os.path.join(directory, name)
        for i, (sub, files) in enumerate(zip(names, (first, second)), 1):
            capture(os.path.join(place, sub), f"x86-wrap.{i}", bare=bare, **files)
        return place

    for name, bare, first, second, names, clock in (
            ("bare", True, {"date": "Sun Nov 22 22:43:12 UTC 2026"}, {"date": "Sun Nov 22 22:43:22 UTC 2026"}, "ab", "date"),
            ("iso", False, {"date": "2026-11-22T22:43:12+08:00"}, {"date": "2026-11-22 22:43:22+0800"}, "ab", "date"),
            ("names", True, {}, {}, ("web-20261122-140310", "web-20261122-140320"), "names"),
            ("epochs", False, {}, {}, ("1795389460", "1795389470"), "names"),
            ("deep", True, {"date": "1795389460"}, {"date": "1795389470"}, ("1/sos-web", "2/sos-web"), "date")):
        place = build(name, bare, first, second, names)
        report = json.loads(run("--input", place, "--json=short", "report", err=clock))
        check(report["untilUsec"] - report["sinceUsec"] == 10_000_000, f"{name}: not ten seconds")
        check(totals(place, "interrupts") == expected, f"{name}: other interrupts")
    place = build("uptime", True, {"uptime": "350735.40 234388.90\n"}, {"uptime": "350737.90 234390.90\n"})
    for sub in "ab":
        with open(os.path.join(place, sub, "stat"), "r+", encoding="ascii") as f:
            text = re.sub(r"^btime.*\n", "", f.read(), flags=re.M)
            f.seek(0)
            f.write(text + "btime 1795000000\n")
            f.truncate()
    report = json.loads(run("--input", place, "--json=short", "report", err="proc/uptime"))
    check((report["sinceUsec"], report["untilUsec"]) == (1795350735_400000, 1795350737_900000), f"not the uptimes: {report}")
    place = build("files", True, {}, {})
    for i, sub in enumerate("ab"):
        for base, _, names in os.walk(os.path.join(place, sub)):
            for name in names:
                os.utime(os.path.join(base, name), (1795389460 + 10 * i,) * 2)
    run("--input", place, "report", err="of the files themselves")
    check(totals(place, "interrupts") == expected, "by the times of files: other interrupts")

    check(not [name for name in os.listdir(os.environ["TMPDIR"]) if name.startswith("irqctl-")], "temporary directories are left")


def test_captures_lacking(directory):
    path = os.path.join(directory, "lacking")
    capture(os.path.join(path, "1"), "x86-wrap.1", date="1795389460\n", hostname="web1\n")
    capture(os.path.join(path, "2"), "x86-wrap.2", date="1795389470\n", hostname="web1\n")
    os.unlink(os.path.join(path, "2/proc/net/softnet_stat"))
    os.unlink(os.path.join(path, "1/proc/net/dev"))
    os.mkfifo(os.path.join(path, "1/proc/net/dev"))
    with open(os.path.join(path, "1/proc/interrupts"), "r+", encoding="ascii") as f:
        f.truncate(40)
    report = json.loads(run("--input", path, "--json=short", "report", err="nothing on softnet"))
    gaps = {gap["collector"]: gap["reason"] for gap in report["gaps"]}
    check(report["hostname"] == "web1", "not the capture's host")
    check("no net/softnet_stat in the capture 2" in gaps["softnet"], f"softnet: {gaps}")
    check("is no file" in gaps["netdev"], f"netdev: {gaps}")
    check("cannot be understood" in gaps["interrupts"], f"interrupts: {gaps}")
    check([row["type"] for row in report["softirqs"] if row["total"]] == ["NET_RX"], "softirqs are not there all the same")
    check("collector-gap" not in [finding["code"] for finding in report["findings"]], "what a capture lacks is a finding")
    check("web1" in run("--input", path, "status"), "status has another host")
    check("unsupported" in run("--input", path, "status"), "status does not say what is missing")

    for name, machines, why in (("one", ["x86-wrap.1"], "is one directory"), ("none", [], "are no directories"),
                                ("garbage", ["broken-garbage", "broken-garbage"], "can be understood")):
        place = os.path.join(directory, name)
        os.makedirs(place)
        for i, machine in enumerate(machines):
            capture(os.path.join(place, str(i)), machine, date=f"179538946{i}")
        run("--input", place, "report", code=1, err=why)
    place = os.path.join(directory, "together")
    for sub in "ab":
        capture(os.path.join(place, sub), "x86-wrap.1")
        for base, _, names in os.walk(os.path.join(place, sub)):
            for name in names:
                os.utime(os.path.join(base, name), (1795389460,) * 2)
    run("--input", place, "report", code=1, err="cannot tell how much time")


def main():
    with tempfile.TemporaryDirectory(prefix="irqwatch-offline-") as directory:
        os.environ["TMPDIR"] = os.path.join(directory, "tmp")  # of the programs that are started
        os.mkdir(os.environ["TMPDIR"])
        path = test_snapshot(directory)
        os.mkdir(os.path.join(directory, "second"))
        test_refused(directory, path)
        test_hostile(directory, path)
        test_captures(directory)
        test_captures_lacking(directory)
    print(f"{n_checks} checks")


IRQCTL, IRQWATCHD, FIXTURES = sys.argv[1:]
main()
