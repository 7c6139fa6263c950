"""Pure: what a task names that is to be in a file, or out of it: values, names to ignore, rows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from codex_py.dataclass import dataclass

IGNORING = re.compile(r"\bgit\b.*\b(?:ignor\w*|track\w*)\b", re.I)
"""What git is to leave alone stands in a file of its own."""
IGNORED = (
    re.compile(r"\bgit\b.*?\b(?:track(?:ing)?|commit|ignor(?:e|es|ing))\b (?P<names>.+)", re.I),
    re.compile(
        r"\b(?:add|put|append|write) (?P<names>.+?) (?:to|into|in) (?:the )?\.gitignore", re.I
    ),
)
PLAIN = re.compile(
    r"^(?:(?:the|any|all|both|either|my|our|folders?|files?|director(?:y|ies)|lines?|"
    r"patterns?|entr(?:y|ies)) )+|(?: (?:folders?|files?|director(?:y|ies)|any ?more))+$",
    re.I,
)
SETTINGS = ("json", "ini", "cfg", "conf", "yaml", "yml", "toml", "env")
"""Suffixes of files in which a value that is asked for stands as it was told."""
NUMBERED = re.compile(r"[\w./:-]*\d[\w./:-]*")
ORDINAL = re.compile(r"\d+(st|nd|rd|th)$", re.I)
BEFORE = re.compile(
    r"\b(from|instead of|not|was|than|by|line|row|column|step|level|python|version of)$", re.I
)
"""What stands before a number that is not to be put into a file."""
RELATIVE = re.compile(
    r"\b(twice|double|half|halve|times|percent|increase|decrease|remove|delete|drop|"
    r"seconds?|minutes?|hours?|days?|[kmg]i?b|bytes)\b|%",
    re.I,
)
ROWS = re.compile(
    r"\b(?:delete|remove|drop|take out|filter out)\b (?:all |the |every |any |those )*"
    r"(?:rows?|lines?|entries|records|items)\b(?P<which>.*)",
    re.I,
)
LINES = re.compile(
    r"\b(?P<how>contain(?:ing|s)?|(?:start|begin)(?:ning|ing|s)? with)\b "
    r"(?:the (?:word|text|string) )?(?P<value>'[^']+'|\"[^\"]+\"|`[^`]+`|\S+)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a file of rows is to keep, and the command that sees to it."""

    kept: tuple[str, ...]
    command: str


def ignored(asked: str) -> list[str]:
    """The names that a task wants git to leave alone."""
    for form in IGNORED:
        if match := form.search(asked):
            said = re.split(r"[.!?](?:\s|$)", match["names"])[0]
            names = [_bare(each) for each in re.split(r",\s*(?:and |or )?| (?:and|or|nor) ", said)]
            return [each for each in names if re.fullmatch(r"[\w.*/-]+", each)]
    return []


def _bare(said: str) -> str:
    return PLAIN.sub("", PLAIN.sub("", said.strip()).strip()).strip("`'\" ")


def values(asked: str, names: Sequence[str]) -> list[str]:
    """The numbers and versions that a task wants in files of settings; empty when in doubt."""
    if RELATIVE.search(asked):
        return []
    found, said = [], ""
    for word in asked.split():
        plain = word.strip("`'\"(),;!?").rstrip(".:")
        if NUMBERED.fullmatch(plain) and not ORDINAL.search(plain) and not BEFORE.search(said):
            if not any(plain in each for each in names):
                found.append(plain)
        said = f"{said} {word}"
    return found


def absent(value: str, there: str) -> bool:
    """Whether a value stands nowhere in some text."""
    return re.search(rf"(?<![\w.]){re.escape(value)}(?!\w|\.\d)", there) is None


def rows(asked: str, path: str, text: str) -> Rows | None:
    """The rows that are left of a file when a task says which to delete; None when it says none.

    By the value of a column that the first row names, or by what a line has in it.
    """
    match = ROWS.search(asked)
    if match is None or '"' in text or "\r" in text:
        return None
    lines, quoted = text.splitlines(), shlex.quote(path)
    if path.endswith(".csv") and lines:
        head = [each.strip() for each in lines[0].split(",")]
        for place, name in enumerate(head):
            value = _told(name, match["which"])
            gone = [each for each in lines[1:] if _cell(each, place) == value]
            if value and "\\" not in value and gone:
                test = shlex.quote(f'NR == 1 || ${place + 1} != "{value}"')
                kept = (lines[0], *(each for each in lines[1:] if each not in gone))
                return Rows(
                    kept, f"awk -F, {test} {quoted} > {quoted}.new && mv {quoted}.new {quoted}"
                )
        return None
    found = LINES.search(match["which"])
    if found is None:
        return None
    value = found["value"].strip("`'\"").rstrip(".,;")
    first = not found["how"].lower().startswith("contain")
    gone = [each for each in lines if (each.startswith(value) if first else value in each)]
    if not value or "\\" in value or not gone or len(gone) == len(lines):
        return None
    test = f'index($0, "{value}") {"!= 1" if first else "== 0"}'
    command = f"awk {shlex.quote(test)} {quoted} > {quoted}.new && mv {quoted}.new {quoted}"
    return Rows(tuple(each for each in lines if each not in gone), command)


def _told(name: str, said: str) -> str:
    """The one value that some words give a column."""
    form = (
        rf"\b{re.escape(name)}`?(?: column)? (?:is|are|=|==|equals|equal to|of) (?:exactly )?"
        r"(?P<value>'[^']+'|\"[^\"]+\"|`[^`]+`|\S+)"
    )
    match = re.search(form, said, re.I) if name else None
    return match["value"].strip("`'\"").rstrip(".,;") if match else ""


def _cell(line: str, place: int) -> str:
    cells = line.split(",")
    return cells[place] if place < len(cells) else ""
