#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""send-frames.py DEVICE DESTINATION-MAC COUNT PAUSE: sends one frame of each kind below in turn, COUNT rounds, with PAUSE
seconds after each round. For the packets collector's test: what its program is to make of each is beside it."""

import socket
import struct
import sys
import time


def ethernet(destination, protocol, payload):
    return destination + b"\x02irqw\x01" + struct.pack("!H", protocol) + payload


def ipv4(protocol, payload, fragment=0, options=b""):
    return struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), 1, fragment, 64,
                       protocol, 0, bytes([198, 18, 77, 9]), bytes([198, 18, 77, 1])) + options + payload


def ipv6(following, payload):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), following, 64,
                       socket.inet_pton(socket.AF_INET6, "2001:db8::9"),
                       socket.inet_pton(socket.AF_INET6, "2001:db8::1")) + payload


def tcp(port, flags):
    return struct.pack("!HHIIBBHHH", 999, port, 0, 0, 5 << 4, flags, 1000, 0, 0)


def udp(port):
    return struct.pack("!HHHH", 999, port, 8, 0)


def vlan(protocol, payload):
    return struct.pack("!HH", 7, protocol) + payload


HOP_BY_HOP = bytes([6, 0, 1, 4, 0, 0, 0, 0])
OPTIONS = bytes([0, 1, 1, 4]) + bytes(12)
KINDS = [
    (0x0800, ipv4(6, tcp(1001, 0x02))),                                  # tcp S 1001
    (0x0800, ipv4(6, tcp(1002, 0x12), options=b"\x01\x01\x01\x00")),     # tcp SA 1002
    (0x8100, vlan(0x0800, ipv4(17, udp(1003)))),                         # udp 1003
    (0x88a8, vlan(0x8100, vlan(0x86dd, ipv6(17, udp(1004))))),           # udp 1004
    (0x86dd, ipv6(0, HOP_BY_HOP + tcp(1005, 0x04))),                     # tcp R 1005
    (0x86dd, ipv6(0, b"\x3c\x00\x01\x04\0\0\0\0" + b"\x11\x01" + OPTIONS[2:] + udp(1006))),  # udp 1006
    (0x86dd, ipv6(58, bytes(8))),                                        # icmp
    (0x0800, ipv4(1, bytes(8))),                                         # icmp
    (0x0800, ipv4(17, udp(1007), fragment=0x2000)),                      # other: a fragment, the first
    (0x86dd, ipv6(44, bytes([17, 0, 0, 1, 0, 0, 0, 1]) + udp(1008))),    # other: a fragment
    (0x0800, ipv4(6, tcp(1009, 0x02)[:10])),                             # other: cut short
    (0x0800, ipv4(47, bytes(16))),                                       # other: a tunnel
    (0x0806, bytes(28)),                                                 # other: ARP
]


def main():
    device, mac, count, pause = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")), int(sys.argv[3]), sys.argv[4]
    frames = [ethernet(mac, protocol, payload) for protocol, payload in KINDS]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((device, 0))
        for _ in range(count):
            for frame in frames:
                sender.send(frame)
            time.sleep(float(pause))


if __name__ == "__main__":
    main()
