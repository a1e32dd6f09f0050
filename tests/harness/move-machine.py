#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lets a fixture machine live: its counters grow at rates of their own, some CPUs and interrupts much faster.

move-machine.py DIR [--interval SECONDS] [--hot LIST] [--seconds N]: rewrites DIR/proc/{softirqs,interrupts} in place every
SECONDS (default: 1) as if that time had passed, until it is killed or N seconds are over. CPUs of LIST (default: 3,17)
take most of NET_RX and its interrupts. Numbers keep to ten digits, so each file keeps its size and is replaced in one
write.
"""

import argparse
import os
import random
import re
import signal
import time


class File:
    def __init__(self, path, hot):
        self.fd = os.open(path, os.O_RDWR)
        self.lines = os.read(self.fd, 1 << 26).decode("ascii").splitlines(keepends=True)
        self.rows = []
        cpus = [int(name[3:]) for name in self.lines[0].split()]
        n_columns = len(cpus)
        for i, line in enumerate(self.lines[1:], 1):
            head, _, rest = line.partition(":")
            counts = re.match(r"(?:\s+\d+)*", rest)[0]
            numbers = [int(n) % 10**8 for n in counts.split()[:n_columns]]
            if len(numbers) == n_columns:
                self.rows.append([i, head + ":", numbers, rest[len(counts):], self.rates(head.strip(), numbers, [cpu in hot for cpu in cpus])])

    @staticmethod
    def rates(name, numbers, hot):
        """Per CPU and second. An interrupt of a queue fires on the CPU that it fired on before."""
        rng = random.Random(name)
        base = 10 ** rng.uniform(0, 3)
        if name.isdigit():
            busiest = max(numbers)
            return [base * 5 * (20 if is_hot else 1) if n == busiest and n else 0 for n, is_hot in zip(numbers, hot)]
        rates = [base * 10 ** rng.uniform(-0.5, 0.5) for _ in numbers]
        if name in ("NET_RX", "RES", "CAL"):
            rates = [(60000 if name == "NET_RX" else 9000) if is_hot else rate for rate, is_hot in zip(rates, hot)]
        return rates

    def step(self, seconds, rng):
        for i, head, counts, tail, rates in self.rows:
            for at, rate in enumerate(rates):
                if rate:
                    counts[at] += int(rate * seconds * rng.uniform(0.7, 1.3) + rng.random())
            self.lines[i] = head + "".join(f" {n:10}" for n in counts) + tail
        text = "".join(self.lines).encode("ascii")
        os.ftruncate(self.fd, os.pwrite(self.fd, text, 0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("--interval", type=float, default=1)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--hot", default="3,17")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    hot = [int(n) for n in arguments.hot.split(",") if n]
    files = [File(f"{arguments.dir}/proc/{name}", hot) for name in ("softirqs", "interrupts")]
    rng, start, done = random.Random(1), time.monotonic(), 0
    while arguments.seconds is None or time.monotonic() - start < arguments.seconds:
        for file in files:
            file.step(arguments.interval, rng)
        done += 1
        time.sleep(max(0, start + done * arguments.interval - time.monotonic()))


if __name__ == "__main__":
    main()
