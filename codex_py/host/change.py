"""What an edit does to files: values that are computed first, shown, then written."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One file before and after. Later changes of a list see the earlier ones as done.

    Contract: `before` is what the change was computed from (of `moved_from` when it moves);
    a commit refuses when the file holds something else by then. None means: no such file.
    """

    kind: Literal["add", "update", "delete"]
    path: str
    """As the caller spelled it; relative to the working folder."""
    before: bytes | None
    after: bytes | None
    moved_from: str | None = None
    replaced: bytes | None = None
    """What a move finds at its new path and overwrites."""
    link: str | None = None
    """The removed path is a link to this: the link goes, what it points to stays."""
    notes: tuple[str, ...] = ()
    """What the reader of the result should know: how loosely a block matched, and so on."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one real path shall hold. None: no such file."""

    path: str
    before: bytes | None
    """What it must hold now for the wish to be granted."""
    after: bytes | None
    like: str = ""
    """The real path of a file that lends its mode and owner: a moved file keeps both."""
    link: bool = False
    """The path is a link that shall go; what it points to stays."""
    moved: bool = False
    """The file goes on under another path: for messages."""


def wishes(changes: Sequence[Change], real: Callable[[str], str]) -> tuple[Wish, ...]:
    """What all changes together wish of each path, what comes to nothing left out.

    `real` gives a path with every link resolved.
    """
    net: dict[str, Wish] = {}
    for change in changes:
        gone = change.moved_from or (change.path if change.kind == "delete" else None)
        like = ""
        if gone is not None:
            place = _entry(gone, real) if change.link is not None else _target(gone, real, net)
            like = _lender(net, place, real(gone) if change.link is not None else place)
            first = net.get(place, Wish(place, change.before, None, link=change.link is not None))
            before = None if first.link else first.before
            moved = change.moved_from is not None
            net[place] = replace(first, before=before, after=None, like="", moved=moved)
        if change.after is not None:
            place = _target(change.path, real, net)
            before = change.replaced if gone is not None else change.before
            first = net.get(place, Wish(place, before, None))
            net[place] = replace(first, after=change.after, like=like or first.like, moved=False)
    return tuple(wish for wish in net.values() if wish.link or wish.before != wish.after)


def _lender(net: dict[str, Wish], place: str, lender: str) -> str:
    """Whose mode a file at `place` has by now: its own, or that of the file moved there."""
    known = net.get(place)
    return known.like or ("" if known.before is None else lender) if known else lender


def _entry(path: str, real: Callable[[str], str]) -> str:
    return os.path.join(real(os.path.dirname(path) or "."), os.path.basename(path))


def _target(path: str, real: Callable[[str], str], net: dict[str, Wish]) -> str:
    """The file behind a path, or the path itself once the link that it was is to go."""
    entry = _entry(path, real)
    return entry if entry in net else real(path)
