"""Pure: tokens estimated at four bytes each, for what no provider has counted yet.

The rule is the one Codex cuts tool results by: UTF-8 bytes divided by four, rounded up. English
prose and code have a little more than four bytes a token in today's vocabularies, JSON a little
less, Chinese about three. Where a sum must not be too low, `CAREFUL` is put on top.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from codex_py.core.entries import (
    Assistant,
    Compacted,
    Context,
    Entry,
    Image,
    Part,
    Reasoning,
    Sampled,
    ToolCall,
    ToolResult,
    User,
)
from codex_py.core.request import ToolSpec

BYTES = 4
PICTURE = 1_600
"""Tokens taken for a picture: what a large one costs most models."""
CAREFUL = 4 / 3
"""Factor for sums that must not be too low."""


def estimate(text: str) -> int:
    """Tokens of a text."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return -(-size // BYTES)


def of_tool(spec: ToolSpec) -> int:
    """Tokens of a tool's declaration: name, description and schema, or grammar."""
    told = spec.grammar or json.dumps(spec.schema, separators=(",", ":"))
    return estimate(spec.name + spec.description + told)


def of_parts(parts: Iterable[Part]) -> int:
    """Tokens of texts and pictures."""
    return sum(PICTURE if isinstance(each, Image) else estimate(each.text) for each in parts)


def of_entry(entry: Entry) -> int:
    """Tokens of what a model is shown of an entry; 0 for what it is not shown."""
    match entry:
        case User() | ToolResult():
            return of_parts(entry.parts)
        case Context() | Assistant():
            return estimate(entry.text)
        case ToolCall():
            return estimate(entry.name + entry.arguments)
        case Reasoning():
            return estimate(entry.summary)
        case Compacted():
            return estimate(entry.summary)
        case _:
            return 0


def of_request(instructions: str, specs: Sequence[ToolSpec], shown: Iterable[Entry]) -> int:
    """Tokens of a whole request."""
    fixed = estimate(instructions) + sum(of_tool(each) for each in specs)
    return fixed + sum(of_entry(each) for each in shown)


def since(entries: Sequence[Entry]) -> tuple[Sampled | None, int]:
    """The newest sample whose tokens the provider told, and an estimate of what came after it.

    None after a compaction: what was told before it says nothing of the next request.
    """
    found = 0
    for entry in reversed(entries):
        if isinstance(entry, Compacted):
            return None, found
        if isinstance(entry, Sampled) and entry.usage.input and not entry.estimated:
            return entry, found
        if not isinstance(entry, (Assistant, ToolCall, Reasoning)):
            found += of_entry(entry)
    return None, found


def of_answer(entries: Iterable[Entry]) -> int:
    """Tokens of what a model said."""
    said = (Assistant, ToolCall, Reasoning)
    return sum(of_entry(each) for each in entries if isinstance(each, said))
