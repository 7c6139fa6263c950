"""Entries about what files held: the tree before a step, what it changed, what undo did."""

from __future__ import annotations

from typing import ClassVar

from codex_py.core.entry import Entry
from codex_py.dataclass import dataclass

Files = tuple[tuple[str, str], ...]
"""Paths, each with `created`, `changed`, `deleted` or `mode`; at most fifty are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Entry):
    """The workspace is kept as it was before a call that may change files."""

    kind: ClassVar[str] = "snapshot"
    call_id: str
    tree: str
    """A place in a journal of the snapshot store."""
    left: tuple[str, ...] = ()
    """Folders left out by rule, told when they are first known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched(Entry):
    """What a call changed, whoever wrote it: an edit or any process of a command."""

    kind: ClassVar[str] = "touched"
    call_id: str
    changes: str = ""
    """The slice of a journal that holds each path before and after; empty when none changed."""
    total: int = 0
    paths: Files = ()
    left: tuple[str, ...] = ()
    """As in a snapshot, when the step made more of them."""
    lost: tuple[str, ...] = ()
    """Paths whose former content was not kept: too large, not readable, or no file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing(Entry):
    """Written before files are put back: from here on they may be."""

    kind: ClassVar[str] = "undoing"
    redo: bool = False
    calls: tuple[str, ...] = ()
    """The calls whose changes are taken back, or made again."""
    changes: str = ""
    """What each path holds now and what it shall hold: the way back from this."""
    total: int = 0
    paths: Files = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone(Entry):
    """Files were put back: how many, which were left as they were, which could not be."""

    kind: ClassVar[str] = "undone"
    redo: bool = False
    calls: tuple[str, ...] = ()
    total: int = 0
    kept: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """Paths, each with why."""
