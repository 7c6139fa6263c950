"""The loop: sample, settle, repeat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Part,
    Sampled,
    Text,
    ToolCall,
    TurnEnded,
    Usage,
    User,
)
from codex_py.core.errors import ModelError
from codex_py.core.kit import Kit
from codex_py.core.limits import check
from codex_py.core.request import Request, project
from codex_py.core.session import Session
from codex_py.core.settle import settle_all


async def run_turn(session: Session, prompt: tuple[Part, ...], kit: Kit) -> TurnEnded:
    """From a user's message to quiet. Everything that happens is in the session's log.

    A failing model ends the turn, with its reason; a cancelled turn is logged as interrupted
    and the cancellation passed on.
    """
    began = time.monotonic()
    start = len(session.entries)
    session.append(User(parts=prompt))
    try:
        ended = await _rounds(session, start, kit)
    except asyncio.CancelledError:
        _end(session, start, began, TurnEnded(reason="interrupted"))
        raise
    except ModelError as error:
        ended = TurnEnded(reason="failed", error=str(error), fault=error.fault)
    return _end(session, start, began, ended)


def _end(session: Session, start: int, began: float, ended: TurnEnded) -> TurnEnded:
    usage = Usage()
    for entry in session.entries[start:]:
        if isinstance(entry, Sampled):
            usage += entry.usage
    ended = replace(ended, usage=usage, seconds=round(time.monotonic() - began, 3))
    session.append(ended)
    return ended


async def _rounds(session: Session, start: int, kit: Kit) -> TurnEnded:
    while True:
        stop = check(session.entries[start:], kit.limits)
        if stop is not None:
            return TurnEnded(reason=stop.reason, error=stop.text)
        calls = await sample(session, kit)
        await settle_all(calls, session, start, kit)
        typed = kit.inbox()
        for parts in typed:
            session.append(User(parts=parts))
        if calls or typed:
            continue
        cut = _cut_off(session.entries)
        if cut:
            return TurnEnded(reason="limit", error=f"the model's answer was cut off: {cut}")
        nudge = kit.nudge(session.entries[start:])
        if not nudge:
            return TurnEnded(reason="done")
        session.append(User(parts=(Text(nudge),)))


def _cut_off(entries: Sequence[Entry]) -> str:
    """Why the newest answer is incomplete; empty when it is whole."""
    newest = next((each for each in reversed(entries) if isinstance(each, Sampled)), None)
    return newest.status if newest is not None and newest.status != "completed" else ""


async def sample(session: Session, kit: Kit) -> list[ToolCall]:
    """One request, one transaction: its entries are logged when it is complete."""
    request = Request(
        kit.instructions, project(session.entries), kit.specs, kit.settings, session.blob
    )
    text: list[str] = []
    entries: list[Entry] = []
    try:
        async with aclosing(kit.model.stream(request)) as stream:  # type: ignore[type-var]
            async for event in stream:
                if not isinstance(event, Delta):
                    entries.append(event)
                    continue
                if event.of == "retry":
                    text.clear()
                elif event.of == "text":
                    text.append(event.text)
                session.publish(event)
    except (asyncio.CancelledError, ModelError):
        if text:
            session.append(Assistant(text="".join(text), partial=True))
        raise
    return _log_sample(session, entries)


def _log_sample(session: Session, entries: Iterable[Entry]) -> list[ToolCall]:
    taken = {entry.call_id for entry in session.entries if isinstance(entry, ToolCall)}
    calls: list[ToolCall] = []
    for entry in entries:
        if isinstance(entry, ToolCall):
            if entry.call_id in taken:
                entry = _renamed(entry, taken)
            taken.add(entry.call_id)
            entry = session.append(entry)
            assert isinstance(entry, ToolCall)
            calls.append(entry)
        else:
            session.append(entry)
    return calls


def _renamed(call: ToolCall, taken: set[str]) -> ToolCall:
    """A call whose id was used before gets a new one, so that each call has one result."""
    number = 2
    while f"{call.call_id}-{number}" in taken:
        number += 1
    fresh = f"{call.call_id}-{number}"
    raw = {**call.raw, "call_id": fresh} if call.raw else call.raw
    return replace(call, call_id=fresh, raw=raw)
