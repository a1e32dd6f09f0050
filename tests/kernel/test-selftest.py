#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Windows of known length are found and measured right: "irqctl selftest" and the library below it, in both contexts.
#
# The truth is the injector's own stamps, and the bounds are those of the product's promise. What they do not explain is
# laid beside a trace, window by window (harness/witness.py): a record that agrees with what the trace shows, or a
# kernel that runs no BPF program while a certain task is the current one, is no fault of the method. Nothing else
# is forgiven, and no more than a few in a hundred.

import json
import os
import sys

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import BURDEN, IRQCTL, Missing, check, main, note, run
from witness import Witness

LENGTHS = [2, 5, 10, 20, 50, 100]
RUNS = 50
HEARTBEAT = 1_000_000
EXPLAINED_MAX = 15  # of all 300


def judge(answer, n_explained):
    """What is wrong beside the misses that a witness explains."""
    wrong = []
    for length in answer["lengths"]:
        name = f"{length['lengthNsec'] / 1e6:g} ms"
        if length["injected"] != RUNS:
            wrong.append(f"{name}: only {length['injected']} windows made")
        if length["medianWidthNsec"] > 1.2 * HEARTBEAT:
            wrong.append(f"{name}: median bracket {length['medianWidthNsec']} ns")
    n_missed = sum(length["injected"] - length["inside"] for length in answer["lengths"])
    if n_missed != len(answer["misses"]):
        wrong.append(f"{n_missed} windows missed, but {len(answer['misses'])} told of")
    if n_missed > n_explained:
        wrong.append(f"{n_missed - n_explained} windows not found or outside for no reason that shows")
    if n_explained > EXPLAINED_MAX:
        wrong.append(f"{n_explained} windows disturbed: this machine is too busy for the test")
    if [length["lengthNsec"] for length in answer["lengths"]] != [ms * 1_000_000 for ms in LENGTHS]:
        wrong.append("other lengths than asked for")
    if answer["passed"] and n_missed:
        wrong.append("it says that it passed")
    return wrong


def prove(command):
    with Witness() as witness:
        result = run(*command)
    if result.returncode != 0 and ("needs 6.14" in result.stderr or "needs 5.17" in result.stderr):
        raise Missing(result.stderr.strip())
    check(result.stdout.startswith("{"), f"no answer: {result.stderr}")
    answer = json.loads(result.stdout)
    for length in answer["lengths"]:
        note("{lengthNsec:>9} ns: found {found}, inside {inside}, bracket {medianWidthNsec} ns, "
             "worst miss {worstMissNsec} ns, {byClass}".format(**length))
    note(f"spurious {answer['spurious']}; injectors seen: {', '.join(witness.injectors)}")
    n_explained = 0
    for miss in answer["misses"]:
        explained, why = witness.about(miss, answer["cpu"])
        n_explained += explained
        note(f"{'explained' if explained else 'UNEXPLAINED'}: {miss}: {why}")
    wrong = judge(answer, n_explained)
    check(not wrong, "; ".join(wrong))
    check((result.returncode == 0) == answer["passed"], f"exit {result.returncode}, passed {answer['passed']}")


def irqctl_ipi():
    prove([IRQCTL, "selftest", "--json=short", "--context", "ipi"])


def irqctl_process():
    prove([IRQCTL, "selftest", "--json=short", "--context", "process"])


def library_ipi():
    prove([BURDEN, "selftest", "ipi"])


def library_process():
    prove([BURDEN, "selftest", "process"])


sys.exit(main(irqctl_ipi, irqctl_process, library_ipi, library_process))
