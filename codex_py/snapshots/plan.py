"""What putting files back would do: planned from what is there now, nothing is touched."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Literal

from codex_py.dataclass import dataclass
from codex_py.snapshots.state import Keep, State, alike, look, same
from codex_py.snapshots.store import Record
from codex_py.snapshots.tree import reach

Verdict = Literal["put", "already", "conflict", "lost", "stays"]


@dataclass(frozen=True, slots=True)
class Move:
    """One path: what it holds now, and what it shall hold."""

    path: str
    now: State | None
    to: State | None
    verdict: Verdict
    why: str = ""
    """For a conflict or a loss: why it stays as it is."""
    taken: bool = False
    """A conflict that the user decided against what is there now."""

    @property
    def undecided(self) -> bool:
        """Somebody else's change is in the way, and nobody said what is to become of it."""
        return bool(self.why) and self.verdict in ("put", "conflict") and not self.taken

    @property
    def word(self) -> str:
        """What would happen, in a word."""
        if self.verdict != "put":
            return self.verdict
        if self.to is None:
            return "delete"
        if self.now is None:
            return "create"
        return "mode" if alike(self.now, self.to) else "restore"


def observe(path: str, keep: Keep | None, limit: int) -> State | None:
    """What a path holds now; no link is followed on the way to it."""
    parent, name = os.path.split(path)
    try:
        fd = reach(parent)
    except OSError:
        return None
    try:
        return look(fd, name, keep, limit)
    finally:
        os.close(fd)


@dataclass(slots=True)
class _Path:
    now: State | None
    at: State | None
    """What it holds once the batches so far are done."""
    why: str = ""
    lost: str = ""
    taken: bool = False


def plan(
    batches: Sequence[Sequence[Record]],
    see: Callable[[str], State | None],
    take: Callable[[str], bool],
    unsure: Collection[str] = (),
) -> list[Move]:
    """What becomes of each path when these changes are made one batch after another.

    A change applies only where the path holds its `before`; elsewhere the path stays as it is,
    a conflict, unless `take` says that the change goes first. Paths of `unsure` are conflicts
    though they look right. Content and mode are judged apart.
    """
    paths: dict[str, _Path] = {}
    for batch in batches:
        for record in batch:
            known = paths.get(record.path)
            if known is None:
                now = see(record.path)
                known = paths[record.path] = _Path(now, now)
            _change(known, record, take(record.path), record.path in unsure)
    moves = [_move(path, each) for path, each in paths.items()]
    return _spared(_with_folders(moves, see))


def _with_folders(moves: Sequence[Move], see: Callable[[str], State | None]) -> list[Move]:
    """The same moves, and one for each missing folder that something is put into.

    Where a file of somebody else stays in the place of the folder, nothing is put into it.
    """
    found = {move.path: move for move in moves}
    for move in sorted(moves, key=lambda each: each.path.count("/")):
        parent = os.path.dirname(move.path)
        while move.verdict == "put" and move.to is not None and parent != "/":
            known = found.get(parent)
            there = known.to if known is not None else see(parent)
            if there is not None:
                if there.kind != "folder":
                    why = "its folder is something else now"
                    found[move.path] = Move(move.path, move.now, move.now, "conflict", why)
                break
            now = known.now if known is not None else None
            to = State("folder", 0o755, "")
            found[parent] = Move(parent, now, to, "put", known.why if known else "", True)
            parent = os.path.dirname(parent)
    return list(found.values())


def _change(path: _Path, record: Record, take: bool, unsure: bool) -> None:
    before, after = record.before, record.after
    fits = alike(path.at, before) and not unsure
    if alike(path.at, after) and not alike(before, after):
        if path.at is not None and after is not None and path.at.mode == _mode(before):
            path.at = path.at._replace(mode=after.mode)
        return
    if not fits:
        if not take:
            path.why = path.why or _why(path.at, before, unsure)
            return
        path.taken = True
    if after is not None and not after.kept and not alike(path.at, after):
        path.lost = NOT_KEPT[after.kind]
        return
    if path.at is None or after is None or not alike(path.at, after):
        mode_kept = path.at is not None and before is not None and path.at.kind == before.kind
        if (
            after is not None
            and mode_kept
            and path.at is not None
            and path.at.mode != _mode(before)
        ):
            after = after._replace(mode=path.at.mode)
        path.at = after
    elif path.at.mode == _mode(before) or take:
        path.at = path.at._replace(mode=after.mode)
    elif path.at.mode != after.mode:
        path.why = path.why or "its mode was changed since"


def _mode(state: State | None) -> int:
    return state.mode if state is not None else -1


NOT_KEPT = {
    "large": "what it held was too large to be kept (undo_file_mb)",
    "closed": "it could not be read, so it was not kept",
    "other": "it was a pipe, a socket or a device",
}


def _why(at: State | None, before: State | None, unsure: bool) -> str:
    if unsure:
        return "the step was cut off: this may be a change of yours"
    if at is None:
        return "it was deleted since"
    if before is None:
        return "there is something else now"
    return "it was changed since"


def _move(path: str, each: _Path) -> Move:
    to = each.at
    if not same(each.now, to):
        return Move(path, each.now, to, "put", each.why, each.taken)
    if each.lost:
        return Move(path, each.now, to, "lost", each.lost)
    return Move(path, each.now, to, "conflict" if each.why else "already", each.why)


def _spared(moves: Sequence[Move]) -> list[Move]:
    """The same moves, but a folder stays that would not be empty."""
    found = {move.path: move for move in moves}
    going = {move.path for move in moves if move.verdict == "put" and move.to is None}
    for path in sorted(found, key=lambda each: each.count("/"), reverse=True):
        move = found[path]
        removed = move.now is not None and move.now.kind == "folder"
        if move.verdict != "put" or not removed or _stays(move.to):
            continue
        others = [name for name in _names(path) if os.path.join(path, name) not in going]
        if others:
            going.discard(path)
            why = f"it holds {others[0]}" + (f" and {len(others) - 1} more" if others[1:] else "")
            found[path] = replace(move, to=move.now, verdict="stays", why=why)
    return list(found.values())


def _stays(to: State | None) -> bool:
    return to is not None and to.kind == "folder"


def _names(path: str) -> list[str]:
    try:
        fd = reach(path)
    except OSError:
        return []
    try:
        return sorted(os.listdir(fd))
    finally:
        os.close(fd)
