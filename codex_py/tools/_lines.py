"""Pure: the lines of a text, and the stricter and looser ways to find some of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from codex_py.dataclass import dataclass

PASSES = (
    "exactly",
    "after ignoring trailing blanks",
    "after ignoring indentation",
    "after ignoring indentation and typographic punctuation",
)
"""How a block was found, from the strictest way to the loosest."""

_PLAIN = (
    dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212), "-")
    | dict.fromkeys(range(0x2018, 0x201C), "'")
    | dict.fromkeys(range(0x201C, 0x2020), '"')
    | dict.fromkeys((0x00A0, *range(0x2002, 0x200B), 0x202F, 0x205F, 0x3000), " ")
)


class EditError(ValueError):
    """A change that cannot be computed; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Match:
    """Lines `start` to `stop` (0-based, `stop` left out) and the pass that found them."""

    start: int
    stop: int
    level: int


class Text:
    """The lines of a text, apart from their endings, with looser views made when asked for."""

    def __init__(self, text: str) -> None:
        self.lines, self.ends = split(text)
        self._views: list[list[str]] = [self.lines]

    def view(self, level: int) -> list[str]:
        """All lines as the pass of that level compares them."""
        while len(self._views) <= level:
            self._views.append(looser(self._views[-1], len(self._views)))
        return self._views[level]

    def find(self, wanted: Sequence[str], start: int, *, end: bool = False) -> Match | None:
        """The first place from `start` on, the strictest pass first; `end`: only the last lines."""
        count, last = len(wanted), len(self.lines) - len(wanted)
        if end:
            start = max(start, last)
        if start > last:
            return None
        if not wanted:
            return Match(start, start, 0)
        needle = list(wanted)
        for level in range(len(PASSES)):
            needle = looser(needle, level)
            place = index(self.view(level), needle, start, last)
            if place is not None:
                return Match(place, place + count, level)
        return None

    def again(self, wanted: Sequence[str], match: Match) -> int | None:
        """Where the same pass would match next, for telling that a match was ambiguous."""
        needle = list(wanted)
        for level in range(match.level + 1):
            needle = looser(needle, level)
        last = len(self.lines) - len(needle)
        return index(self.view(match.level), needle, match.start + 1, last)


def split(text: str) -> tuple[list[str], list[str]]:
    """Lines and their endings: LF, CRLF, CR, or nothing after an unfinished last line."""
    if not text:
        return [], []
    if "\r" not in text:
        lines = text.split("\n")
        ends = ["\n"] * (len(lines) - 1) + [""]
    else:
        parts = re.split("(\r\n|\r|\n)", text)
        lines, ends = parts[::2], [*parts[1::2], ""]
    if not lines[-1]:
        del lines[-1], ends[-1]
    return lines, ends


def index(lines: list[str], needle: list[str], start: int, last: int) -> int | None:
    """The first place from `start` to `last` where the lines of `needle` follow each other."""
    first, count = needle[0], len(needle)
    while True:
        try:
            start = lines.index(first, start, last + 1)
        except ValueError:
            return None
        if lines[start : start + count] == needle:
            return start
        start += 1


def looser(lines: list[str], level: int) -> list[str]:
    """Lines of the pass before, as the pass `level` compares them."""
    match level:
        case 0:
            return lines
        case 1:
            return [line.rstrip() for line in lines]
        case 2:
            return [line.strip() for line in lines]
        case _:
            return [line if line.isascii() else line.translate(_PLAIN) for line in lines]


def loosest(lines: Sequence[str]) -> list[str]:
    """Lines as the last pass compares them."""
    return looser([line.strip() for line in lines], len(PASSES) - 1)


def span(start: int, count: int) -> str:
    """Lines in words, counted from 1; `start` counts from 0."""
    return f"line {start + 1}" if count <= 1 else f"lines {start + 1}-{start + count}"
