"""Pure: streamed Markdown is cut into blocks, each handed on as soon as it is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Literal

from codex_py.dataclass import dataclass

LARGEST = 3_000
"""Characters after which a block, or a line, is handed on though it is not complete."""
CHUNK = 25
"""Lines of code handed on at once: few, as drawing them must not hold up a key."""
BEFORE = 50
"""Lines of code before these that the lexer is given again."""

Kind = Literal["text", "item", "quote", "table", "code"]

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
ITEM = re.compile(r"( *)(?:[-*+]|\d{1,9}[.)])(?:([ \t]+)|$)")
QUOTE = re.compile(r" {0,3}>")
UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
COLUMNS = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A finished piece of Markdown: its lines as they came."""

    kind: Kind
    lines: tuple[str, ...]
    gap: bool = False
    """A blank line belongs before it."""
    language: str = ""
    """Of code: the word after the fence."""
    before: tuple[str, ...] = ()
    """Of code: the lines just before these, so that highlighting can go on."""
    opens: bool = False
    """Of code: these are its first lines."""
    closes: bool = False
    """Of code: these are its last lines."""


@dataclass(slots=True)
class Cutter:
    """Takes text in any pieces; where it is cut depends on the text alone.

    Each character is looked at a bounded number of times, however the text is split.
    """

    kind: Kind | None = None
    lines: list[str] = field(default_factory=list)
    size: int = 0
    pieces: list[str] = field(default_factory=list)
    waiting: int = 0
    """Characters of the line that has not ended yet."""
    fence: str = ""
    language: str = ""
    opened: bool = False
    before: tuple[str, ...] = ()
    inner: str = ""
    """The fence that is open inside a list item."""
    indent: int = 0
    started: bool = False
    blank: bool = False
    """The line before was blank."""
    gap: bool = False
    """A blank line came before this block."""

    def feed(self, text: str) -> Iterator[Block]:
        """The blocks that this text completes."""
        *ended, rest = text.split("\n")
        for line in ended:
            self.pieces.append(line)
            whole = "".join(self.pieces)
            self.pieces, self.waiting = [], 0
            yield from self._long(whole.removesuffix("\r"))
        if rest:
            self.pieces.append(rest)
            self.waiting += len(rest)
        if self.waiting > LARGEST + 1:  # the one more may be a carriage return
            *cuts, last = _cuts("".join(self.pieces), LARGEST + 1)
            for cut in cuts:
                yield from self._line(cut, cut_off=True)
            self.pieces, self.waiting = [last], len(last)

    def flush(self) -> Iterator[Block]:
        """What is left, complete or not. Nothing may be fed afterwards."""
        last = "".join(self.pieces).removesuffix("\r")
        if last:
            yield from self._long(last)
        yield from self._done(closes=self.kind == "code")

    def tail(self) -> list[str]:
        """The lines of the block that is not complete, the last one as far as it came."""
        return [*self.lines, "".join(self.pieces)] if self.pieces else self.lines

    def _long(self, line: str) -> Iterator[Block]:
        *cuts, last = _cuts(line, LARGEST)
        for cut in cuts:
            yield from self._line(cut, cut_off=True)
        yield from self._line(last)

    def _line(self, line: str, *, cut_off: bool = False) -> Iterator[Block]:
        if self.kind == "code":
            yield from self._code(line)
        elif self.kind == "item":
            yield from self._item(line)
        elif self.kind is not None and self._continues(line):
            self._keep(line)
        else:
            yield from self._done()
            yield from self._begin(line)
        if self.kind not in (None, "code") and (cut_off or self.size > LARGEST):
            yield from self._part()

    def _continues(self, line: str) -> bool:
        """Whether a line belongs to the text, table or quote before it."""
        if not line.strip():
            return False
        if self.kind == "text" and UNDERLINE.match(line):
            return True
        if self.kind == "table":
            return "|" in line
        if self.kind == "quote" and QUOTE.match(line):
            return True
        if self.kind == "text" and len(self.lines) == 1:
            if "|" in self.lines[0] and "-" in line and COLUMNS.match(line):
                self.kind = "table"
                return True
        return not _starts(line)

    def _begin(self, line: str) -> Iterator[Block]:
        if not line.strip():
            self.blank = self.started
            return
        self.gap, self.blank = self.blank, False
        if fence := FENCE.match(line):
            self._open(fence)
            return
        if (item := ITEM.match(line)) and not RULE.match(line):
            self.kind = "item"
            self.indent = len(item[1]) + 2
            self.inner = ""
        else:
            self.kind = "quote" if QUOTE.match(line) else "text"
        self._keep(line)
        if self.kind == "text" and (HEADING.match(line) or RULE.match(line)):
            yield from self._done()

    def _open(self, fence: re.Match[str]) -> None:
        self.kind, self.fence = "code", fence[1]
        words = fence[2].split()
        self.language = words[0] if words else ""
        self.before, self.opened = (), False

    def _code(self, line: str) -> Iterator[Block]:
        mark = line.strip()
        if mark.startswith(self.fence) and not mark.strip(self.fence[0]):
            yield from self._done(closes=True)
            return
        self._keep(line)
        if len(self.lines) >= CHUNK or self.size > LARGEST:
            yield from self._done()
            self.kind = "code"

    def _item(self, line: str) -> Iterator[Block]:
        if self.inner:
            mark = line.strip()
            if mark.startswith(self.inner) and not mark.strip(self.inner[0]):
                self.inner = ""
            self._keep(line)
            return
        if not line.strip():
            self.blank = True
            return
        deep = len(line) - len(line.lstrip(" "))
        begins = ITEM.match(line) and not RULE.match(line)
        if (begins and deep < self.indent) or (
            deep < self.indent and (self.blank or _starts(line))
        ):
            yield from self._done()
            yield from self._begin(line)
            return
        if self.blank:
            self._keep("")
            self.blank = False
        if fence := FENCE.match(ITEM.sub("", line).strip()):
            self.inner = fence[1]
        self._keep(line)

    def _keep(self, line: str) -> None:
        self.lines.append(line)
        self.size += len(line) + 1

    def _part(self) -> Iterator[Block]:
        """Hand on a block that grew too large; a table's next part has its head again."""
        kind, head, inner = self.kind, self.lines[:2], self.inner
        yield from self._done()
        self.gap = False
        if kind == "table" and sum(map(len, head)) < LARGEST // 8:
            self.kind, self.lines = "table", head
        elif kind == "item" and inner:
            self.kind, self.fence, self.language = "code", inner, ""
            self.before, self.opened = (), True

    def _done(self, *, closes: bool = False) -> Iterator[Block]:
        kind, lines = self.kind, tuple(self.lines)
        self.kind, self.lines, self.size = None, [], 0
        if kind is None or (kind != "code" and not lines):
            return
        code = kind == "code"
        opens = code and not self.opened
        gap = self.gap and (opens or not code)
        self.started = True
        if code and not (lines or opens or closes):
            return
        yield Block(kind, lines, gap, self.language if code else "", self.before, opens, closes)
        self.opened = code and not closes
        self.before = (*self.before, *lines)[-BEFORE:] if code and not closes else ()


def _starts(line: str) -> bool:
    """Whether a line begins a block of its own right after text."""
    if FENCE.match(line) or HEADING.match(line) or RULE.match(line) or QUOTE.match(line):
        return True
    item = ITEM.match(line)
    return bool(item and item[2] and len(item[1]) < 4)


def _cuts(line: str, most: int) -> Iterator[str]:
    """A line in pieces, cut at spaces near LARGEST while more than `most` are left."""
    start = 0
    while len(line) - start > most:
        at = line.rfind(" ", start + LARGEST // 2, start + LARGEST)
        stop = start + LARGEST if at < 0 else at + 1
        yield line[start:stop]
        start = stop
    yield line[start:]
