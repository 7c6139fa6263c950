"""Tells whether a sed script only prints: no command that writes, reads files or runs anything."""

from __future__ import annotations

import re

ADDRESS = re.compile(r"(?:\d+(?:~\d+)?|\$|\+\d+)")
LETTERS = frozenset("pPdDq=lhHgGxnN")
FLAGS = re.compile(r"[gpiI0-9]*")


def only_prints(script: str) -> bool:
    """True for commands such as `1,5p`, `/x/d`, `$=`, `10q` and `s/a/b/g`, joined by `;`."""
    if not script or not script.isprintable():
        return False
    at = 0
    while at < len(script):
        if script[at] in "; ":
            at += 1
            continue
        end = _command(script, at)
        if end is None or (end < len(script) and script[end] not in "; "):
            return False
        at = end
    return True


def _command(script: str, at: int) -> int | None:
    """Where the command that starts at this place ends, or None."""
    first = _address(script, at)
    if first is None:
        return None
    if first > at and script[first : first + 1] == ",":
        second = _address(script, first + 1)
        if second is None or second == first + 1:
            return None
        first = second
    at = first
    while script[at : at + 1] in ("!", " ") and script[at : at + 1]:
        at += 1
    letter = script[at : at + 1]
    if letter in LETTERS and letter:
        return at + 1
    return _substitute(script, at) if letter == "s" else None


def _address(script: str, at: int) -> int | None:
    """Where an address ends; the same place when there is none; None for one too odd."""
    found = ADDRESS.match(script, at)
    if found:
        return found.end()
    if script[at : at + 1] != "/":
        return at
    end = _until(script, at + 1, "/")
    if end is None:
        return None
    return end + 1 if script[end : end + 1] in ("I",) else end


def _substitute(script: str, at: int) -> int | None:
    """Where `s/…/…/flags` ends."""
    delimiter = script[at + 1 : at + 2]
    if delimiter not in tuple("/|,#:@!_%"):
        return None
    middle = _until(script, at + 2, delimiter)
    end = _until(script, middle, delimiter, plain=True) if middle is not None else None
    found = FLAGS.match(script, end) if end is not None else None
    return found.end() if found else None


def _until(script: str, at: int, delimiter: str, plain: bool = False) -> int | None:
    """The place behind the next delimiter that no backslash quotes.

    Seds differ in whether brackets quote the delimiter, so it may not stand inside any.
    """
    start = at
    while at < len(script):
        if script[at] == "\\":
            at += 2
            continue
        if script[at] == delimiter:
            inner = re.sub(r"\\.", "", script[start:at])
            even = inner.count("[") == inner.count("]")
            return at + 1 if even or plain else None
        at += 1
    return None
