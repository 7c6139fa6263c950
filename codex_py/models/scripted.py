"""A model that says what it is told: for trying things out, demonstrations and tests."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Json,
    Reasoning,
    Sampled,
    ToolCall,
    Usage,
)
from codex_py.core.errors import Fault, ModelError, UsageError
from codex_py.core.request import Request

Item = str | Json
"""A text, or one of `{"text": …}`, `{"reasoning": …}`, `{"call": NAME, "arguments": {…}}`,
`{"custom": NAME, "input": TEXT}` (freeform; calls may have an `id`), `{"usage": {…}}`,
`{"status": …}`, `{"error": MESSAGE, "fault": …, "retry": …, "after": …}`.
"""
Turn = Item | Sequence[Item]
"""What answers one request."""

KINDS = ("text", "reasoning", "call", "custom", "error", "usage", "status")


class Scripted:
    """Plays its turns, one for each request. Keeps ModelClient's contract.

    Asked beyond its script it raises ModelError; `left` tells whether all was played.
    """

    def __init__(self, turns: Sequence[Turn], name: str = "scripted") -> None:
        self._turns = [_items(turn, place, name) for place, turn in enumerate(turns, 1)]
        self._name = name
        self.requests: list[Request] = []
        """Every request seen, in order."""

    @property
    def left(self) -> int:
        """Turns that were not asked for."""
        return max(0, len(self._turns) - len(self.requests))

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample: the next turn."""
        place = len(self.requests)
        self.requests.append(request)
        if place >= len(self._turns):
            told = (
                f"{self._name}: the script has {len(self._turns)} turns, and one more was asked for"
            )
            raise ModelError(told, fault="request")
        items = self._turns[place]
        for delta in _deltas(items, place):
            yield delta
        for item in items:
            if "error" in item:
                raise _error(item)
        for entry in _entries(items, place):
            yield entry

    async def close(self) -> None:
        """Nothing to let go of."""


def read(path: Path) -> Scripted:
    """A script from a JSON or TOML file: a list of turns, or a table with the list as `turns`.

    Raises UsageError that says what is wrong with it.
    """
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".toml":
            import tomllib  # late: only for such scripts

            data: Any = tomllib.loads(text)
        else:
            data = json.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read the script {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"the script {path} cannot be read: {error}") from error
    turns = data.get("turns") if isinstance(data, dict) else data
    if not isinstance(turns, list):
        raise UsageError(f"the script {path} must hold a list of turns")
    return Scripted(turns, str(path))


def _items(turn: Turn, place: int, name: str) -> list[Json]:
    given = [turn] if isinstance(turn, (str, dict)) else list(turn)
    found = [{"text": item} if isinstance(item, str) else item for item in given]
    for item in found:
        if not isinstance(item, dict) or not any(kind in item for kind in KINDS):
            known = ", ".join(KINDS)
            raise UsageError(f"{name}: turn {place}: {item!r} is none of {known}")
    return found


def _id(item: Json, place: int, index: int) -> str:
    return str(item.get("id") or f"call_{place}_{index}")


def _said(item: Json) -> str:
    if "custom" in item:
        return str(item.get("input", ""))
    given = item.get("arguments", {})
    return given if isinstance(given, str) else json.dumps(given)


def _deltas(items: Sequence[Json], place: int) -> Iterator[Delta]:
    for index, item in enumerate(items):
        if "error" in item:
            return
        if "text" in item:
            yield from _halves("text", str(item["text"]))
        elif "reasoning" in item:
            yield from _halves("reasoning", str(item["reasoning"]))
        elif "call" in item or "custom" in item:
            tool = str(item.get("call") or item.get("custom"))
            yield from _halves("arguments", _said(item), _id(item, place, index), tool)


def _halves(of: Any, text: str, call_id: str = "", name: str = "") -> Iterator[Delta]:
    middle = len(text) // 2
    for piece in (text[:middle], text[middle:]):
        if piece:
            yield Delta(of, piece, call_id, name)


def _entries(items: Sequence[Json], place: int) -> Iterator[Entry]:
    usage, status = Usage(), "completed"
    for index, item in enumerate(items):
        if "text" in item:
            yield Assistant(text=str(item["text"]))
        elif "reasoning" in item:
            yield Reasoning(summary=str(item["reasoning"]))
        elif "call" in item or "custom" in item:
            yield ToolCall(
                call_id=_id(item, place, index),
                name=str(item.get("call") or item.get("custom")),
                arguments=_said(item),
                freeform="custom" in item,
            )
        elif "usage" in item:
            usage = Usage(**item["usage"])
        elif "status" in item:
            status = str(item["status"])
    yield Sampled(model="scripted", wire="scripted", usage=usage, status=status)


def _error(item: Json) -> ModelError:
    return ModelError(
        str(item["error"]),
        fault=cast(Fault, item.get("fault", "server")),
        retry=bool(item.get("retry", False)),
        after=item.get("after"),
    )
