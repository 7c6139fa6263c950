"""Settle: decide each call and, if allowed, run it; every call gets exactly one result."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from codex_py.core.covered import covered
from codex_py.core.entries import Decision, Delta, Image, Text, ToolCall, ToolResult
from codex_py.core.errors import ToolError
from codex_py.core.kit import Kit
from codex_py.core.limits import warning
from codex_py.core.pictures import bounded, pictures
from codex_py.core.policy import decide, standing, widened
from codex_py.core.seen import digest_seen
from codex_py.core.session import Session
from codex_py.core.tool import Call, Output, Tool
from codex_py.core.truncate import truncate
from codex_py.dataclass import dataclass
from codex_py.effects import Effects

log = logging.getLogger("codex_py")


@dataclass(frozen=True, slots=True)
class _Ready:
    """A call that was decided: it runs, or `refusal` is its result."""

    call: ToolCall
    decision: Decision
    tool: Tool | None = None
    params: object = None
    effects: Effects | None = None
    refusal: str = ""

    @property
    def reading(self) -> bool:
        return (
            self.effects is not None and self.effects.reading and self.decision.verdict == "allow"
        )


async def settle_all(calls: Sequence[ToolCall], session: Session, start: int, kit: Kit) -> None:
    """Settle calls in order; neighbours that only read run together."""
    waiting = list(calls)
    while waiting:
        group = [_prepare(waiting.pop(0), session, kit)]
        while group[-1].reading and waiting:
            following = _prepare(waiting[0], session, kit)
            if not following.reading:
                break
            group.append(following)
            waiting.pop(0)
        if len(group) == 1:
            await settle(group[0], session, start, kit)
            continue
        session.extend(ready.decision for ready in group)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(_run(ready, session, kit)) for ready in group]
        for task in running:
            session.append(_bounded(task.result(), session, kit))


async def settle(ready: _Ready, session: Session, start: int, kit: Kit) -> None:
    """Ask if need be, run if allowed, and log what came of it."""
    decision = ready.decision
    if decision.verdict == "ask":
        answer = await kit.ask(ready.call, decision)
        decision = replace(
            answer,
            call_id=ready.call.call_id,
            effects=decision.effects,
            confined=answer.confined or decision.confined,
        )
        ready = replace(ready, decision=decision, refusal=_refusal(decision))
    session.append(decision)
    result = _bounded(await _run(ready, session, kit), session, kit)
    note = warning([*session.entries[start:], result])
    if note:
        result = replace(result, parts=(*result.parts, Text(note)))
    session.append(result)


def _bounded(result: ToolResult, session: Session, kit: Kit) -> ToolResult:
    """The result with its pictures counted and within bounds, whichever tool they come from."""
    counted = tuple(
        replace(part, tokens=kit.eyes.tokens(part.width, part.height))
        if isinstance(part, Image) and not part.tokens
        else part
        for part in result.parts
    )
    result = replace(result, parts=counted) if counted != result.parts else result
    return bounded(session.entries, result, kit.picture_limit, kit.window)


def _refusal(decision: Decision) -> str:
    if decision.verdict == "allow":
        return ""
    if decision.by == "headless":
        return (
            f"Refused: {decision.reason}, and nobody can be asked in this run. Do not try to get "
            "round this; do what you can without it and say what was refused."
        )
    return f"The user refused this{f': {decision.reason}' if decision.reason else ''}."


def _prepare(call: ToolCall, session: Session, kit: Kit) -> _Ready:
    """Find the tool, read the arguments, declare the effects, decide."""
    wrong = Decision(call_id=call.call_id, verdict="deny", reason="the call cannot be made")
    tool = next((each for each in kit.tools if each.name == call.name), None)
    if tool is None:
        names = ", ".join(each.name for each in kit.tools)
        return _Ready(call, wrong, refusal=f"There is no tool {call.name!r}. Tools: {names}.")
    try:
        params = tool.parse(call.arguments, freeform=call.freeform)
        effects = kit.host.resolved(tool.effects(params, kit.host))
    except ToolError as error:
        return _Ready(call, wrong, tool, refusal=str(error))
    except Exception as error:
        log.debug("effects of %s", call.name, exc_info=True)
        return _Ready(call, wrong, tool, refusal=f"{call.name} failed: {_named(error)}")
    policy = standing(kit.policy, session.entries)
    if effects.command is not None:
        policy = replace(policy, confines=kit.host.confines)
        effects = widened(policy, effects)
    decision = decide(policy, effects, kit.read_line)
    return _Ready(call, replace(decision, call_id=call.call_id), tool, params, effects)


async def _run(ready: _Ready, session: Session, kit: Kit) -> ToolResult:
    call = ready.call
    began = time.monotonic()
    if ready.refusal or ready.tool is None or ready.effects is None:
        output = Output.of(ready.refusal, ok=False)
    else:
        context = Call(
            call_id=call.call_id,
            host=kit.host.under(ready.effects, ready.decision.confined),
            confined=ready.decision.confined,
            say=lambda text: session.publish(Delta("output", text, call.call_id)),
            keep=session.keep,
            spill=session.spill,
            digest_seen=lambda path: digest_seen(session.entries, path),
            vision=kit.vision,
            eyes=kit.eyes,
            kept=lambda name: _kept(session, name),
            limit=kit.output_limit,
        )
        confined = ready.decision.confined
        async with covered(session, kit.keeper, call.call_id, ready.effects, confined):
            output = await _guarded(ready.tool, ready.params, context)
    parts = tuple(
        Text(truncate(part.text, kit.output_limit)) if isinstance(part, Text) else part
        for part in output.parts
    )
    return ToolResult(
        call_id=call.call_id,
        ok=output.ok,
        parts=parts,
        full=output.full,
        seconds=round(time.monotonic() - began, 3),
        data=output.data,
    )


def _kept(session: Session, name: str) -> bytes:
    known = [image.blob for _, image in pictures(session.entries)]
    if name.isdecimal() and len(name) < 8 and 1 <= int(name) <= len(known):
        return session.blob(known[int(name) - 1])
    for blob in known:
        if len(name) >= 8 and blob.startswith(name):
            return session.blob(blob)
    raise ToolError(f"No picture of this session is kept as {name}.")


async def _guarded(tool: Tool, params: object, context: Call) -> Output:
    try:
        return await tool.run(params, context)
    except ToolError as error:
        return Output.of(str(error), ok=False, **error.data)
    except OSError as error:
        return Output.of(f"{tool.name} failed: {_named(error)}", ok=False)
    except Exception as error:
        log.debug("tool %s", tool.name, exc_info=True)
        return Output.of(f"{tool.name} failed: {_named(error)}", ok=False)


def _named(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    return f"{type(error).__name__}: {error}"
