"""Emptying a full window: the model sums up, what must not be lost is kept, the log stays."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from codex_py.core import room, tokens
from codex_py.core.entries import (
    Assistant,
    Compacted,
    Context,
    Delta,
    Entry,
    Notice,
    Sampled,
    Spent,
    Text,
    ToolCall,
    ToolResult,
    User,
)
from codex_py.core.errors import ModelError
from codex_py.core.gate import afforded, counted, wasted
from codex_py.core.kit import Kit
from codex_py.core.limits import Stop
from codex_py.core.pictures import shed
from codex_py.core.quiet import Quiet
from codex_py.core.request import Request, project
from codex_py.core.session import Session

HALVINGS = 8
"""How often the older half is left out when even the request for a summary does not fit."""
SHORT = 2_000
"""Characters of each text that are left then."""


async def measured(session: Session, kit: Kit) -> Kit:
    """The kit with the window that the model's server tells; asked once it could matter."""
    entries = session.entries
    if kit.sized is None or not (room.fresh(entries) or room.newest(entries)):
        return kit
    window, space = await kit.sized()
    return replace(kit, window=window, room=space) if window else kit


def crowded(session: Session, kit: Kit) -> bool:
    """Whether the next request would nearly fill the window, and there is something to sum up."""
    if not kit.room or room.used(session.entries, kit) < kit.room:
        return False
    return room.fresh(session.entries) or room.newest(session.entries) is not None


async def make_room(session: Session, kit: Kit, start: int) -> Stop | None:
    """Sum up the conversation, once for the same content; returns why that is not enough.

    Raises ModelError when the summary cannot be had.
    """
    await compact(session, kit, "the model's window is nearly full", start)
    used = room.used(session.entries, kit)
    if used < kit.room:
        return None
    return Stop(
        "limit",
        f"summing up did not make enough room: the next request would have about {used:,} tokens "
        f"and {kit.room:,} fit; begin a new session, or use a model with a larger window",
    )


async def compact(
    session: Session, kit: Kit, why: str = "", start: int | None = None
) -> Compacted | None:
    """Have the conversation summed up; None when nothing is new since it last was.

    What it cost is logged as a response of its own; `start` is where the turn begins that needs
    it, whose budgets it counts in. Raises ModelError; nothing is changed then.
    """
    if not room.fresh(session.entries):
        return None
    if why:
        session.append(Notice(text=f"{why}: summing up the conversation so far", level="info"))
    before = room.used(session.entries, kit)
    summary = await _summary(session, kit, start)
    entries = session.entries
    window = kit.window or before
    keep_from = room.cut(entries, window // 10)
    entry = Compacted(
        summary=summary,
        keep_from=keep_from,
        said=room.said(entries, keep_from, min(room.SAID, window // 5)),
        plan=room.plan(entries),
        files=room.files(entries),
        before=before,
    )
    for each in _facts(entries):
        session.append(Context(name=each.name, text=each.text, source=each.source))
    shown = project([*entries, replace(entry, n=entries[-1].n + 1)])
    after = tokens.of_request(kit.instructions, kit.specs, shown)
    done = session.append(replace(entry, after=after))
    assert isinstance(done, Compacted)
    return done


def _facts(entries: Sequence[Entry]) -> list[Context]:
    """The newest of each fact that the model is shown, in their order."""
    found: dict[tuple[str, str], Context] = {}
    for entry in project(entries):
        if isinstance(entry, Context):
            found.pop((entry.name, entry.source), None)
            found[entry.name, entry.source] = entry
    return list(found.values())


async def _summary(session: Session, kit: Kit, start: int | None) -> str:
    """What the model writes. Less and less is shown to it until it fits."""
    shown = list(shed(project(session.entries), session.entries, kit.window))
    specs, ask = kit.specs, User(parts=(Text(kit.compact_prompt),))
    failure = ModelError("the model wrote no summary of the conversation", fault="protocol")
    for _ in range(HALVINGS):
        request = Request(kit.instructions, (*shown, ask), specs, kit.settings, session.blob)
        try:
            text = await _asked(request, session, kit, start)
        except ModelError as error:
            if error.fault != "context":
                raise
            failure, smaller = error, _halved(shown)
            if smaller == shown:
                break
            shown = smaller
            continue
        if text:
            return text
        if not specs:
            break
        specs = ()  # it called a tool instead: ask again without any
    raise failure


async def _asked(request: Request, session: Session, kit: Kit, start: int | None) -> str:
    found: list[Entry] = []
    request = afforded(request, session.entries, kit, start)
    try:
        with Quiet(kit.patience, session.publish) as quiet:
            async with aclosing(kit.model.stream(request)) as stream:  # type: ignore[type-var]
                async for event in stream:
                    quiet.heard(event.wait if isinstance(event, Delta) else 0.0)
                    if not isinstance(event, Delta):
                        found.append(event)
                    else:
                        told = event.of == "retry"
                        session.publish(event if told else Delta("summary", event.text))
    except ModelError as error:
        wasted(session, error, kit.price)
        raise
    for each in counted(found, request, kit.price):
        if isinstance(each, Spent):
            session.append(each)
        elif isinstance(each, Sampled):
            session.append(replace(each, purpose="compaction"))
    texts = [each.text.strip() for each in found if isinstance(each, Assistant)]
    return "\n\n".join(each for each in texts if each)


def _halved(shown: Sequence[Entry]) -> list[Entry]:
    """The facts and the newer half of the rest, long texts cut, no call without its result."""
    facts = [each for each in shown if isinstance(each, Context)]
    rest = [each for each in shown if not isinstance(each, Context)]
    rest = [_cut(each) for each in rest[len(rest) // 2 if len(rest) > 1 else 0 :]]
    called = {each.call_id for each in rest if isinstance(each, ToolCall)}
    return [
        *facts,
        *(each for each in rest if not isinstance(each, ToolResult) or each.call_id in called),
    ]


def _cut(entry: Entry) -> Entry:
    if not isinstance(entry, (ToolResult, User)):
        return entry
    parts = tuple(
        Text(f"{part.text[:SHORT]}\n[… cut …]")
        if isinstance(part, Text) and len(part.text) > SHORT + 100
        else part
        for part in entry.parts
    )
    return entry if parts == entry.parts else replace(entry, parts=parts)
