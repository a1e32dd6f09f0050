#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile-names.py IRQCTL IRQWATCHD FIXTURES: everything that irqctl prints when each and every text that the daemon sends,
the name of a process, a device, a function, a file, holds escape sequences, markup, quotes, line breaks and worse. Nothing
of it may reach a terminal, become an element of a page, or a line of its own. Between irqctl and a daemon on a fixture
machine stands a proxy, which answers with fixtures what such a daemon cannot know, and changes the texts."""

import html.parser
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

IRQCTL, IRQWATCHD, FIXTURES = map(os.path.abspath, sys.argv[1:4])
PATIENCE = 60
HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\t\x08\x7f\x9b31m</script><script>alert(1)</script><img src=x onerror=alert(2)>" \
          "\"'&]]>--> %n%s{}\\\u202e\u2066\u200b"
# What decides what kind of thing it is; changed in a second round.
PLAIN = {"kind", "class", "confidence", "state", "severity", "source", "metric", "unit", "rowName", "priority", "tier", "type"}
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")
SAMPLE = re.compile(r'[a-zA-Z_:][\w:]*(\{(\w+="([^"\\\n]|\\[\\"n])*",?)*\})? [-+.\deInfNa]+( # .*)?$')


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def fixture(name):
    with open(f"{FIXTURES}/client/{name}.json", encoding="utf-8") as file:
        return json.load(file)


REPORT = fixture("report-db1")
ALERT = {"rule": "a", "state": "raised", "subject": "NET_RX", "cpu": 1, "priority": "err", "raisedUsec": 1795356700000000,
         "clearedUsec": None, "value": "17/s", "worst": "18/s", "threshold": "3/s", "text": "drops", "eventId": 7, "told": True,
         "noData": False}
RULE = {"name": "a", "enabled": True, "condition": "x of y", "threshold": "3/s", "clear": "1/s", "for": "10s", "hold": "10s",
        "priority": "err", "scope": None, "unit": None}
ANSWERS = {
    "GetStatus": lambda p: {"status": fixture("status")},
    "Report": lambda p: {"report": REPORT},
    "ListEvents": lambda p: fixture("events"),
    "GetEvent": lambda p: {"event": fixture("event-irq-off")},
    "GetRates": lambda p: {"rates": fixture("rates-interrupts" if p["source"] == "interrupts" else "rates-softirqs")},
    "GetHistograms": lambda p: {"histograms": fixture("histograms-softirqs")},
    "GetLatency": lambda p: {"latency": REPORT["latency"]},
    "ListAlerts": lambda p: {"alerts": [ALERT], "rules": [RULE]},
}


def spoil(value, plain, key=None):
    if isinstance(value, dict):
        return {k: spoil(v, plain, k) for k, v in value.items()}
    if isinstance(value, list):
        return [spoil(v, plain, key) for v in value]
    return value + HOSTILE if isinstance(value, str) and key not in plain else value


class Proxy(threading.Thread):
    def __init__(self, path, behind):
        super().__init__(daemon=True)
        self.listener, self.behind, self.plain = socket.socket(socket.AF_UNIX), behind, PLAIN
        self.listener.bind(path)
        self.listener.listen()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=[self.listener.accept()[0]], daemon=True).start()

    def serve(self, peer):
        with peer, socket.socket(socket.AF_UNIX) as daemon:
            daemon.connect(self.behind)
            asked, answered = Messages(peer), Messages(daemon)
            for call in asked:
                name, parameters = call["method"].rpartition(".")[2], call.get("parameters") or {}
                if name in ANSWERS:
                    reply = {"parameters": ANSWERS[name](parameters)}
                else:
                    daemon.sendall(json.dumps(call).encode() + b"\0")
                    reply = next(answered)
                if "parameters" in reply:
                    reply["parameters"] = spoil(reply["parameters"], self.plain)
                peer.sendall(json.dumps(reply, ensure_ascii=False).encode() + b"\0")


class Messages:
    def __init__(self, stream):
        self.stream, self.buffer = stream, b""

    def __iter__(self):
        return self

    def __next__(self):
        while b"\0" not in self.buffer:
            data = self.stream.recv(65536)
            if not data:
                raise StopIteration
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)


class Page(html.parser.HTMLParser):
    """Counts elements and collects attributes that run something."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.events = {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements[tag] = self.elements.get(tag, 0) + 1
        self.events += [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]


def irqctl(path, *words, environment=None):
    result = subprocess.run([IRQCTL, "--socket", path, *words], capture_output=True, check=False, timeout=PATIENCE,
                            stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **(environment or {})})
    return result.returncode, result.stdout.decode("utf-8"), result.stderr.decode("utf-8")  # strict: UTF-8 it is


def check_text(words, text):
    bad = FORBIDDEN.search(text)
    check(not bad, f"{' '.join(words)} prints {bad and bad[0]!r}: {bad and text[max(0, bad.start() - 80):bad.end() + 80]!r}")


LONG_AGO = ["--since", "1971-01-01 00:00:00"]  # whatever the time is now, compared with the fixtures
VERBS = (["status"], ["report", "--since", "10m"], ["events"], ["alerts"], ["show", "7"], ["rates", "softirqs"],
         ["rates", "interrupts"], ["rates", "softirqs", "--latency"], ["top", "-b", "-n", "1"], ["top", "-b", "-n", "1", "--group", "device"],
         ["--list-boots", "events"], ["flame", "--folded", *LONG_AGO])


def test_terminal(path):
    for words in VERBS:
        for environment in ({}, {"LANG": "C"}):
            code, out, err = irqctl(path, *words, environment=environment)
            check_text(words, out + err)
            check("owned" in out or code != 0 or words[0] == "--list-boots" or "top" in words,
                  f"{' '.join(words)}: the names are not there: {out}{err}")
            # A line break in a name begins no line.
            check(not re.search(r"^\s*</script>", out, re.M), f"{' '.join(words)}: a line that a name began: {out}")


def test_json(path):
    for words in (["report"], ["events"], ["alerts"], ["show", "7"], ["status"], ["rates", "interrupts"], ["top", "-n", "1"]):
        code, out, _ = irqctl(path, *words, "-j")
        check(code == 0, f"{' '.join(words)} -j ends with {code}")
        for line in out.splitlines():
            json.loads(line)
        bad = re.search("[\x00-\x09\x0b-\x1f\x7f]", out)
        check(not bad or bad[0] == "\x7f", f"{' '.join(words)} -j prints {bad and bad[0]!r}")


def test_pages(path, directory):
    page, calm = f"{directory}/page.html", f"{directory}/calm.html"
    code, _, err = irqctl(path, "report", "--html", page)
    check(code == 0, err)
    proxy.plain = Everything()
    irqctl(path, "report", "--html", calm)
    proxy.plain = PLAIN
    with open(page, encoding="utf-8") as file:
        text = file.read()
    with open(calm, encoding="utf-8") as file:
        expected = Page(file.read())
    found = Page(text)
    check("owned" in text, "the names are not on the page")
    for tag in ("script", "img", "style", "iframe", "svg"):
        check(found.elements.get(tag, 0) == expected.elements.get(tag, 0), f"{found.elements.get(tag)} elements {tag}")
    check(found.events == expected.events, f"attributes that run: {found.events}")
    check("<script>alert" not in text and "<img" not in text, "markup from a name")

    code, out, err = irqctl(path, "flame", *LONG_AGO)
    check(code == 0, err)
    root = xml.etree.ElementTree.fromstring(out)  # refuses control characters
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    check(tags.count("script") == 1 and "img" not in tags, "an element from a name")
    check("owned" in out, "the names are not in the graph")


class Everything:
    def __contains__(self, key):
        return True


def test_metrics(path):
    code, out, err = irqctl(path, "metrics")
    check(code == 0, err)
    n = 0
    for line in out.splitlines():
        if line and not line.startswith("#"):
            check(SAMPLE.match(line), f"not a sample: {line!r}")
            n += "owned" in line
    check(n > 0, "no name in the metrics")
    check(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", out), "a control character in the metrics")


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        check(time.monotonic() < deadline, f"in {PATIENCE} s there was no {what}")
        time.sleep(0.05)


with tempfile.TemporaryDirectory(prefix="irqwatch-hostile-") as work:
    with open(f"{work}/conf", "w", encoding="ascii") as conf:
        conf.write("[softirqs]\ninterval = 100ms\n[interrupts]\ninterval = 100ms\n")
    process = subprocess.Popen([IRQWATCHD, "--socket", f"{work}/daemon", "--config", f"{work}/conf", "--root",
                                f"{FIXTURES}/x86-guest", "--state-dir", f"{work}/state"], stderr=subprocess.DEVNULL)
    try:
        wait_for("daemon", lambda: irqctl(f"{work}/daemon", "rates", "softirqs")[0] == 0)
        proxy = Proxy(f"{work}/socket", f"{work}/daemon")
        proxy.start()
        for proxy.plain in (PLAIN, set()):
            test_terminal(f"{work}/socket")
        proxy.plain = PLAIN
        test_json(f"{work}/socket")
        test_pages(f"{work}/socket", work)
        test_metrics(f"{work}/socket")
    except Failure as failure:
        sys.exit(f"FAIL: {failure}")
    finally:
        process.terminate()
        process.wait()
print(f"{len(VERBS)} verbs, JSON, page, graph and metrics: nothing of the names came through")
