# SPDX-License-Identifier: Apache-2.0
"""The same minutes of this machine as irqwatchd, sysstat and PCP record them: bytes on disk, and time to answer."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import lived
import machine

SADC = "/usr/lib/sysstat/sadc"
PCP = pathlib.Path("/usr/lib/pcp/bin")
PCP_AGENTS = pathlib.Path("/var/lib/pcp/pmdas")
PCP_NAMES = "/var/lib/pcp/pmns"
PCP_CONFIG = f"""pmcd 2 dso pmcd_init {PCP_AGENTS}/pmcd/pmda_pmcd.so
linux 60 dso linux_init {PCP_AGENTS}/linux/pmda_linux.so
[access]
allow "local:*" : all;
"""
PCP_METRICS = ["kernel.percpu.softirqs", "kernel.percpu.interrupts"]
LOOPBACK_PORT = 19959
QUESTIONS = 21
FLUSHED_SECONDS = 6  # a flush interval at defaults, and some


def quiet(words, **more):
    return subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **more)


def record_sar(directory, seconds):
    """Every second, interrupts per CPU and all: what sar keeps of the same facts."""
    return subprocess.Popen([SADC, "-S", "INT,DISK", "1", str(int(seconds)), f"{directory}/sar"])


@contextlib.contextmanager
def pmcd(directory):
    """A pmcd of our own with the Linux agent alone; the machine's own one, if any, is left as it is."""
    config, names, endpoint = (pathlib.Path(directory) / name for name in ("pmcd.conf", "pmns", "pmcd.socket"))
    config.write_text(PCP_CONFIG, encoding="ascii")
    quiet([PCP / "pmnsmerge", "-f", "root_linux", "root_pmcd", names], cwd=PCP_NAMES)
    with subprocess.Popen([PCP / "pmcd", "-f", "-A", "-U", "root", "-c", config, "-n", names, "-s", endpoint, "-i", "127.0.0.1",
                           "-p", str(LOOPBACK_PORT), "-l", f"{directory}/pmcd.log"]) as process:
        try:
            machine.wait_for("pmcd", lambda: process.poll() is not None or endpoint.exists())
            yield {**os.environ, "PMCD_SOCKET": str(endpoint)}
        finally:
            machine.stop(process)


def record_pcp(directory, seconds, environment):
    config = pathlib.Path(directory) / "pmlogger.conf"
    config.write_text("log mandatory on 1 second {{ {} }}\n".format(" ".join(PCP_METRICS)), encoding="ascii")
    return subprocess.Popen(["pmlogger", "-h", "unix:", "-c", config, "-l", f"{directory}/pmlogger.log", "-T",
                             f"{int(seconds)}sec", f"{directory}/pcp"], env=environment)


def size_of(directory, pattern):
    return sum(f.stat().st_size for f in pathlib.Path(directory).iterdir() if re.match(pattern, f.name)) / 1024


def ask_all(run, daemon):
    span, directory = f"{int(run.seconds)}s", daemon.dir
    lived.ask(run, "irqctl report", lambda: daemon.irqctl("report", "--since", span), QUESTIONS)
    lived.ask(run, "irqctl rates interrupts", lambda: daemon.irqctl("rates", "interrupts", "--since", span), QUESTIONS)
    for what, words in {
            "sar -I ALL -P ALL": ["sar", "-I", "ALL", "-P", "ALL", "-f", f"{directory}/sar"],
            "sar -P ALL": ["sar", "-P", "ALL", "-f", f"{directory}/sar"],
            "pmlogsummary": ["pmlogsummary", f"{directory}/pcp", *PCP_METRICS],
    }.items():
        lived.ask(run, what, lambda w=words: quiet(w), QUESTIONS)


def weigh_all(run, daemon):
    sources = ", ".join(c["name"] for c in daemon.status()["collectors"] if c["state"] == "running")
    time.sleep(FLUSHED_SECONDS)
    state = pathlib.Path(daemon.dir) / "state"
    run.figure("irqwatchd on disk", f"{size_of(state, r'history[.]db(-wal)?$'):.0f} KiB: {sources}")
    run.figure("sysstat on disk", f"{size_of(daemon.dir, 'sar$'):.0f} KiB: interrupts per CPU, CPUs, and what it always records")
    run.figure("PCP on disk", f"{size_of(daemon.dir, r'pcp[.](meta|index|[0-9]+)'):.0f} KiB: {', '.join(PCP_METRICS)}")


def beside_archives(run):
    """the same minutes of this machine in irqwatchd's history, in sysstat's and in PCP's: bytes, and time to answer for
    all of them; take --seconds 600 for ten minutes"""
    missing = [package for package, there in (("sysstat", os.path.exists(SADC)), ("pcp", shutil.which("pmlogger"))) if not there]
    if missing:
        sys.exit(f"needs the package {' and '.join(missing)}")
    with machine.Daemon(run.build) as daemon, pmcd(daemon.dir) as environment:
        recorders = [record_sar(daemon.dir, run.seconds), record_pcp(daemon.dir, run.seconds, environment)]
        for recorder in recorders:
            if recorder.wait():
                raise RuntimeError(f"{recorder.args[0]} failed: status {recorder.returncode}")
        ask_all(run, daemon)
        weigh_all(run, daemon)
