#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Samples of packets: real floods between network namespaces, bounded in number and time, and what must not be sampled.

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import time

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import (Daemon, background, bpf_objects, bpf_objects_of, check, main, note, require, run, wait_for)

SETTINGS = "[irq-delay]\nenabled=no\n[packets]\nmin-packets=2000\ncool-down=1h\n"
HERE, THERE = "198.18.77.1", "198.18.77.2"
SECONDS = 25  # that a flood lasts at most
FLOOD = ["-q", "-i", "u50", "-c", "400000"]


def must(*command):
    result = run(*command)
    check(result.returncode == 0, f"{command}: {result.stderr}")
    return result.stdout


@contextlib.contextmanager
def link(near=None):
    """A pair of devices: "irqwnear" here, or in the namespace of that name, and "irqwfar" in the namespace irqw-far."""
    inside = ["ip", "netns", "exec", near] if near else []
    names = [name for name in ("irqw-far", near) if name]
    try:
        for name in names:
            must("ip", "netns", "add", name)
        must("ip", "link", "add", "irqwnear", "type", "veth", "peer", "name", "irqwfar", "netns", "irqw-far")
        if near:
            must("ip", "link", "set", "irqwnear", "netns", near)
        for where, device, address in ((inside, "irqwnear", HERE), (["ip", "netns", "exec", "irqw-far"], "irqwfar", THERE)):
            must(*where, "ip", "address", "add", f"{address}/24", "dev", device)
            must(*where, "ip", "link", "set", device, "up")
        yield
    finally:
        if not near:
            run("ip", "link", "del", "irqwnear")
        for name in names:
            run("ip", "netns", "del", name)


def far(*command):
    return background("timeout", str(SECONDS), "ip", "netns", "exec", "irqw-far", *command)


def flood(*options):
    require(shutil.which("hping3"), "hping3")
    return far("hping3", *FLOOD, *options, HERE)


def counter(daemon, name):
    return next((c["value"] for c in daemon.collector("packets")["counters"] if c["name"] == name), 0)


def links_of(daemon):
    return {entry for entry in bpf_objects_of(daemon.process.pid) if entry[0] == "link"}


def listed_links():
    """What the system's own tool says is attached to the tracepoint."""
    require(shutil.which("bpftool"), "bpftool")
    return {entry["id"] for entry in json.loads(must("bpftool", "-j", "link", "show"))
            if entry.get("tp_name") == "netif_receive_skb"}


def sampled(daemon):
    """The report's packets once a sample is in it."""
    return wait_for("sample in the report", lambda: daemon.json("report", "--since", "2m")[0]["packets"])


def share_of(packets, **wanted):
    return sum(kind["share"] for kind in packets["kinds"] if all(kind[key] == wanted[key] for key in wanted))


def check_bounds(packets):
    check(0 < packets["sampled"] <= 5000, f"sampled {packets['sampled']}")
    check(packets["sampled"] <= packets["observed"], f"observed {packets['observed']}")
    check(len(packets["kinds"]) <= 64 and len(packets["sources"]) <= 64, "too many rows")
    check(sum(kind["count"] for kind in packets["kinds"]) == packets["sampled"], f"a packet is missing: {packets}")
    check(sum(s["count"] for s in packets["sources"]) + packets["otherSources"] == packets["sampled"],
          f"a source is missing: {packets}")


def syn_flood_is_sampled_and_detached():
    with link(), Daemon(SETTINGS) as daemon:
        wait_for("two passes", lambda: daemon.collector("packets")["passes"] > 2)
        check(not links_of(daemon) and not listed_links(), "attached without a reason")
        with flood("--syn", "-p", "80") as process:
            wait_for("a program that is attached", lambda: links_of(daemon))
            check(listed_links(), "the daemon holds a link that bpftool does not list")
            wait_for("end of the sample", lambda: not links_of(daemon))
            check(process.poll() is None, "the flood ended first: nothing is proved")
            check(not listed_links(), "still attached")
            packets = sampled(daemon)
            check(counter(daemon, "samples") == 1 and not links_of(daemon), "sampled again within the cool-down")
        text = daemon.irqctl("report", "--since", "2m").stdout

    check_bounds(packets)
    check(packets["devices"] == [{"name": "irqwnear", "count": 1}], f"{packets['devices']}")
    check(share_of(packets, protocol="tcp", flags="S", port="80") > 0.99, f"{packets['kinds']}")
    # The stack's own IPv6 solicitations on a fresh device are the only others.
    first = packets["sources"][0]
    check(first["name"] == THERE and first["count"] > packets["sampled"] * 0.99, f"{packets['sources']}")
    check(packets["distinctSources"] <= 3 and 40 <= packets["bytes"] / packets["sampled"] <= 80, f"{packets}")
    check("looked like a flood" in text and THERE in text, text)
    note(f"{packets['sampled']} of {packets['observed']} packets drawn")


def udp_flood_elsewhere_is_found():
    """Neither end of the link is in the daemon's namespace; the senders are forged."""
    with link(near="irqw-near"), Daemon(SETTINGS) as daemon, \
            background("ip", "netns", "exec", "irqw-near", "sleep", "60"):
        with flood("--udp", "-p", "53", "-d", "10", "--rand-source"):
            packets = sampled(daemon)
    check_bounds(packets)
    check(packets["devices"] == [{"name": "irqwnear", "count": 1}], f"{packets['devices']}")
    check(share_of(packets, protocol="udp", port="53") > 0.99, f"{packets['kinds']}")
    check(packets["distinctSources"] > packets["sampled"] * 0.9, f"only {packets['distinctSources']} senders")


def headers_are_told_apart():
    """tests/harness/send-frames.py sends thirteen kinds of frames in turn."""
    with link(), Daemon(SETTINGS) as daemon:
        with open("/sys/class/net/irqwnear/address", encoding="ascii") as file:
            mac = file.read().strip()
        with far(sys.executable, os.path.join(os.environ["IRQWATCH_HARNESS"], "send-frames.py"), "irqwfar", mac, 40000,
                 "0.001"):
            packets = sampled(daemon)
    check_bounds(packets)
    expected = {("tcp", "S", "1001"): 1, ("tcp", "SA", "1002"): 1, ("udp", None, "1003"): 1, ("udp", None, "1004"): 1,
                ("tcp", "R", "1005"): 1, ("udp", None, "1006"): 1, ("icmp", None, None): 2, ("other", None, None): 5}
    for (protocol, flags, port), n in expected.items():
        share = share_of(packets, protocol=protocol, flags=flags, port=port)
        check(abs(share - n / 13) < 0.05, f"{protocol} {flags} {port}: {share}, sent {n / 13}: {packets['kinds']}")
    # The stack's own packets on a fresh device are the only others.
    check(sum(share_of(packets, protocol=p, flags=f, port=n) for p, f, n in expected) > 0.99, f"{packets['kinds']}")
    names = {source["name"] for source in packets["sources"]}
    check({"198.18.77.9", "2001:db8::9"} <= names, f"{names}")


SINK = """
import socket, sys
with socket.create_server((sys.argv[1], 5001)) as server:
    connection = server.accept()[0]
    while connection.recv(1 << 20):
        pass
"""
SOURCE = """
import socket, sys, time
with socket.create_connection((sys.argv[1], 5001)) as connection:
    end, data = time.monotonic() + float(sys.argv[2]), bytes(1 << 18)
    while time.monotonic() < end:
        connection.sendall(data)
"""


def received():
    with open("/sys/class/net/irqwnear/statistics/rx_bytes", encoding="ascii") as file:
        return int(file.read())


def large_packets_are_not_sampled():
    """TCP at full speed, received and then sent, with segments of the size of the wire."""
    with link(), Daemon(SETTINGS) as daemon:
        must("ip", "link", "set", "irqwnear", "gso_max_segs", "1")
        must("ip", "netns", "exec", "irqw-far", "ip", "link", "set", "irqwfar", "gso_max_segs", "1")
        with background(sys.executable, "-c", SINK, HERE) as sink:
            wait_for("the sink", lambda: is_listening(sink))
            before = received()
            must("ip", "netns", "exec", "irqw-far", sys.executable, "-c", SOURCE, HERE, 5)
        note(f"received {(received() - before) / 5e6:.0f} MB/s")
        check(received() - before > 20_000_000, "that was no load")
        with far(sys.executable, "-c", SINK, THERE):
            wait_for("the sink", lambda: run(sys.executable, "-c", SOURCE, THERE, 5).returncode == 0)
        check(counter(daemon, "suspiciousPasses") == 0, "large packets looked like a flood")
        check(counter(daemon, "samples") == 0 and not links_of(daemon), "large packets were sampled")
        check(daemon.json("report", "--since", "2m")[0]["packets"] is None, "a sample in the report")


def is_listening(process):
    check(process.poll() is None, "the sink ended")
    with contextlib.suppress(OSError), open(f"/proc/{process.pid}/net/tcp", encoding="ascii") as file:
        port = f"{socket.inet_pton(socket.AF_INET, HERE)[::-1].hex().upper()}:{5001:04X}"
        return port in file.read()
    return False


def nothing_is_left_when_it_ends():
    """The daemon is ended, and killed, in the middle of a sample."""
    for end in ("stop", "kill"):
        with link(), Daemon(SETTINGS) as daemon, flood("--syn", "-p", "80"):
            wait_for("a program that is attached", lambda: links_of(daemon))
            held = bpf_objects_of(daemon.process.pid)
            getattr(daemon, end)()
            wait_for("end of its BPF objects", lambda: not held & bpf_objects())
            check(not listed_links(), f"attached after {end}")


def observed_by(daemon):
    maps = [number for kind, number in bpf_objects_of(daemon.process.pid) if kind == "map"]
    for number in maps:
        shown = json.loads(must("bpftool", "-j", "map", "show", "id", number))
        if shown["name"] == "observed":
            dump = json.loads(must("bpftool", "-j", "map", "dump", "id", number))
            return sum(int(cell["value"]) for cell in dump[0].get("formatted", dump[0])["values"])
    raise AssertionError("the map is not there")


def program_stops_without_the_daemon():
    """A daemon that hangs does not prolong a sample: the program's own limits end it."""
    with link(), Daemon(SETTINGS) as daemon, flood("--syn", "-p", "80") as process:
        wait_for("a program that is attached", lambda: links_of(daemon))
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            check(links_of(daemon), "the sample ended too soon to be seen")
            check(observed_by(daemon) > 0, "it does not count")
            time.sleep(2.5)  # the time it may last, and some
            first = observed_by(daemon)
            before = received()
            wait_for("more of the flood", lambda: received() > before + 100_000)
            check(observed_by(daemon) == first, "the program went on")
            check(links_of(daemon) and process.poll() is None, "the sample ended otherwise: nothing is proved")
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        wait_for("end of the sample", lambda: not links_of(daemon))
        check(sampled(daemon)["observed"] == first, "observed packets were lost")


def switched_off_is_off():
    with link(), Daemon(SETTINGS + "enabled=no\n") as daemon, flood("--syn", "-p", "80"):
        before = received()
        wait_for("a flood", lambda: received() > before + 2_000_000)
        check(daemon.collector("packets")["state"] == "disabled", f"{daemon.collector('packets')}")
        check(not listed_links(), "attached though it is off")


if __name__ == "__main__":
    sys.exit(main(syn_flood_is_sampled_and_detached, udp_flood_elsewhere_is_found, headers_are_told_apart,
                  large_packets_are_not_sampled, nothing_is_left_when_it_ends, program_stops_without_the_daemon,
                  switched_off_is_off))
