"""git: the commands that only read, told apart from those that change or reach the network.

Even these can start programs that the repository's own configuration names (a file watcher, a
diff or text converter, a clean filter, a pager), so they only read as long as confinement holds.
"""

from __future__ import annotations

import re
from dataclasses import replace

from codex_py.core.commands.gitknown import COMMANDS, TRAPS, Command
from codex_py.core.commands.options import Refused, files, sort
from codex_py.core.commands.verdict import Verdict, ask
from codex_py.core.commands.words import Word

Words = tuple[Word, ...]
GLOBAL = frozenset({"--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs"})
WHY = "only reads, but git may start programs that the repository names"


def git(words: Words) -> Verdict:
    """Judge a git command. Raises Refused."""
    reads: list[str] = []
    at = 0
    while at < len(words) and words[at].text.startswith("-"):
        word = words[at]
        if not word.plain:
            return ask("the git command is not known before it runs")
        if word.text == "-C" and at + 1 < len(words):
            reads += files([words[at + 1]])
            at += 2
        elif word.text in GLOBAL:
            at += 1
        elif word.text in ("--version", "-v") and len(words) == 1:
            return Verdict(reading=True, why="only says its version")
        else:
            return ask(f"git {word.text}: {TRAPS.get(word.text.split('=')[0], ODD)}")
    if at == len(words) or not words[at].plain:
        return ask("the git command is not known before it runs")
    found = chosen(words[at].text, words[at + 1 :])
    return replace(found, reads=(*reads, *found.reads), walled=found.reading)


SIGNED = re.compile(r"%[-+ ]?G|signature", re.IGNORECASE)
"""Formats for which git checks signatures, with a program that is a setting."""
SHOWN = re.compile(r"(?:user|core|init|branch|pull|push|merge|color|remote)\..+", re.IGNORECASE)
"""Settings that hold no secrets as a rule."""
ODD = "this option is not known to be harmless"


def chosen(name: str, words: Words) -> Verdict:
    """Judge the command behind `git`. Raises Refused."""
    command = COMMANDS.get(name)
    if command is None:
        return ask(f"git {name} is not known to only read")
    if command.verbs:
        return verbs(name, words, command)
    return plain(name, words, command)


def plain(name: str, words: Words, command: Command) -> Verdict:
    """A command without sub-commands. Raises Refused."""
    try:
        read = sort(words, command.program)
    except Refused as refusal:
        raise Refused(f"git {name} {refusal}") from None
    if command.list_only and read.operands and not read.given & set(command.list_only.split()):
        return ask(f"git {name} with a name changes the repository")
    if len(read.operands) > command.program.at_most or any(
        word.many and command.program.at_most < 1000 for word in read.operands
    ):
        return ask(f"git {name} with these words changes the repository")
    if any(SIGNED.search(word.text) for word in words):
        return ask(f"git {name} checks signatures with a program of the repository's choice")
    if name == "config" and not all(SHOWN.fullmatch(word.text) for word in read.operands):
        return ask("this setting of git could hold a secret")
    for word in read.operands:
        if not word.known and (word.many or not word.start):
            return ask(f"`{word.text}` is not known before it runs")
    return Verdict(
        reading=True, why=WHY, reads=tuple(word.text for word in read.operands if away(word))
    )


def away(word: Word) -> bool:
    """True for an operand that could be a file outside: `git diff` compares such files."""
    return bool(re.match(r"/|~|\.\./|\.\.$|.*/\.\./", word.text))


def verbs(name: str, words: Words, command: Command) -> Verdict:
    """A command whose first word says what it does. Raises Refused."""
    verb = words[0] if words else Word("")
    if not verb.plain:
        return ask(f"what git {name} does is not known before it runs")
    inner = command.verbs.get(verb.text)
    if inner is None and (not words or verb.text.startswith("-")) and "" in command.verbs:
        return plain(name, words, replace(command.verbs[""], verbs={}))
    if inner is None:
        return ask(f"git {name} {verb.text} is not known to only read")
    return plain(f"{name} {verb.text}", words[1:], inner)
