"""The loop: sample, settle, repeat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

from codex_py.core.compact import compact, crowded, make_room, measured
from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Notice,
    Part,
    Sampled,
    Text,
    ToolCall,
    TurnEnded,
    User,
)
from codex_py.core.errors import ModelError
from codex_py.core.gate import before_step, counted, narrowed, retried, wasted
from codex_py.core.kit import Kit
from codex_py.core.money import of_turn, tally
from codex_py.core.pictures import shed
from codex_py.core.quiet import Quiet
from codex_py.core.request import Request, project
from codex_py.core.room import fresh
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
    clock = asyncio.timeout(None)
    try:
        async with clock:
            ended = await _rounds(session, start, kit, clock)
    except asyncio.CancelledError:
        _end(session, start, began, TurnEnded(reason="interrupted"))
        raise
    except TimeoutError:
        if not clock.expired():
            raise
        ended = TurnEnded(reason="limit", error="stopped: the time is used up (--max-time)")
    except ModelError as error:
        if error.fault == "limit":
            ended = TurnEnded(reason="limit", error=str(error))
        else:
            ended = TurnEnded(reason="failed", error=str(error), fault=error.fault)
    return _end(session, start, began, ended)


def _end(session: Session, start: int, began: float, ended: TurnEnded) -> TurnEnded:
    usage = tally(session.entries[start:]).usage
    cost = of_turn(session.entries[start:])
    seconds = round(time.monotonic() - began, 3)
    ended = replace(ended, usage=usage, seconds=seconds, cost=cost)
    session.append(ended)
    return ended


async def _rounds(session: Session, start: int, kit: Kit, clock: asyncio.Timeout) -> TurnEnded:
    began = time.monotonic()
    while True:
        step = before_step(session.entries, start, kit, time.monotonic() - began)
        for notice in step.notices:
            session.append(Notice(text=notice))
        if step.stop is not None:
            return TurnEnded(reason=step.stop.reason, error=step.stop.text)
        if step.seconds:
            clock.reschedule(asyncio.get_running_loop().time() + step.seconds)
        kit = await measured(session, kit)
        if crowded(session, kit):
            stop = await make_room(session, kit, start)
            if stop is not None:
                return TurnEnded(reason=stop.reason, error=stop.text)
            continue
        try:
            calls = await sample(session, start, kit, step.room)
        except ModelError as error:
            if error.fault != "context" or not fresh(session.entries):
                raise
            await compact(session, kit, "the model's window is full", start)
            continue
        await settle_all(calls, session, start, kit)
        typed = kit.inbox()
        for parts in typed:
            session.append(User(parts=parts))
        if calls or typed:
            continue
        cut = _cut_off(session.entries)
        if cut:
            return TurnEnded(reason="limit", error=f"the model's answer was cut off: {cut}")
        nudge = kit.nudge(session.entries[start:]) or await kit.proof(session, start)
        if not nudge:
            return TurnEnded(reason="done")
        session.append(User(parts=(Text(nudge),)))


def _cut_off(entries: Sequence[Entry]) -> str:
    """Why the newest answer is incomplete; empty when it is whole."""
    newest = next((each for each in reversed(entries) if isinstance(each, Sampled)), None)
    return newest.status if newest is not None and newest.status != "completed" else ""


async def sample(session: Session, start: int, kit: Kit, room: int = 0) -> list[ToolCall]:
    """One request, one transaction: its entries are logged when it is complete.

    With `room` the answer may have no more than so many tokens.
    """
    settings = narrowed(kit.settings, room)
    shown = shed(project(session.entries), session.entries, kit.window)
    again = retried(session.entries, start, kit)
    request = Request(kit.instructions, shown, kit.specs, settings, session.blob, again)
    text: list[str] = []
    entries: list[Entry] = []
    try:
        with Quiet(kit.patience, session.publish) as quiet:
            async with aclosing(kit.model.stream(request)) as stream:  # type: ignore[type-var]
                async for event in stream:
                    quiet.heard(event.wait if isinstance(event, Delta) else 0.0)
                    if not isinstance(event, Delta):
                        entries.append(event)
                        continue
                    if event.of == "retry":
                        text.clear()
                    elif event.of == "text":
                        text.append(event.text)
                    session.publish(event)
    except (asyncio.CancelledError, ModelError) as error:
        if text:
            session.append(Assistant(text="".join(text), partial=True))
        if isinstance(error, ModelError):
            wasted(session, error, kit.price)
        raise
    return _log_sample(session, counted(entries, request, kit.price))


def _log_sample(session: Session, entries: Iterable[Entry]) -> list[ToolCall]:
    taken = {entry.call_id for entry in session.entries if isinstance(entry, ToolCall)}
    answer: list[Entry] = []
    for entry in entries:
        if isinstance(entry, ToolCall):
            if entry.call_id in taken:
                entry = _renamed(entry, taken)
            taken.add(entry.call_id)
        answer.append(entry)
    return [each for each in session.extend(answer) if isinstance(each, ToolCall)]


def _renamed(call: ToolCall, taken: set[str]) -> ToolCall:
    """A call whose id was used before gets a new one, so that each call has one result."""
    number = 2
    while f"{call.call_id}-{number}" in taken:
        number += 1
    fresh = f"{call.call_id}-{number}"
    raw = {**call.raw, "call_id": fresh} if call.raw else call.raw
    return replace(call, call_id=fresh, raw=raw)
