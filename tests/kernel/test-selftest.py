#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Windows of known length are found and measured right: "irqctl selftest" and the library below it, in both contexts.
#
# The truth is the injector's own stamps. Where somebody else's injector held the same machine up meanwhile, these are
# not the whole truth (two windows without a pause are one): such a run says nothing and is taken again. Nothing else
# is forgiven.

import json
import os
import subprocess
import sys

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import BURDEN, IRQCTL, Missing, check, main, note, run

LENGTHS = [2, 5, 10, 20, 50, 100]
RUNS = 50
HEARTBEAT = 1_000_000
ATTEMPTS = 4


def disturbed_run(command, n_own):
    """The command's result, and whether other injectors than its own were loaded while it ran."""
    with subprocess.Popen([BURDEN, "injectors"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watch:
        result = run(*command)
        seen = watch.communicate("")[0].splitlines()
    return result, len(seen) > n_own, seen


def judge(answer):
    wrong = []
    for length in answer["lengths"]:
        name = f"{length['lengthNsec'] / 1e6:g} ms"
        if length["injected"] != RUNS:
            wrong.append(f"{name}: only {length['injected']} windows made")
        if length["found"] != length["injected"]:
            wrong.append(f"{name}: {length['found']} of {length['injected']} found")
        if length["inside"] != length["injected"]:
            wrong.append(f"{name}: {length['inside']} inside, worst miss {length['worstMissNsec']} ns")
        if length["medianWidthNsec"] > 1.2 * HEARTBEAT:
            wrong.append(f"{name}: median bracket {length['medianWidthNsec']} ns")
    if [length["lengthNsec"] for length in answer["lengths"]] != [ms * 1_000_000 for ms in LENGTHS]:
        wrong.append("other lengths than asked for")
    if answer["passed"] == bool(wrong):
        wrong.append(f"its own verdict is {answer['passed']}")
    return wrong


def prove(command):
    for _ in range(ATTEMPTS):
        result, disturbed, seen = disturbed_run(command, 1)
        if result.returncode != 0 and ("needs 6.14" in result.stderr or "needs 5.17" in result.stderr):
            raise Missing(result.stderr.strip())
        check(result.stdout.startswith("{"), f"no answer: {result.stderr}")
        answer = json.loads(result.stdout)
        wrong = judge(answer)
        for length in answer["lengths"]:
            note("{lengthNsec:>9} ns: found {found}, inside {inside}, bracket {medianWidthNsec} ns, "
                 "worst miss {worstMissNsec} ns, {byClass}".format(**length))
        note(f"spurious {answer['spurious']}; injectors seen: {', '.join(seen)}")
        for miss in answer.get("misses", []):
            note(f"miss: {miss}")
        if not wrong:
            check(result.returncode == 0, f"exit {result.returncode} although all is well")
            return
        if not disturbed:
            break
        note("taken again: another injector ran on this machine at the same time")
    raise AssertionError("; ".join(wrong))


def irqctl_ipi():
    prove([IRQCTL, "selftest", "--json=short", "--context", "ipi"])


def irqctl_process():
    prove([IRQCTL, "selftest", "--json=short", "--context", "process"])


def library_ipi():
    prove([BURDEN, "selftest", "ipi"])


def library_process():
    prove([BURDEN, "selftest", "process"])


sys.exit(main(irqctl_ipi, irqctl_process, library_ipi, library_process))
