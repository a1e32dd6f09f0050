#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# check-completions.py SOURCE PROGRAM...: --help is what counts. What it lists for a verb, each shell must offer there and
# the manual must describe; what a shell offers or the manual describes must be in --help. The shells are asked, not
# their files read. And "irqctl --help" fits a screen.

import os
import re
import shutil
import subprocess
import sys
import tempfile

problems = []
OPTION = re.compile(r"^ {1,8}((?:-\w, +)?--[a-z][a-z-]*|-\w\b(?!,))", re.M)

ZSH = """
_arguments() { print -rl -- "$@"; [[ $1 == -C ]] && { state=$want; line=("$verb"); }; return 0 }
_describe() { print -rl -- "${(@P)2}" }
_values() {}
compdef() {}
run() { source "$file" }
run
"""
BASH = """
compopt() { :; }
complete() { :; }
source "$file"
COMP_WORDS=(irqctl "$@"); COMP_CWORD=$#
_irqctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def run(*command, **environment):
    result = subprocess.run(command, check=False, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                            env={**os.environ, **environment}, timeout=60)
    if result.returncode != 0 or result.stderr:
        problems.append(f"{command[0]}: exit {result.returncode}: {result.stderr[:500]}")
    return result.stdout


def longs(words):
    return {match[1] for word in words if (match := re.search(r"(--[a-z][a-z-]*)", word))}


class Bash:
    def __init__(self, source):
        self.file = os.path.join(source, "client/completion/bash/irqctl")

    def verbs(self):
        return set(run("bash", "-c", BASH, "bash", "", file=self.file).split())

    def options(self, verb):
        return longs(run("bash", "-c", BASH, "bash", verb, "--", file=self.file).split())


class Zsh:
    """The completion system wants a terminal: instead, what the file hands to _arguments and _describe is looked at."""

    def __init__(self, source):
        self.file = os.path.join(source, "client/completion/zsh/_irqctl")

    def ask(self, want, verb):
        return run("zsh", "-f", "-c", ZSH, file=self.file, want=want, verb=verb).splitlines()

    def verbs(self):
        return {line.partition(":")[0] for line in self.ask("verb", "") if re.match(r"[a-z]+:[A-Z]", line)}

    def options(self, verb):
        specs = [re.sub(r"^\([^)]*\)", "", line) for line in self.ask("argument", verb)]
        return longs(spec.split("[")[0] for spec in specs if spec.startswith("--"))


class Fish:
    def __init__(self, source):
        self.file = os.path.join(source, "client/completion/fish/irqctl.fish")
        self.home = tempfile.mkdtemp(prefix="irqwatch-fish-")

    def ask(self, line):
        return run("fish", "--no-config", "-c", f"source {self.file}; complete -C '{line}'", HOME=self.home,
                   XDG_CONFIG_HOME=self.home, XDG_DATA_HOME=self.home).splitlines()

    def verbs(self):
        return {line.split("\t")[0] for line in self.ask("irqctl ")}

    def options(self, verb):
        return longs(self.ask(f"irqctl {verb} --"))


def differ(where, helped, offered):
    if helped - offered:
        problems.append(f"{where} lacks {', '.join(sorted(helped - offered))} of --help")
    if offered - helped:
        problems.append(f"{where} has {', '.join(sorted(offered - helped))}, which --help has not")


def tags(page):
    """The options that a manual page describes: those on the lines that .TP makes tags of."""
    with open(page, encoding="utf-8") as file:
        text = file.read().replace("\\-", "-")
    text = re.sub(r"\\f.|\\&", "", text)
    lines = re.findall(r"^\.(?:TP|TQ)[^\n]*\n([^\n]*)", text, re.M)
    lines = [re.sub(r"^\.[A-Z]+ ", "", line).replace('"', "").replace(" , ", ", ") for line in lines]
    return {o for line in lines for o in re.findall(r"(?<![\w-])(--[a-z][a-z-]*)", line)}


def check_screen(text):
    lines = text.rstrip("\n").split("\n")
    if len(lines) > 23:  # and the prompt
        problems.append(f"irqctl --help: {len(lines)} lines; a screen has 24, and one is the prompt's")
    problems.extend(f"irqctl --help: wider than 80 columns: {line}" for line in lines if len(line) > 80)


def check_irqctl(source, irqctl):
    text = run(irqctl, "--help")
    check_screen(text)
    verbs = set(re.findall(r"^  ([a-z][a-z-]*) ", text.split("Verbs:\n")[1].split("\n\n")[0], re.M))
    helps = {verb: longs(OPTION.findall(run(irqctl, verb, "--help"))) for verb in verbs}
    common = set.intersection(*helps.values())
    listed = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text.split("\nOptions")[1].partition(":\n")[2]))
    differ("irqctl --help", common | {"--version"}, listed)

    missing = []
    for shell in (Bash, Zsh, Fish):
        if not shutil.which(shell.__name__.lower()):
            missing.append(shell.__name__.lower())
            continue
        completion = shell(source)
        differ(f"{shell.__name__}'s completion", verbs, completion.verbs())
        for verb in sorted(verbs):
            differ(f"{shell.__name__}'s completion of irqctl {verb}", helps[verb], completion.options(verb))
        if shell is Fish:
            shutil.rmtree(completion.home)

    described = tags(os.path.join(source, "man/irqctl.1"))
    differ("irqctl(1)", common | {"--version"}, described & (common | {"--version"}))
    every = set.union(*helps.values()) | {"--version"}
    if described - every:
        problems.append(f"irqctl(1) describes {', '.join(sorted(described - every))}, which no --help has")
    for verb in sorted(verbs):
        page = os.path.join(source, f"man/irqctl-{verb}.1")
        own = helps[verb] - common
        if os.path.exists(page):
            differ(f"irqctl-{verb}(1)", own, tags(page) - common)
        elif own - described:
            problems.append(f"irqctl(1) lacks {', '.join(sorted(own - described))} of irqctl {verb} --help")
    print(f"{len(verbs)} verbs, {len(every)} options")
    return missing


def check_program(source, program):
    name = os.path.basename(program)
    helped = longs(OPTION.findall(run(program, "--help")))
    differ(f"{name}(8)", helped, tags(os.path.join(source, f"man/{name}.8")))
    print(f"{name}: {len(helped)} options")


def main(source, irqctl, *programs):
    missing = check_irqctl(source, irqctl)
    for program in programs:
        check_program(source, program)
    print("\n".join(problems))
    if problems:
        return 1
    if missing:
        print(f"SKIP: not checked for want of {', '.join(missing)}")
        return 77
    return 0


sys.exit(main(*sys.argv[1:]))
