#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The daemon as a service: what it tells the service manager, sockets that it is handed, a prompt end, and clients that
# misbehave.

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import BURDEN, INTERFACE, IRQCTL, IRQWATCHD, Connection, Daemon, bpf_objects, bpf_objects_of
from kernel import check, main, note, online_cpus, require, wait_for

PROC_ONLY = "[irq-delay]\nenabled=no\n"
OUTPUT_MAX = 4 * 1024 * 1024  # what the daemon keeps for one client: daemon/manager.c


class NotifySocket:
    """What a service manager hears."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.messages = []

    def heard(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.messages.append(self.socket.recv(4096, socket.MSG_DONTWAIT).decode())
        return [line for message in self.messages for line in message.splitlines()]

    def wait_for(self, start, after=0):
        return wait_for(f"\"{start}\" to the service manager",
                        lambda: next((line for line in self.heard()[after:] if line.startswith(start)), None))


def notifications():
    path = f"/tmp/irqwatch-notify-{os.getpid()}"
    notify = NotifySocket(path)
    try:
        with Daemon(environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "2000000"}) as daemon:
            notify.wait_for("READY=1")
            check(notify.wait_for("STATUS=").endswith("collectors running"), notify.heard())
            notify.wait_for("WATCHDOG=1")
            n = len(notify.heard())
            notify.wait_for("WATCHDOG=1", n)
            n = len(notify.heard())
            daemon.process.send_signal(signal.SIGHUP)
            notify.wait_for("RELOADING=1", n)
            stamp = int(notify.wait_for("MONOTONIC_USEC=", n).partition("=")[2])
            check(0 <= time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6 - stamp < 60_000_000, "a wrong MONOTONIC_USEC")
            notify.wait_for("READY=1", n)
            daemon.write_config("[nonsense]\n")
            n = len(notify.heard())
            daemon.process.send_signal(signal.SIGHUP)
            notify.wait_for("READY=1", n)  # also after a bad file, or systemctl reload would hang
            n = len(notify.heard())
            daemon.stop()
            notify.wait_for("STOPPING=1", n)
    finally:
        os.unlink(path)


def socket_activation():
    activate = shutil.which("systemd-socket-activate")
    require(activate, "systemd-socket-activate")
    with Daemon(PROC_ONLY) as daemon:
        path = os.path.join(daemon.dir, "handed-over")
        daemon.own_files |= {"handed-over", "state-2"}
        command = [activate, "-l", path, IRQWATCHD, "--socket", os.path.join(daemon.dir, "unused"), "--config",
                   daemon.config, "--state-dir", os.path.join(daemon.dir, "state-2")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                wait_for("socket", lambda: os.path.exists(path))
                with Connection(path) as connection:
                    connection.send(INTERFACE + "GetStatus")
                    check("status" in connection.receive()["parameters"], "no answer on the socket handed over")
                check(not os.path.exists(os.path.join(daemon.dir, "unused")), "it made a socket of its own")
            finally:
                process.terminate()
                process.wait()
            check(process.returncode == 0, process.stderr.read())
        check(os.path.exists(path), "it removed a socket that is the service manager's")


def prompt_end():
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        for _ in range(10):
            connection = stack.enter_context(Connection(daemon.socket))
            connection.send(INTERFACE + "Subscribe", more=True)
            connection.receive()
        half = stack.enter_context(Connection(daemon.socket))
        half.socket.sendall(b'{"method":"io.irq')
        seconds = daemon.stop()
        note(f"gone after {seconds * 1000:.0f} ms")
        check(seconds < 1, f"SIGTERM took {seconds:.2f} s")
        check(connection.is_closed(), "a connection outlives the daemon")


def seen_until_the_end():
    """A window that was over when the end was asked for is in the history, though it may have waited to be decided."""
    require(shutil.which("stdbuf"), "stdbuf")
    command = ["stdbuf", "-oL", IRQCTL, "selftest", "--inject", "20ms", "--context", "process", "--cpu", str(online_cpus()[-1])]
    with Daemon("[irq-delay]\nmax-events-per-second=1000\n") as daemon:
        pids = []
        for _ in range(5):
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                check("interrupts were off" in process.stdout.readline(), "nothing injected")
                check(daemon.stop() < 1, "took long")
            pids.append(process.pid)
            daemon.start()
        found = {event["pid"] for event in daemon.json("events", "--since", "5m")}
        check(found >= set(pids), f"windows of {pids}, events of {found}")


def broken_messages():
    deep = b'{"method":"org.varlink.service.GetInfo","parameters":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}\0"
    cases = {
        "no JSON": b"garbage\0", "nothing": b"\0", "an array": b"[]\0", "a number": b"1\0", "cut off": b'{"method":\0',
        "not UTF-8": b'{"method":"org.varlink.service.GetInfo\xff\xfe"}\0', "deep": deep,
        "trailing garbage": b'{"method":"org.varlink.service.GetInfo"} x\0', "no method": b'{"parameters":{}}\0',
        "method is a number": b'{"method":5}\0', "random": os.urandom(5000).replace(b"\0", b"x") + b"\0",
        "huge": b'{"method":"' + b"x" * (2 << 20), "parameters are a list": b'{"method":"a.b.C","parameters":[]}\0',
    }
    with Daemon(PROC_ONLY) as daemon, Connection(daemon.socket) as bystander:
        for name, data in cases.items():
            with Connection(daemon.socket) as connection:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.socket.sendall(data)
                check(connection.is_closed(), f"{name}: the connection stays open")
            check(daemon.process.poll() is None, f"{name}: the daemon is gone")
        for parameters in ({"sinceUsec": "x"}, {"sinceUsec": -1}, {"nosuch": 1}, {"sinceUsec": 0, "cpus": ["a"]},
                           {"sinceUsec": 1 << 70}, {"sinceUsec": 0, "cpus": [-1]}, {}):
            with Connection(daemon.socket) as connection:
                connection.send(INTERFACE + "Report", parameters)
                error = (connection.receive() or {}).get("error")
                check(error == "org.varlink.service.InvalidParameter" or
                      (parameters.get("sinceUsec") == 1 << 70 and error is None), f"{parameters}: {error}")
        bystander.send(INTERFACE + "GetStatus")
        check("status" in bystander.receive()["parameters"], "a bystander suffered")
        check(daemon.status()["connections"] <= 2, "connections are left")


def deaf_subscriber():
    """Thousands of events for a client that does not read: it is dropped, and nobody else notices."""
    config = ("[irq-delay]\nthreshold=400us\nheartbeat=200us\nmax-events-per-second=100000\n[journal]\nenabled=no\n"
              "[daemon]\nmax-connections=64\n")
    cpu = online_cpus()[-1]
    require(len(online_cpus()) > 1, "a second CPU")
    with Daemon(config) as daemon, Connection(daemon.socket) as deaf, Connection(daemon.socket) as reader:
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for connection in (deaf, reader):
            connection.send(INTERFACE + "Subscribe", more=True)
        check(reader.receive()["continues"], "no subscription")
        before = daemon.status()
        check(before["subscriptions"] == 2, f"{before['subscriptions']} subscriptions")
        n_read = 0
        for _ in range(12):
            with subprocess.Popen([BURDEN, "hold", str(cpu), "500", "300", "1000"]) as holder:
                while holder.poll() is None:
                    n_read += drain(reader)
            if daemon.status()["subscriptions"] < 2:
                break
        status = daemon.status()
        note(f"{n_read} events read by the other subscriber; {status['droppedMessages']} dropped, "
             f"{status['subscriptions']} subscriptions, {status['rssBytes'] >> 10} KiB")
        check(n_read > 100, "the reader got hardly anything")
        check(status["subscriptions"] == 1 and status["droppedMessages"] > before["droppedMessages"],
              f"the deaf one stays: {status['subscriptions']} subscriptions, {status['droppedMessages']} dropped")
        check(status["rssBytes"] - before["rssBytes"] < 2 * OUTPUT_MAX + (48 << 20), "memory grew without bound")
        wait_for("passes as before", lambda: daemon.collector("softirqs")["passes"] > 0)


def drain(connection):
    """Reads what is there, as a good subscriber does; how many messages it was."""
    connection.socket.settimeout(0.05)
    with contextlib.suppress(TimeoutError):
        data = connection.socket.recv(1 << 20)
        check(data, "the good subscriber was dropped, too")
        return data.count(b"\0")
    return 0


def many_connections():
    with Daemon(PROC_ONLY + "[daemon]\nmax-connections=8\n") as daemon, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(Connection(daemon.socket)) for _ in range(20)]
        for connection in connections[:8]:
            connection.send("org.varlink.service.GetInfo")
            check(connection.receive(), "one of the first eight is refused")
        check(all(connection.is_closed() for connection in connections[8:]), "more than eight are served")
        for connection in connections:
            connection.socket.close()
        wait_for("room again", daemon.answers)
        check(daemon.status()["refusedConnections"] >= 12, "refused connections are not counted")


def ends_while_starting():
    """Whenever the end comes, nothing is left."""
    for delay in (0, 0.02, 0.05, 0.1, 0.2):
        with Daemon(wait=False) as daemon:
            time.sleep(delay)
            held = bpf_objects_of(daemon.process.pid)
            daemon.process.terminate()
            status = daemon.process.wait(timeout=30)
            check(status in (0, -signal.SIGTERM), f"after {delay} s: {status}")
            wait_for("end of its BPF objects", lambda: not held & bpf_objects())


sys.exit(main(notifications, socket_activation, prompt_end, seen_until_the_end, broken_messages, deaf_subscriber,
              many_connections, ends_while_starting))
