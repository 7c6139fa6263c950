"""Judges one simple command by its words: known to only read, or why somebody must be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from codex_py.core.commands import builtin, filters, finding, git, scripts, wrappers
from codex_py.core.commands.known import KNOWN, VERSIONED
from codex_py.core.commands.options import Program, Refused, files, sort
from codex_py.core.commands.verdict import Verdict, ask
from codex_py.core.commands.words import Word

FOLDERS = ("/bin/", "/usr/bin/", "/usr/local/bin/", "/opt/homebrew/bin/")
PATTERNED = frozenset({"-e", "--regexp", "-f", "--file", "--files", "--type-list"})
"""Options that leave no operand to be a pattern."""
Rule = Callable[[str, tuple[Word, ...]], Verdict]


def judge(words: tuple[Word, ...], shell: bool = True) -> Verdict:
    """Judge a command; shell says that the shell itself runs it, so builtins count."""
    for word in words:
        if word.trouble:
            return replace(inner(words, shell), reading=False, why=word.trouble)
    return inner(words, shell)


def inner(words: tuple[Word, ...], shell: bool) -> Verdict:
    """The same, with words that show nothing they should not."""
    if not words or not words[0].plain:
        return ask("the program is not known before it runs")
    name = program_name(words[0].text)
    if name is None:
        return ask(f"{words[0].text} is not in a folder of the system")
    builtin_here = shell and "/" not in words[0].text
    try:
        found = rule(name, words[1:], builtin_here)
    except Refused as refusal:
        found = ask(f"{name} {refusal}" if str(refusal).startswith("-") else str(refusal))
    if builtin_here and name in builtin.BUILTINS:
        return found
    return replace(found, programs=(words[0].text, *found.programs))


def program_name(text: str) -> str | None:
    """The bare name of a program, or None when its folder is not one of the system's."""
    if "/" not in text:
        return text
    folder, _, name = text.rpartition("/")
    return name if folder + "/" in FOLDERS and name else None


def rule(name: str, words: tuple[Word, ...], shell: bool) -> Verdict:
    """Find what is known of a program and ask it."""
    if shell and name in builtin.RULES:
        return builtin.RULES[name](words)
    if name in wrappers.RULES:
        return wrappers.RULES[name](words, shell, judge)
    if name in scripts.RULES:
        return scripts.RULES[name](name, words)
    for rules in (filters.RULES, finding.RULES):
        if name in rules:
            return rules[name](words, judge)
    if name == "git":
        return git.git(words)
    if name in KNOWN:
        return listed(words, KNOWN[name])
    if name in VERSIONED and len(words) == 1 and words[0].plain:
        if words[0].text in VERSIONED[name].split():
            return Verdict(reading=True, why="only says its version", walled=True)
    return ask(f"{name} is not known to only read")


def listed(words: tuple[Word, ...], program: Program) -> Verdict:
    """Judge a program by its row in the table. Raises Refused."""
    read = sort(words, program)
    operands = read.operands
    if len(operands) > program.at_most or (
        program.at_most < 1000 and any(word.many for word in operands)
    ):
        raise Refused(program.traps.get("", "it has more operands than are known to be harmless"))
    reads = list(read.reads)
    if program.operands == "pattern" and not read.given & PATTERNED:
        if operands and operands[0].many:
            raise Refused(f"`{operands[0].text}` could turn into several words")
        operands = operands[1:]
    if program.operands in ("files", "pattern"):
        reads += files(operands)
    elif program.operands == "none" and operands:
        raise Refused(program.traps.get("", f"`{operands[0].text}` is not expected here"))
    return Verdict(reading=True, why=program.note, reads=tuple(reads), walled=program.walled)
