"""Pure: folds over a turn's entries that say when to warn the model and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from codex_py.core.entries import Entry, Sampled, ToolCall, ToolResult, User, words

REPEATS_TO_WARN = 3
REPEATS_TO_STOP = 6


@dataclass(frozen=True, slots=True)
class Limits:
    """What one turn may use. Zero means no limit."""

    max_steps: int = 0
    """Requests of one turn: samples, and the retries before them."""
    repeats: int = REPEATS_TO_STOP
    """The same call with the same result this many times in a row stops the turn."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a turn must end now."""

    reason: Literal["limit", "stuck"]
    text: str


def check(turn: Sequence[Entry], limits: Limits) -> Stop | None:
    """Whether the next sample of this turn may be taken; asked before each one."""
    if limits.max_steps:
        samples = [entry for entry in turn if isinstance(entry, Sampled) and not entry.purpose]
        steps, retries = len(samples), sum(entry.retries for entry in samples)
        if steps + retries >= limits.max_steps:
            told = f"{steps} steps" + (f" and {retries} retries" if retries else "")
            return Stop("limit", f"stopped after {told} (--max-steps {limits.max_steps})")
    same, name = repeats(turn)
    if limits.repeats and same >= limits.repeats:
        return Stop("stuck", f"stopped: the model made the same {name} call {same} times in a row")
    return None


def warning(turn: Sequence[Entry]) -> str:
    """A note for the model when its newest call repeats itself; empty when all is well."""
    same, name = repeats(turn)
    if same < REPEATS_TO_WARN:
        return ""
    return (
        f"[This {name} call gave the same result {same} times in a row. Repeating it will not "
        "help: change something, or say what stands in the way.]"
    )


def repeats(turn: Sequence[Entry]) -> tuple[int, str]:
    """How often in a row the newest finished call, with the same result, was made; its name."""
    calls = {entry.call_id: entry for entry in turn if isinstance(entry, ToolCall)}
    newest: tuple[str, str, str] | None = None
    count = 0
    for entry in reversed(turn):
        if isinstance(entry, User) and count:
            break
        if not isinstance(entry, ToolResult) or entry.call_id not in calls:
            continue
        call = calls[entry.call_id]
        shape = (call.name, call.arguments, _result(entry))
        if newest is None:
            newest = shape
        elif shape != newest:
            break
        count += 1
    return count, newest[0] if newest else ""


def _result(entry: ToolResult) -> str:
    same = entry.data.get("same")
    if isinstance(same, str):
        return same
    text = words(entry.parts)
    place = text.rfind("\n[This ")
    return text if place < 0 else text[:place]
