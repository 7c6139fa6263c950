"""Programs that run another one: what counts is the program they run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from codex_py.core.commands.options import Program, Refused, sort
from codex_py.core.commands.settings import unsettling
from codex_py.core.commands.verdict import Verdict, ask
from codex_py.core.commands.words import Word

Words = tuple[Word, ...]
Judge = Callable[..., Verdict]
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII | re.DOTALL)
DURATION = re.compile(r"\d+(?:\.\d+)?[smhd]?", re.ASCII)


def leading(words: Words, with_value: str, flags: str) -> tuple[int, str]:
    """How many words in front are options, and the first one that is not expected."""
    at = 0
    while at < len(words) and words[at].plain and words[at].text.startswith("-"):
        text = words[at].text
        if text == "--":
            return at + 1, ""
        name, joined = text.partition("=")[0], "=" in text
        if text in flags.split() or (
            name in with_value.split() and text.startswith("--") and joined
        ):
            at += 1
        elif text in with_value.split() and at + 1 < len(words) and words[at + 1].plain:
            at += 2
        elif text[:2] in with_value.split() and not text.startswith("--"):
            at += 1
        else:
            return at, text
    return at, ""


def behind(rest: Words, judge: Judge, shell: bool = False) -> Verdict:
    """The verdict on the command that is run."""
    return judge(rest, shell) if rest else ask("there is no command to run")


def refused(option: str, rest: Words, judge: Judge, who: str) -> Verdict:
    """Asks because of an option, but still says what would run."""
    found = judge(rest[1:], False) if len(rest) > 1 else ask("")
    return replace(found, reading=False, why=f"{who} {option} is not looked through")


def env(words: Words, _shell: bool, judge: Judge) -> Verdict:
    """`env [-i] [-u NAME] [NAME=value …] command`."""
    at, odd = leading(words, "-u --unset", "-i -0 - --ignore-environment")
    if odd:
        return refused(odd, words[at:], judge, "env")
    troubles: list[str] = []
    while at < len(words):
        found = ASSIGNMENT.match(words[at].text)
        if not found:
            break
        troubles.append(unsettling(found[1], replace(words[at], text=found[2])))
        at += 1
    if at == len(words):
        return ask("env shows the environment, which may hold secrets")
    verdict = behind(words[at:], judge)
    wrong = next((trouble for trouble in troubles if trouble), "")
    return replace(verdict, reading=False, why=wrong) if wrong else verdict


def timeout(words: Words, _shell: bool, judge: Judge) -> Verdict:
    """`timeout [options] duration command`."""
    at, odd = leading(
        words, "-s -k --signal --kill-after", "-v -f -p --foreground --preserve-status --verbose"
    )
    if odd:
        return refused(odd, words[at:], judge, "timeout")
    if at >= len(words) or not words[at].plain or not DURATION.fullmatch(words[at].text):
        return replace(behind(words[at + 1 :], judge), reading=False, why="its duration is odd")
    return behind(words[at + 1 :], judge)


def nice(words: Words, _shell: bool, judge: Judge) -> Verdict:
    """`nice [-n N] command`."""
    at, odd = leading(words, "-n --adjustment", "-5 -10 -15 -19")
    return refused(odd, words[at:], judge, "nice") if odd else behind(words[at:], judge)


def stdbuf(words: Words, _shell: bool, judge: Judge) -> Verdict:
    """`stdbuf -oL command`."""
    at, odd = leading(words, "-i -o -e --input --output --error", "")
    return refused(odd, words[at:], judge, "stdbuf") if odd else behind(words[at:], judge)


def nohup(words: Words, _shell: bool, judge: Judge) -> Verdict:
    """`nohup command`, which writes nohup.out on a terminal."""
    found = behind(words, judge)
    return replace(found, reading=False, why="nohup can write nohup.out", writes=("nohup.out",))


def elevated(words: Words, _shell: bool, judge: Judge) -> Verdict:
    """`sudo` and `doas`: never free, whatever they run."""
    at, odd = leading(words, "-u -g -h -p -C -U -r -t", "-n -E -H -k -S -i -s -b -A -P")
    if odd or not words[at:]:
        return ask("it runs with another user's rights")
    while at < len(words) - 1 and ASSIGNMENT.match(words[at].text):
        at += 1
    found = behind(words[at:], judge)
    return replace(found, reading=False, why="it runs with another user's rights")


def time(words: Words, shell: bool, judge: Judge) -> Verdict:
    """`time [-p] command`."""
    at = 1 if words and words[0].text == "-p" else 0
    return behind(words[at:], judge, shell)


def command(words: Words, shell: bool, judge: Judge) -> Verdict:
    """`command name …`, and `command -v name`, which only looks it up."""
    if words and words[0].text in ("-v", "-V"):
        if all(word.plain for word in words):
            return Verdict(reading=True, why="only says where a command is")
        return ask("a word is not known before it runs")
    return behind(words[1:] if words and words[0].text == "--" else words, judge, shell)


def builtin(words: Words, shell: bool, judge: Judge) -> Verdict:
    """`builtin name …`: only ever a builtin of the shell."""
    from codex_py.core.commands.builtin import RULES as OWN

    if not shell or not words or words[0].text not in OWN:
        return ask("this builtin is not known to only read")
    return behind(words, judge, shell)


XARGS = Program(
    "-0rtx -n= -P= -L= -s= -I= -d= --null --no-run-if-empty --max-args= --max-procs= --max-lines="
    " --verbose --exit --delimiter= --replace=",
    "texts",
    traps={"-a": "it takes names of files from a file", "-p": "it asks on the terminal"},
)


def xargs(words: Words, _shell: bool, judge: Judge) -> Verdict:
    """`xargs -0 command`: the names come from the input, so they are not known."""
    at = 0
    for at in range(len(words) + 1):
        try:
            read = sort(words[:at], XARGS)
        except Refused as refusal:
            if at < len(words) and "lacks its value" in str(refusal):
                continue
            return refused(words[at - 1].text, words[at - 1 :], judge, "xargs")
        if read.operands or at == len(words):
            break
    ran = words[at - 1 :] if read.operands else (Word("echo"),)
    replaced = [word.text for word in _after(words[:at], "-I")]
    spot = replaced[0] if replaced else ""
    names = Word("names from its input", known=False, many=True)
    given = tuple(names if spot and spot in word.text else word for word in ran)
    found = behind(given if spot else (*given, names), judge)
    if not found.reading:
        return found
    if "-0" in read.given or "--null" in read.given:
        return found
    return replace(found, reading=False, why="xargs without -0 can cut names in pieces")


def _after(words: Words, option: str) -> list[Word]:
    for number, word in enumerate(words):
        if word.text == option and number + 1 < len(words):
            return [words[number + 1]]
        if word.text.startswith(option):
            return [Word(word.text[len(option) :])]
    return []


Rule = Callable[[Words, bool, Judge], Verdict]
RULES: dict[str, Rule] = {
    "env": env,
    "timeout": timeout,
    "gtimeout": timeout,
    "nice": nice,
    "stdbuf": stdbuf,
    "nohup": nohup,
    "sudo": elevated,
    "doas": elevated,
    "time": time,
    "command": command,
    "builtin": builtin,
    "xargs": xargs,
}
