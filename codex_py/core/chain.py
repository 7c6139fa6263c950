"""Pure: the lines of a log, each chained by a hash to the line before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from codex_py.core.entries import Json
from codex_py.dataclass import dataclass

FIELD = b',"chain":"'
SIZE = 32
"""Hexadecimal digits of a link: the first half of a SHA-256."""
_CLOSE = len(FIELD) + SIZE + 2


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a log is not what was written. Lines are counted from 1."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the chain of a log says."""

    lines: int
    unchained: int
    """Lines at the beginning that an older version wrote, without a chain."""
    breaks: tuple[Break, ...]

    @property
    def whole(self) -> bool:
        """Nothing was changed since it was written, as far as a chain can tell."""
        return not self.breaks


def chained(data: Json, before: str) -> tuple[bytes, str]:
    """A line of the log with its newline, and its link, which the next line is given.

    The link is the hash of the link before it and of all of its own line up to the link.
    Lone surrogates, which no UTF-8 file can hold, are replaced.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return rechained(text.encode("utf-8", "replace")[:-1], before)


def rechained(body: bytes, before: str) -> tuple[bytes, str]:
    """The same for a line that is text already; `body` ends before its closing brace."""
    link = hashlib.sha256(before.encode() + body).hexdigest()[:SIZE]
    return b'%b%b%b"}\n' % (body, FIELD, link.encode()), link


def parted(line: bytes) -> tuple[bytes, str]:
    """A line's body and its link, which is empty when the line has none."""
    at = len(line) - _CLOSE
    if at > 0 and line.endswith(b'"}') and line[at : at + len(FIELD)] == FIELD:
        link = line[at + len(FIELD) : -2]
        if link.isalnum():
            return line[:at], link.decode()
    return line.removesuffix(b"}"), ""


def _version(line: bytes) -> int:
    """The version that the first line of a log tells; 0 for none."""
    try:
        found = json.loads(line).get("version")
    except (ValueError, RecursionError, AttributeError):
        return 0
    return found if isinstance(found, int) else 0


def verify(lines: Iterable[bytes]) -> Verdict:
    """Whether lines, given without their newlines, are as they were written.

    It notices what was edited, taken out, put in or moved. It cannot notice lines cut off at
    the end, nor a log that somebody wrote anew from the first line on.
    """
    before, count, unchained = "", 0, 0
    breaks: list[Break] = []
    for count, line in enumerate(lines, 1):
        body, link = parted(line)
        if not link:
            if count == 1 and _version(line) > 1:
                breaks.append(Break(1, "it has no link, though its version has"))
            elif before:
                breaks.append(Break(count, "it has no link, though the line before it has one"))
            elif not breaks:
                unchained += 1
            continue
        found = hashlib.sha256(before.encode() + body).hexdigest()[:SIZE]
        if found != link:
            why = "it was edited, or lines before it were edited, taken out, put in or moved"
            breaks.append(Break(count, why))
        before = link
    return Verdict(count, unchained, tuple(breaks))
