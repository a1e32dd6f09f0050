#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# varlink-hostile.py IRQWATCHD MACHINE: what malformed and hostile peers send to a live daemon, byte by byte, and for
# each the reply or the end of the connection that must follow. The daemon reads the fixture tree MACHINE, so that
# neither root nor BPF is needed. Prints the number of cases.

import array
import contextlib
import json
import os
import re
import resource
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # nothing is left beside the sources
from hostile_cases import CASES, CLOSED, INFO, MONITOR, NO_EVENT, OK, SERVICE, message, raw  # pylint: disable=wrong-import-position

PATIENCE = 30  # seconds: for what must happen; how soon is not the question


class Failure(Exception):
    pass


class Peer:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it had enough; what it said before counts

    def call(self, method, parameters=None, **flags):
        self.send(message(method, parameters, **flags))
        return self.receive()

    def receive(self):
        """The next reply, None at the end of the connection."""
        while b"\0" not in self.buffer:
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            except TimeoutError as error:
                raise Failure("no answer, and the connection stays open") from error
            if not data:
                if self.buffer:
                    raise Failure(f"ended within a reply: {self.buffer[:80]}")
                return None
            self.buffer += data
        text, _, self.buffer = self.buffer.partition(b"\0")
        reply = json.loads(text)
        if not set(reply) <= {"parameters", "error", "continues"} or not isinstance(reply["parameters"], dict):
            raise Failure(f"not a reply: {text[:200]}")
        return reply

    def is_quiet(self):
        """Nothing has arrived. To be asked when a later call on another connection was answered."""
        return not self.buffer and not select.select([self.socket], [], [], 0)[0]


class Suite:
    def __init__(self, path, pid):
        self.path, self.pid = path, pid
        self.n_cases, self.failures = 0, []

    def case(self, name, function, *arguments):
        self.n_cases += 1
        try:
            with Peer(self.path) as peer:
                function(peer, *arguments)
        except (Failure, OSError, ValueError, KeyError) as error:
            self.failures.append(f"{name}: {error!r}")

    def status(self):
        with Peer(self.path) as peer:
            return peer.call("GetStatus")["parameters"]["status"]

    def status_or_none(self):
        try:
            return self.status()
        except (Failure, OSError, TypeError):
            return None

    def wait(self, what, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f"no {what} in {PATIENCE} s")
            time.sleep(0.01)

    def n_fds(self):
        """Sockets and pipes: what peers can drive. Its own files come and go with history."""
        n = 0
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                n += os.readlink(f"/proc/{self.pid}/fd/{fd}").startswith(("socket:", "pipe:"))
        return n


def check(condition, text):
    if not condition:
        raise Failure(text)


def matches(reply, expected):
    if reply is None or reply.get("continues"):
        return False
    if expected == OK:
        return "error" not in reply
    error, parameters = expected
    return (reply.get("error") in (SERVICE + error, MONITOR + error) and
            (parameters is None or reply["parameters"] == parameters))


def lives(peer):
    reply = peer.call(SERVICE + "GetInfo")
    check(reply and "interfaces" in reply["parameters"], f"the next call got {reply}")


def exchange(peer, data, expected):
    peer.send(data)
    for want in expected:
        reply = peer.receive()
        if want is CLOSED:
            check(reply is None, f"an answer instead of the end: {str(reply)[:200]}")
            return
        check(matches(reply, want), f"wanted {want}, got {str(reply)[:200]}")
    lives(peer)


# What needs more than one write and one look.


def split(peer, _):
    data = message("GetEvent", {"id": 1 << 40}) + INFO
    for byte in data:
        peer.send(bytes([byte]))
    check(matches(peer.receive(), NO_EVENT) and matches(peer.receive(), OK), "another answer")


def split_everywhere(peer, _):
    data = message("GetEvent", {"id": 1 << 40}) + INFO
    for i in range(1, len(data)):
        peer.send(data[:i])
        peer.send(data[i:])
        check(matches(peer.receive(), NO_EVENT) and matches(peer.receive(), OK), f"split at byte {i}: another answer")


def split_in_utf8(peer, _):
    data = '{"method":"io.irqwatch.monitor.GetRates","parameters":{"source":"\U0001f600","sinceUsec":1}}'.encode() + b"\0"
    at = data.index(b"\xf0")
    for i in range(at, at + 5):
        peer.send(data[:i])
        peer.send(data[i:])
        reply = peer.receive()
        check(matches(reply, ("NoData", None)) and reply["parameters"]["source"] == "\U0001f600", f"{reply}")


def half_close(peer, _):
    peer.send(INFO * 3)
    peer.socket.shutdown(socket.SHUT_WR)
    check([matches(peer.receive(), OK) for _ in range(3)] == [True] * 3 and peer.receive() is None, "not 3 and the end")


def half_close_within(peer, _):
    peer.send(INFO + INFO[:-1])
    peer.socket.shutdown(socket.SHUT_WR)
    check(matches(peer.receive(), OK) and peer.receive() is None, "not 1 and the end")


def half_close_at_once(peer, _):
    peer.socket.shutdown(socket.SHUT_WR)
    check(peer.receive() is None, "no end")


def half_close_stream(peer, suite):
    first = peer.call("Subscribe", more=True)
    check(first["continues"] and first["parameters"] == {"event": None}, f"{first}")
    peer.socket.shutdown(socket.SHUT_WR)
    check(suite.status()["subscriptions"] == 1 and peer.is_quiet(), "the stream ended")
    peer.socket.close()
    suite.wait("end of the stream", lambda: suite.status()["subscriptions"] == 0)


def read_closed(peer, suite):
    """Whoever reads no more may still call oneway; its place is free when it goes."""
    peer.socket.shutdown(socket.SHUT_RD)
    peer.send(INFO * 10 + message("GetStatus", oneway=True))
    check(suite.status()["connections"] == 2, "another number of connections")
    peer.socket.close()
    suite.wait("end of its connection", lambda: suite.status()["connections"] == 1)


def behind_stream(peer, suite):
    """Calls that are pipelined behind a stream wait for its end, which is the peer's."""
    peer.send(message("Subscribe", more=True) + INFO * 100 + b"x\0")
    check(peer.receive()["continues"], "no stream")
    check(suite.status()["subscriptions"] == 1 and peer.is_quiet(), "an answer in the middle of a stream")
    peer.socket.close()
    suite.wait("end of the stream", lambda: suite.status()["subscriptions"] == 0)


def behind_finite_stream(peer, _):
    peer.send(message("ListEvents", {"sinceUsec": 0}, more=True) + INFO)
    reply = peer.receive()
    while reply.get("continues"):
        reply = peer.receive()
    check("events" in reply["parameters"] and "interfaces" in peer.receive()["parameters"], "out of order")


def too_many_streams(peer, suite):
    peers = []
    try:
        for _ in range(1000):
            peers.append(Peer(suite.path))
            reply = peers[-1].call("Subscribe", more=True)
            if "error" in reply:
                break
        check(reply["error"] == MONITOR + "TooManyStreams" and not reply.get("continues"), f"{reply}")
        lives(peers[-1])
        check(suite.status()["subscriptions"] == len(peers) - 1, "another number of streams")
    finally:
        for other in peers:
            other.socket.close()
    suite.wait("end of the streams", lambda: suite.status()["subscriptions"] == 0)


def slow_reader(peer, _):
    """Asks without reading: the daemon stops reading, too, and loses nothing."""
    data = message(SERVICE + "GetInterfaceDescription", {"interface": MONITOR[:-1]}) * 1000
    peer.socket.setblocking(False)
    sent = n = 0
    while n < 1000:
        readable, writable, _ = select.select([peer.socket] if sent == len(data) else [],
                                              [peer.socket] if sent < len(data) else [], [], 1)
        if writable:
            sent += peer.socket.send(data[sent:])
            continue
        peer.socket.setblocking(True)
        peer.socket.settimeout(PATIENCE)
        reply = peer.receive()
        check(reply and "description" in reply["parameters"], f"reply {n}: {str(reply)[:100]}")
        n += 1
        peer.socket.setblocking(False)
        del readable
    peer.socket.settimeout(PATIENCE)
    lives(peer)


def never_reads(peer, suite):
    peer.socket.settimeout(1)
    data = message(SERVICE + "GetInterfaceDescription", {"interface": MONITOR[:-1]}) * 1000
    with open(f"/proc/{suite.pid}/status", encoding="ascii") as file:
        before = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])
    try:
        for _ in range(100):
            peer.socket.sendall(data)
        raise Failure("100000 calls were taken from a peer that reads nothing")
    except TimeoutError:
        pass
    with open(f"/proc/{suite.pid}/status", encoding="ascii") as file:
        grown = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) - before
    check(grown < 32 * 1024, f"it grew by {grown} KiB")
    suite.status()


def passed_fds(peer, suite):
    before = suite.n_fds()
    reader, writer = os.pipe()
    try:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [writer] * 200))]
        for _ in range(20):
            peer.socket.sendmsg([INFO], rights)
            check(matches(peer.receive(), OK), "no reply")
        check(suite.n_fds() <= before + 1, f"descriptors: {before}, then {suite.n_fds()}")
    finally:
        os.close(writer)
    try:
        # The daemon holds none of them: this end sees the last writer go.
        check(select.select([reader], [], [], PATIENCE)[0] and os.read(reader, 1) == b"", "it keeps the descriptors")
    finally:
        os.close(reader)
    lives(peer)


def gone(peer, suite):
    for i in range(200):
        with Peer(suite.path) as other:
            other.send([b"", INFO[:10], INFO, INFO * 20, message("Subscribe", more=True)][i % 5])
    suite.wait("end of all of them", lambda: suite.status()["connections"] == 2 and suite.status()["subscriptions"] == 0)
    lives(peer)


def idle_fragments(peer, suite):
    """Unfinished messages of many peers: nobody else waits for them."""
    peers = [Peer(suite.path) for _ in range(20)]
    try:
        for other in peers:
            other.send(INFO[:-1])
        lives(peer)
        for other in peers:
            other.send(b"\0")
            check(matches(other.receive(), OK), "no reply to a message that was finished later")
    finally:
        for other in peers:
            other.socket.close()


def too_many_connections(peer, suite):
    refused = suite.status()["refusedConnections"]
    peers = []
    reply = {}
    try:
        while reply is not None and len(peers) < 600:
            peers.append(Peer(suite.path))
            try:
                reply = peers[-1].call(SERVICE + "GetInfo")
            except BrokenPipeError:
                reply = None
        check(reply is None, "600 connections and no limit")
        lives(peer)
    finally:
        for other in peers:
            other.socket.close()
    suite.wait("room", lambda: suite.status_or_none() is not None)
    check(suite.status()["refusedConnections"] > refused, "refused, but not counted")


def not_root(_, suite):
    """SO_PEERCRED is what counts, not what a peer says of itself."""
    os.chmod(suite.path, 0o666)
    if os.getuid() == 0:
        os.seteuid(65534)
    try:
        peer = Peer(suite.path)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
    with peer:
        for parameters in ({"name": "daemon.x", "value": "1"}, {}, {"name": 1}):
            reply = peer.call("Set", parameters)
            check(matches(reply, ("PermissionDenied", {})), f"{reply}")
        lives(peer)


SCENES = [split, split_everywhere, split_in_utf8, half_close, half_close_within, half_close_at_once,
          half_close_stream, read_closed, behind_stream, behind_finite_stream, too_many_streams, slow_reader,
          never_reads, passed_fds, gone, idle_fragments, too_many_connections, not_root]

# What no parameter of a type accepts; what each accepts. null is fine where it is nullable.
VALUES = {
    "bool": (["true", "false"], True), "int": (["1"], 1), "float": (["1", "1.5"], 1.5), "string": (['"x"'], "x"),
    "object": (["{}"], {}),
    "array": (["[]"], []),
}
WRONG = ["true", "1", "1.5", "1e300", "9223372036854775808", '"x"', '"1"', "{}", '{"a":1}', "[]"]


def described_methods(description):
    """[(method, [(parameter, nullable, type)])] of an interface's description. A type that is no basic one is its
    first character: "[" and "(" tell arrays from objects."""
    text = re.sub(r"#.*", "", description)
    methods = []
    for name, rest in re.findall(r"^method\s+(\w+)\s*\(([^()]*)\)", text, re.M):
        fields = re.findall(r"(\w+)\s*:\s*(\??)((?:\[\w*\])?\w+)", rest)
        methods.append((name, [(field, bool(mark), kind) for field, mark, kind in fields]))
    if len(methods) != len(re.findall(r"^method\s", text, re.M)):
        raise Failure("a method's description is too much for this test")
    return methods


def accepted(kind):
    """What of WRONG is not wrong, and a good value."""
    if kind.startswith("[]"):
        return ["[]"], json.dumps([json.loads(accepted(kind[2:])[1])])
    if kind.startswith("[string]") or kind == "object" or kind not in VALUES:
        return ["{}", '{"a":1}'], "{}"
    if kind == "string":
        return ['"x"', '"1"'], '"x"'
    if kind == "float":
        return ["1", "1.5", "1e300", "9223372036854775808"], "1.5"
    return VALUES[kind][0], json.dumps(VALUES[kind][1])


def wrong_values(nullable, kind):
    good, value = accepted(kind)
    values = [w for w in WRONG if w not in good] + ([] if nullable else ["null"])
    if kind.startswith("[]"):
        values += [f"[{w}]" for w in [*wrong_values(False, kind[2:])]] + [f"[{json.loads(value)[0]!r}".replace("'", '"') + ",null]"]
    return values


def introspected(suite):
    """Every method of every interface: each parameter with every wrong value, each required one missing, one more."""
    with Peer(suite.path) as peer:
        interfaces = peer.call(SERVICE + "GetInfo")["parameters"]["interfaces"]
        texts = [peer.call(SERVICE + "GetInterfaceDescription", {"interface": i})["parameters"]["description"]
                 for i in interfaces]
    for interface, text in zip(interfaces, texts):
        for method, fields in described_methods(text):
            introspected_method(suite, f"{interface}.{method}", fields)


def introspected_method(suite, method, fields):
    good = {name: accepted(kind)[1] for name, nullable, kind in fields if not nullable}

    def refuse(what, name, values):
        inner = ",".join(f'"{key}":{value}' for key, value in values.items())
        call = raw('{"method":"%s","more":true,"parameters":{%s}}' % (method, inner))
        suite.case(f"{method}: {what}", exchange, call, [("InvalidParameter", {"parameter": name})])

    # A method for root alone says so before anything else.
    with Peer(suite.path) as peer:
        if peer.call(method, {"nosuch": 1}, more=True).get("error") == SERVICE + "PermissionDenied":
            print(f"# {method} is for root: its parameters are tested as root")
            return
    refuse("unknown parameter", "nosuch", {**good, "nosuch": "null"})
    for name, nullable, kind in fields:
        if not nullable:
            refuse(f"{name} is missing", name, {k: v for k, v in good.items() if k != name})
        for value in wrong_values(nullable, kind):
            refuse(f"{name}: {kind} is {value}", name, {**good, name: value})


def run_suite(suite):
    fds = suite.n_fds()
    for name, data, expected in CASES:
        suite.case(name, exchange, data, expected)
    for scene in SCENES:
        suite.case(scene.__name__, scene, suite)
    n_written = suite.n_cases
    introspected(suite)

    suite.wait("end of all connections", lambda: suite.status()["connections"] == 1)
    suite.wait("end of all descriptors", lambda: suite.n_fds() <= fds)
    print("\n".join(f"FAIL: {f}" for f in suite.failures))
    print(f"{n_written} cases written by hand, {suite.n_cases - n_written} from the interfaces' descriptions: "
          f"{suite.n_cases - len(suite.failures)} passed, {len(suite.failures)} failed")


def main(irqwatchd, machine):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    work = tempfile.mkdtemp(prefix="irqwatch-hostile-")
    os.chmod(work, 0o755)
    path = os.path.join(work, "socket")
    config = os.path.join(work, "conf")
    # A sanitizer keeps what was freed for a while, 256 MiB of it by default: no growth of the daemon's.
    asan = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1", "thread_local_quarantine_size_kb=64"]))
    with open(config, "w", encoding="ascii"), open(os.path.join(work, "log"), "w+", encoding="utf-8") as log:
        daemon = subprocess.Popen([irqwatchd, "--config", config, "--socket", path, "--root", machine,
                                   "--state-dir", work], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  env={**os.environ, "ASAN_OPTIONS": asan})
        suite = Suite(path, daemon.pid)
        try:
            suite.wait("answer", lambda: suite.status_or_none() or daemon.poll() is not None)
            run_suite(suite)
        except Exception as error:  # pylint: disable=broad-except
            suite.failures.append(repr(error))
            print(f"FAIL: {error!r}")
        finally:
            alive = daemon.poll() is None
            daemon.terminate()
            status = daemon.wait(timeout=PATIENCE)
            if not alive or status != 0:
                suite.failures.append("the daemon")
                print(f"FAIL: the daemon ended with {status}")
            if suite.failures:
                log.seek(0)
                print("--- its log\n" + log.read()[-3000:])
            shutil.rmtree(work)
    return 1 if suite.failures else 0


sys.exit(main(sys.argv[1], sys.argv[2]))
