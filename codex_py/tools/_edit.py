"""Pure: replace one piece of a text by another, or say why that cannot be done."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from codex_py.dataclass import dataclass
from codex_py.tools._lines import PASSES, EditError, Text, index, looser, split
from codex_py.tools._nearest import difference
from codex_py.tools._placeholder import placeholder


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text, the lines (from 1) where a replacement starts in the old one, and notes."""

    text: str
    lines: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Spot:
    start: int
    stop: int
    new: str
    """Characters `start` to `stop`, line endings counted as one, become this."""


def edit(text: str, old: str, new: str, all: bool = False) -> Edited:
    """`text` with `old` replaced by `new`: the one place where it stands, or `all` of them.

    Line endings of `old` and `new` do not matter: those of the file stay. When `old` is not
    there letter by letter, whole lines that differ from it only in trailing blanks, in
    indentation shifted by the same amount, or in typographic punctuation are taken, if they
    are one place. Raises EditError.
    """
    old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
    _check(text, old, new)
    if not old:
        return Edited(new, (1,))
    flat = text
    if "\r" in text:
        flat, old = _flat(text), _flat(old)
    spots = [_Spot(at, at + len(old), new) for at in _starts(flat, old)]
    note = ""
    if not spots:
        spots, note = _loose(flat, old, new)
    if not spots:
        raise EditError(_missing(flat, old, new))
    lines = tuple(flat.count("\n", 0, spot.start) + 1 for spot in spots)
    if len(spots) > 1 and not all:
        raise EditError(
            f"The old text is there {len(spots)} times (lines {_listed(lines)}). "
            "Add lines around it until it is one place, or replace all."
        )
    notes = (f"Matched {note} at line {_listed(lines)}.",) if note else ()
    return Edited(_replaced(text, spots), lines, notes)


def _check(text: str, old: str, new: str) -> None:
    if not old and text:
        raise EditError("The old text is empty: give the lines to replace.")
    if old == new:
        raise EditError("The old and the new text are the same: nothing would change.")
    left_out = placeholder(new, old)
    if left_out is not None:
        raise EditError(
            f"The new text holds {left_out.strip()!r} in place of lines left out. It would be "
            "written as it is: write all the lines, or choose a smaller old text."
        )


def _flat(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _starts(flat: str, old: str) -> list[int]:
    found, at = [], flat.find(old)
    while at >= 0:
        found.append(at)
        at = flat.find(old, at + len(old))
    return found


def _loose(flat: str, old: str, new: str) -> tuple[list[_Spot], str]:
    """Whole lines that are `old` but for blanks and punctuation, and what was ignored."""
    known = Text(flat)
    wanted = old.strip("\n").split("\n")
    needle = wanted
    for level in range(len(PASSES)):
        needle = looser(needle, level)
        view, last = known.view(level), len(known.lines) - len(needle)
        found: list[int] = []
        at = index(view, needle, 0, last) if any(needle) else None
        while at is not None:
            found.append(at)
            at = index(view, needle, at + len(needle), last)
        made = [_shifted(known.lines, at, wanted, new.strip("\n")) for at in found]
        if made and None not in made:
            spots = [each for each in made if each is not None]
            return spots, PASSES[level] if level else "after ignoring blank lines at its ends"
    return [], ""


def _shifted(lines: list[str], at: int, wanted: list[str], new: str) -> _Spot | None:
    """The spot of the lines at `at`, `new` indented as they are; None when no shift does it."""
    start = sum(len(line) + 1 for line in lines[:at])
    there = lines[at : at + len(wanted)]
    stop = start + sum(map(len, there)) + len(there) - 1
    pairs = {
        (_indent(line), _indent(want))
        for line, want in zip(there, wanted, strict=True)
        if want.strip()
    }
    if all(one == other for one, other in pairs):
        return _Spot(start, stop, new) if new else _gone(lines, start, stop)
    added = {one.removesuffix(other) for one, other in pairs if one.endswith(other)}
    if len(added) == 1 and all(one.endswith(other) for one, other in pairs):
        (extra,) = added
        moved = [extra + line if line.strip() else line for line in new.split("\n")]
        return _Spot(start, stop, "\n".join(moved)) if new else _gone(lines, start, stop)
    removed = {other.removesuffix(one) for one, other in pairs if other.endswith(one)}
    if len(removed) == 1 and all(other.endswith(one) for one, other in pairs):
        (extra,) = removed
        fits = all(line.startswith(extra) for line in new.split("\n") if line.strip())
        moved = [line.removeprefix(extra) for line in new.split("\n")]
        return _Spot(start, stop, "\n".join(moved)) if fits and new else None
    return None


def _gone(lines: list[str], start: int, stop: int) -> _Spot:
    """Whole lines removed take one line break with them."""
    size = sum(map(len, lines)) + len(lines)
    return _Spot(start, min(stop + 1, size - 1), "")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _missing(flat: str, old: str, new: str) -> str:
    left_out = placeholder(old)
    if left_out is not None:
        return (
            f"The old text is not in the file: {left_out.strip()!r} stands for lines left out. "
            "Give the exact lines, all of them."
        )
    if len(new.strip()) > 2 and new.strip("\n") in flat:
        line = flat.count("\n", 0, flat.index(new.strip("\n"))) + 1
        return f"It seems already applied: the new text is there (line {line}), the old one is not."
    wanted = old.strip("\n").split("\n")
    return f"The old text is not in the file.\n{difference(Text(flat), wanted)}"


def _replaced(text: str, spots: Sequence[_Spot]) -> str:
    pieces, done = [], 0
    if "\r" not in text:
        for spot in spots:
            pieces += [text[done : spot.start], spot.new]
            done = spot.stop
        return "".join([*pieces, text[done:]])
    lines, ends = split(text)
    flat = [0, *accumulate(len(line) + 1 for line in lines)]
    raw = [0, *accumulate(len(line) + len(end) for line, end in zip(lines, ends, strict=True))]
    for spot in spots:
        first = min(bisect_right(flat, spot.start) - 1, len(lines) - 1)
        last = min(bisect_right(flat, spot.stop) - 1, len(lines))
        begin = raw[first] + min(spot.start - flat[first], len(lines[first]))
        end = raw[last] + spot.stop - flat[last]
        ending = ends[first] or ends[first - 1]
        pieces += [text[done:begin], spot.new.replace("\n", ending)]
        done = end
    return "".join([*pieces, text[done:]])


def _listed(lines: Sequence[int]) -> str:
    shown = ", ".join(map(str, lines[:10]))
    return f"{shown} and {len(lines) - 10} more" if len(lines) > 10 else shown
