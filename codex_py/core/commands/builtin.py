"""Builtins of the shell that are known to only read or to change nothing but the shell itself."""

from __future__ import annotations

import re
from collections.abc import Callable

from codex_py.core.commands.verdict import Verdict, ask
from codex_py.core.commands.words import Word

NAME = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
SET = re.compile(r"[-+][euvx]+|[-+][euvx]*o|pipefail|errexit|nounset", re.ASCII)


def echo(_words: tuple[Word, ...]) -> Verdict:
    """`echo` prints whatever it is given."""
    return Verdict(reading=True, why="only prints")


def printf(words: tuple[Word, ...]) -> Verdict:
    """`printf`, but not `-v`, whose name may hold a command."""
    if not words or not words[0].plain or words[0].text.startswith("-"):
        if len(words) < 2 or words[0].text != "--" or not words[1].plain:
            return ask("printf with options can set variables and run commands")
    return Verdict(reading=True, why="only prints")


def nothing(_words: tuple[Word, ...]) -> Verdict:
    """`true`, `false` and `:`."""
    return Verdict(reading=True, why="does nothing")


def leave(words: tuple[Word, ...]) -> Verdict:
    """`exit`, `break` and `continue`, with a number or nothing."""
    if len(words) > 1 or any(not re.fullmatch(r"\d+|\$\?", word.text) for word in words):
        return ask("its argument is not a number")
    return Verdict(reading=True, why="only ends the script")


def cd(words: tuple[Word, ...]) -> Verdict:
    """`cd` to a folder that is known."""
    places = [word for word in words if not (word.plain and word.text in ("-P", "-L", "--"))]
    if not places:
        return Verdict(reading=True, why="changes the folder", reads=("~",), cwd_change="~")
    if len(places) > 1 or not places[0].plain or places[0].text.startswith("-"):
        return ask("the folder it changes to is not known before it runs")
    target = places[0].text or "."
    return Verdict(reading=True, why="changes the folder", reads=(target,), cwd_change=target)


def pwd(words: tuple[Word, ...]) -> Verdict:
    """`pwd`."""
    if any(word.text not in ("-P", "-L") for word in words):
        return ask("pwd has an argument that is not expected")
    return Verdict(reading=True, why="only says the folder")


def about(words: tuple[Word, ...]) -> Verdict:
    """`type`: where commands come from."""
    if any(not word.plain for word in words):
        return ask("a word is not known before it runs")
    return Verdict(reading=True, why="only says what a command is")


def read(words: tuple[Word, ...]) -> Verdict:
    """`read -r NAME…`: takes a line into variables of the line's own."""
    names = [word.text for word in words if word.text not in ("-r", "-rs", "-s")]
    if any(not word.plain for word in words) or not all(map(NAME.fullmatch, names)):
        return ask("read is not of the plain form `read -r name`")
    return Verdict(reading=True, why="only reads a line", sets=tuple(names))


def settings(words: tuple[Word, ...]) -> Verdict:
    """`set -euo pipefail` and the like."""
    if not words or any(not word.plain or not SET.fullmatch(word.text) for word in words):
        return ask("set with these words can change what later commands do, or show variables")
    if words[-1].text[-1] == "o" and words[-1].text[0] in "-+":
        return ask("set without a name shows the shell's settings")
    return Verdict(reading=True, why="only sets how errors are treated")


def test(words: tuple[Word, ...]) -> Verdict:
    """`test …`, the spelled-out form of `[ … ]`."""
    from codex_py.core.commands.condition import judged

    return judged(list(words), double=False)


RULES: dict[str, Callable[[tuple[Word, ...]], Verdict]] = {
    "echo": echo,
    "printf": printf,
    ":": nothing,
    "true": nothing,
    "false": nothing,
    "exit": leave,
    "break": leave,
    "continue": leave,
    "cd": cd,
    "pwd": pwd,
    "type": about,
    "read": read,
    "set": settings,
    "test": test,
}

BUILTINS = frozenset(
    """: . alias bg break builtin cd command continue declare dirs echo enable eval exec exit export
    false fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd
    read readarray readonly return set shift shopt source suspend test times trap true type typeset
    ulimit umask unalias unset wait [""".split()
)
"""Names the shell answers to itself, so that no program starts."""
