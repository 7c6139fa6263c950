"""Reads the words of a known program against the options it may be given unasked.

A program's options are one text: `-ab` two short flags, `-n=` a short option with a value,
`-f<` one whose value is a file it reads, `-#` a number as an option, `-ps!` one flag of several
letters, `--all` a long flag, `--width=` a long option with a value, `--color?` with a value only
after `=`, `--from<` a file. Long options must be spelled out: an abbreviation could mean another
option elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import field

from codex_py.core.commands.words import Word
from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """What one program may be given so that it only reads."""

    options: str = ""
    operands: str = "files"
    """files, texts, none, or pattern (a text first, then files)."""
    at_most: int = 1000
    """How many operands it may have."""
    wild: bool = False
    """True when no option at all does harm, so that a file's name cannot turn into a bad one."""
    free: bool = False
    """True when words not known before it runs do no harm either, and name no file."""
    traps: dict[str, str] = field(default_factory=dict)
    """Why some options are not allowed."""
    walled: bool = False
    note: str = "only reads"


class Refused(Exception):
    """The program may not be run unasked with these words; the text says why."""


@dataclass(slots=True)
class Read:
    """The words of a command, sorted."""

    operands: list[Word] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)


Allowed = dict[str, str]
"""Option to its kind: "" a flag, "=" a value, "?" a value after `=` only, "<" a file."""
VALUE = re.compile(r"-?\d+(?:[.,:\d]*)|[^-].*|", re.ASCII | re.DOTALL)


def allowed(spec: str) -> Allowed:
    """The options of a spec."""
    found: Allowed = {}
    for item in spec.split():
        kind = item[-1] if item[-1] in "=?<!" and len(item) > 2 else ""
        name = item[: len(item) - len(kind)]
        if name.startswith("--") or kind:
            found[name] = kind.replace("!", "")
        else:
            found.update({f"-{letter}": "" for letter in name[1:]})
    return found


def sort(words: tuple[Word, ...], program: Program) -> Read:
    """Sort the words behind the program's name. Raises Refused."""
    known = allowed(program.options)
    read = Read()
    waiting = list(reversed(words))
    ended = False
    while waiting:
        word = waiting.pop()
        if word.plain and word.text == "--" and not ended:
            ended = True
        elif ended or not _could_be_option(word, program):
            read.operands.append(word)
        elif _fixed(word, known):
            read.given.add(word.text.partition("=")[0])
        elif not word.plain:
            raise Refused(f"`{word.text}` could turn into an option of the program")
        elif word.text.startswith("--"):
            _long(word.text, known, program, waiting, read)
        else:
            _short(word.text, known, program, waiting, read)
    return read


def _could_be_option(word: Word, program: Program) -> bool:
    if word.plain:
        return word.text.startswith("-") and word.text != "-"
    if word.known and word.glob:
        return word.start.startswith("-") or (not word.start and not program.wild)
    if program.free or word.pipe:
        return False
    return word.many or not word.start or word.start.startswith("-")


def _fixed(word: Word, known: Allowed) -> bool:
    """True for `--include=*.py`: whatever it becomes, it is that option with some value."""
    name, attached, _ = word.start.partition("=")
    return word.known and word.glob and bool(attached) and known.get(name) == "="


def _trap(name: str, program: Program) -> Refused:
    return Refused(f"{name}: {program.traps.get(name, 'this option is not known to be harmless')}")


def _long(text: str, known: Allowed, program: Program, waiting: list[Word], read: Read) -> None:
    name, attached, value = text.partition("=")
    kind = known.get(name)
    if kind is None or (attached and not kind):
        raise _trap(name, program)
    read.given.add(name)
    if kind in ("=", "<") or attached:
        _value(Word(value) if attached else _next(waiting, name), kind, name, read)


def _short(text: str, known: Allowed, program: Program, waiting: list[Word], read: Read) -> None:
    if text in known and len(text) > 2:
        read.given.add(text)
        if known[text] in ("=", "<"):
            _value(_next(waiting, text), known[text], text, read)
        return
    rest = text[1:]
    while rest:
        if rest[0].isdigit() and "-#" in known:
            rest = rest.lstrip("0123456789")
            continue
        name, rest = f"-{rest[0]}", rest[1:]
        kind = known.get(name)
        if kind is None:
            raise _trap(name, program)
        read.given.add(name)
        if kind:
            word = Word(rest) if rest or kind == "?" else _next(waiting, name)
            _value(word, kind, name, read)
            return


def _next(waiting: list[Word], name: str) -> Word:
    if not waiting:
        raise Refused(f"{name} lacks its value")
    return waiting.pop()


def _value(word: Word, kind: str, name: str, read: Read) -> None:
    if word.many:
        raise Refused(f"`{word.text}` could turn into an option of the program")
    if kind == "<":
        if not word.plain:
            raise Refused(f"the file `{word.text}` is not known before it runs")
        read.reads.append(word.text)
    elif word.known and not VALUE.fullmatch(word.text):
        raise Refused(f"{name} has an unusual value")
    elif not word.known and (not word.start or word.start.startswith("-")):
        raise Refused(f"`{word.text}` could turn into an option of the program")


def files(words: list[Word]) -> list[str]:
    """Operands that are files. Raises Refused for one that is not known."""
    found: list[str] = []
    for word in words:
        if word.pipe or (word.plain and word.text == "-"):
            continue
        if not word.known:
            raise Refused(f"the file `{word.text}` is not known before it runs")
        if word.glob and _wanders(word.text):
            raise Refused(f"`{word.text}` could mean a folder further up or a hidden file")
        if word.text:
            found.append(word.text)
    return found


def _wanders(pattern: str) -> bool:
    seen = False
    for step in pattern.split("/"):
        wild = bool(set(step) & set("*?["))
        if (wild and step.startswith(".")) or (seen and step == ".."):
            return True
        seen = seen or wild
    return False
