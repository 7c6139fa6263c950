"""Pure: several changes of a path as one, and a word for it."""

from __future__ import annotations

from collections.abc import Sequence

from codex_py.snapshots.state import alike, same
from codex_py.snapshots.store import Record


def net(records: Sequence[Record]) -> list[Record]:
    """Each path once: from its first state to its last, what came to nothing left out."""
    found: dict[str, Record] = {}
    for each in records:
        first = found.get(each.path)
        found[each.path] = each if first is None else first._replace(after=each.after)
    return [each for each in found.values() if not same(each.before, each.after)]


def kind(record: Record) -> str:
    """A word for a change."""
    if record.before is None:
        return "created"
    if record.after is None:
        return "deleted"
    return "mode" if alike(record.before, record.after) else "changed"
