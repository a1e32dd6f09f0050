#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The live socket, as systemd's varlinkctl (257) sees it. IRQWATCH_VARLINKCTL is the command; otherwise one in PATH, or
# harness/fetch-varlinkctl gets one.

import json
import os
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import FAST, PATIENCE, Daemon, Missing, check, inject, main, note, online_cpus, run, wait_for


def varlinkctl():
    for command in (os.environ.get("IRQWATCH_VARLINKCTL"), shutil.which("varlinkctl")):
        if command and int(re.search(r"systemd (\d+)", run(command, "--version").stdout)[1]) >= 257:
            return command
    fetched = run(os.path.join(os.environ["IRQWATCH_HARNESS"], "fetch-varlinkctl"), os.environ["IRQWATCH_FETCH"])
    if fetched.returncode != 0:
        raise Missing(f"varlinkctl 257: it cannot be fetched here: {fetched.stderr.strip()[-300:]}")
    return fetched.stdout.split()[-1]


def said(result, *words):
    check(result.returncode == 0, f"{result.args}: exit {result.returncode}: {result.stderr}")
    for word in words:
        check(word in result.stdout, f"{result.args}: no \"{word}\" in {result.stdout}")
    return result.stdout


def live_socket():
    command = varlinkctl()
    note(run(command, "--version").stdout.splitlines()[0])
    with Daemon(FAST) as daemon:
        address = "unix:" + daemon.socket
        monitor = "io.irqwatch.monitor"
        said(run(command, "info", address), "irqwatchd", monitor)
        said(run(command, "list-interfaces", address), monitor, "org.varlink.service")
        methods = said(run(command, "list-methods", address, monitor), f"{monitor}.GetStatus", f"{monitor}.Report")
        text = said(run(command, "introspect", address, monitor), "method Subscribe", "type Event")
        described = set(re.findall(r"^method (\w+)", re.sub(r"\x1b\[[0-9;]*m", "", text), re.M))
        check(described == {line.rpartition(".")[2] for line in methods.split()}, f"{described} and {methods}")
        said(run(command, "introspect", address, "org.varlink.service"), "GetInfo")

        status = json.loads(said(run(command, "-j", "call", address, f"{monitor}.GetStatus", "{}")))["status"]
        check(status["version"] == daemon.status()["version"], f"{status}")
        refused = run(command, "call", address, f"{monitor}.GetEvent", '{"id":1}')
        check(refused.returncode != 0 and "NoSuchEvent" in refused.stderr + refused.stdout, refused.stderr)
        refused = run(command, "call", address, f"{monitor}.Subscribe", "{}")
        check(refused.returncode != 0 and "ExpectedMore" in refused.stderr + refused.stdout, refused.stderr)

        inject("20ms", count=3, cpu=online_cpus()[-1])
        wait_for("windows", lambda: daemon.status()["store"]["events"] >= 3)
        listed = said(run(command, "-j", "--more", "call", address, f"{monitor}.ListEvents", '{"sinceUsec":0}'))
        count = sum(len(json.loads(line)["events"]) for line in re.findall(r"^[\x1e]?(\{.*\})$", listed, re.M))
        check(count >= 3, f"{count} events: {listed[:500]}")
        follow(command, address, daemon)


def hold_up(holders, seen):
    """One window after the other until one was seen: the limit of events, or a sandbox's agent, may take some."""
    while not seen.is_set():
        holders.add(inject("20ms", cpu=online_cpus()[-1]).pid)


def follow(command, address, daemon):
    words = [command, "-j", "--more", "--timeout=infinity", "call", address, "io.irqwatch.monitor.Subscribe", "{}"]
    holders, told, seen = set(), set(), threading.Event()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(PATIENCE, process.terminate)
        holding = threading.Thread(target=hold_up, args=(holders, seen))
        try:
            wait_for("subscription", lambda: daemon.status()["subscriptions"] == 1)
            timer.start()
            holding.start()
            for line in process.stdout:
                event = json.loads(line.strip("\x1e\n"))["event"]
                if event:
                    told.add(event["pid"])  # before its process has ended
                if told & holders:
                    return
            raise AssertionError(f"the stream ended without a window of {holders}")
        finally:
            seen.set()
            timer.cancel()
            process.terminate()
            if holding.ident:
                holding.join()


sys.exit(main(live_socket))
