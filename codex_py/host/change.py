"""What a commit does to one file: a value that is computed first, shown, then written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
