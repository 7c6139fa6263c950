"""Pure: a log becomes the request for the next sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field

from codex_py.core.entries import (
    Assistant,
    Compacted,
    Context,
    Entry,
    Hosted,
    Json,
    Reasoning,
    Sampled,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    User,
)
from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it. `schema` is a strict JSON schema; `grammar` is Lark text."""

    name: str
    description: str
    schema: Json
    grammar: str = ""
    """When set, the tool also works freeform: its input is text of this grammar."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """How to sample. Empty strings and zero mean: leave it to the provider."""

    model: str
    effort: str = ""
    summary: str = ""
    verbosity: str = ""
    service_tier: str = ""
    cache_key: str = ""
    max_output_tokens: int = 0
    parallel: bool = True
    reasoning: bool = False
    """The model reasons: its reasoning is asked for, encrypted, and carried along."""
    freeform: bool = False
    """The model takes freeform (custom) tools with a grammar."""
    temperature: float | None = None
    search: str = ""
    """What the provider itself may look up on the web: nothing, `cached` or `live`."""
    output_schema: str = ""
    """JSON schema, as text, that the final message must be of."""


Again = Callable[[Usage, int], str]
"""Asked before a failed request is sent anew, with what the failed ones used and how many they
were: why it may not; empty when it may."""


def freely(used: Usage, tries: int) -> str:
    """Where nothing limits how often a request is sent."""
    del used, tries
    return ""


@dataclass(frozen=True, slots=True)
class Request:
    """One sample's request: pure data; equal logs give equal requests.

    `input` holds entries of the kinds Context, User, Assistant, Reasoning, Hosted, ToolCall and
    ToolResult only, every call followed by exactly one result. `blob` reads a picture's bytes.
    """

    instructions: str
    input: tuple[Entry, ...]
    tools: tuple[ToolSpec, ...]
    settings: ModelSettings
    blob: Callable[[str], bytes] = field(compare=False, repr=False)
    again: Again = field(default=freely, compare=False, repr=False)


LOST = "No result: the turn was interrupted before this call finished; it may have run in part."


def project(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries a model is shown: compaction applied, partial text dropped, gaps filled."""
    newest, facts = _compaction(entries)
    cut = newest.keep_from if newest else -1
    found: list[Entry] = list(facts)
    open_calls: dict[str, ToolCall] = {}
    sampled = False
    for entry in entries:
        if isinstance(entry, Context):
            if newest is None or not facts or entry.n > newest.n:
                found.append(entry)
        elif entry.n < cut:
            continue
        elif isinstance(entry, ToolResult):
            if open_calls.pop(entry.call_id, None) is not None:
                found.append(entry)
        elif isinstance(entry, Sampled):
            sampled = True
        elif isinstance(entry, (ToolCall, Reasoning, Assistant, Hosted, User)):
            if isinstance(entry, Assistant) and entry.partial:
                continue
            if open_calls and (sampled or isinstance(entry, User)):
                _close(open_calls, found)
            sampled = False
            if isinstance(entry, ToolCall):
                open_calls[entry.call_id] = entry
            found.append(entry)
    _close(open_calls, found)
    if newest is not None:
        found.insert(len(facts) or _after_context(found), _told(newest))
    return tuple(found)


def _close(open_calls: dict[str, ToolCall], found: list[Entry]) -> None:
    if not open_calls:
        return
    for call in open_calls.values():
        found.append(
            ToolResult(n=call.n, at=call.at, call_id=call.call_id, ok=False, parts=(Text(LOST),))
        )
    open_calls.clear()


def _compaction(entries: Sequence[Entry]) -> tuple[Compacted | None, list[Context]]:
    """The newest compaction and the facts stated anew right before it."""
    for place in range(len(entries) - 1, -1, -1):
        entry = entries[place]
        if isinstance(entry, Compacted):
            facts: list[Context] = []
            for before in reversed(entries[:place]):
                if not isinstance(before, Context) or before.n != entry.n - len(facts) - 1:
                    break
                facts.insert(0, before)
            return entry, facts
    return None, []


def _told(entry: Compacted) -> User:
    """What stands in for all that is not shown any more."""
    parts = [f"Summary of the work so far:\n{entry.summary}"]
    if entry.said:
        said = "\n".join(f"<message>\n{each}\n</message>" for each in entry.said)
        parts.append(f"What the user said until then, word for word, oldest first:\n{said}")
    if entry.plan:
        parts.append(f"The plan as it stood:\n{entry.plan}")
    if entry.files:
        names = "\n".join(
            f"- {each[1:]} (changed)" if each.startswith("*") else f"- {each}"
            for each in entry.files
        )
        parts.append(
            "Files read or changed until then; read them again before you rely on what is in "
            f"them:\n{names}"
        )
    return User(n=entry.n, at=entry.at, parts=(Text("\n\n".join(parts)),))


def _after_context(found: list[Entry]) -> int:
    for place, entry in enumerate(found):
        if not isinstance(entry, Context):
            return place
    return len(found)
