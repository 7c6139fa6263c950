"""A step that may change files, with what they held before kept and what changed logged."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from codex_py.core.entries import Notice, Snapshot, Touched
from codex_py.core.session import Session
from codex_py.effects import Effects

if TYPE_CHECKING:
    from codex_py.core.kit import Keeper


@contextlib.asynccontextmanager
async def covered(
    session: Session, keeper: Keeper | None, call_id: str, effects: Effects, confined: str
) -> AsyncIterator[None]:
    """Keep what the step may change, let it run, log what it changed.

    A call that cannot write, by its effects or by its confinement, costs nothing. Where nothing
    can be kept the step runs all the same, and the user is told once.
    """
    runs = effects.command is not None and confined != "read-only"
    speaks = effects.typed is not None and effects.walled != "read-only"
    whole = runs or speaks or effects.unknown
    if keeper is None or not (whole or effects.writes):
        yield
        return
    paths = [*effects.writes, *effects.links]
    kept = await keeper.before(call_id, paths, whole)
    if kept.why:
        session.append(Notice(text=f"undo will not cover this: {kept.why}"))
    if not kept.tree:
        yield
        return
    session.append(Snapshot(call_id=call_id, tree=kept.tree, left=kept.left))
    done = False
    try:
        yield
        done = True
    finally:
        found = await asyncio.shield(keeper.after(call_id, paths, whole))
        if found.why:
            session.append(Notice(text=f"undo will not cover this: {found.why}"))
        elif found.total or not done:
            session.append(
                Touched(
                    call_id=call_id,
                    changes=found.changes,
                    total=found.total,
                    paths=found.files,
                    lost=found.lost,
                    left=found.left,
                )
            )
