"""Pure: the events of a Responses stream become deltas, then the sample's entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

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
from codex_py.core.errors import ModelError
from codex_py.models.chat_door import refusal

WIRE = "responses"


@dataclass(slots=True)
class _Item:
    """One output item under construction; `text` is what its deltas said."""

    item: Json
    text: str = ""
    done: bool = False


@dataclass(slots=True)
class Answer:
    """One response under construction.

    Contract: `feed` takes whatever JSON a server sent and raises nothing but ModelError. Items
    are known by id, since some servers send no indexes and close items out of order. `entries`
    comes when the stream is over and raises ModelError when the response is not whole.
    """

    url: str
    place: int
    """Number of entries before this sample: made-up call ids begin with it."""
    _items: dict[str, _Item] = field(default_factory=dict)
    _final: Json | None = None
    _status: str = "completed"

    def feed(self, event: object) -> Iterator[Delta]:
        """Take one event; what can be shown of it now. Unknown events are passed over."""
        if not isinstance(event, dict):
            return
        kind = event.get("type")
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            yield Delta("text", self._grow(event))
        elif kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            yield Delta("reasoning", self._grow(event))
        elif kind == "response.reasoning_summary_part.added" and event.get("summary_index"):
            yield Delta("reasoning", "\n\n")
        elif kind in (
            "response.function_call_arguments.delta",
            "response.custom_tool_call_input.delta",
        ):
            item = self._known(event).item
            call_id, name = str(item.get("call_id") or ""), str(item.get("name") or "")
            yield Delta("arguments", self._grow(event), call_id, name)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._place(event, done=kind.endswith("done"))
        elif kind in ("response.completed", "response.incomplete"):
            self._finish(event, str(kind))
        elif kind in ("response.failed", "error"):
            raise self._failure(event)
        elif kind is None and event.get("object") == "response":
            self._finish({"response": event}, f"response.{event.get('status')}")

    def _known(self, event: Json) -> _Item:
        key = str(event.get("item_id") or event.get("output_index") or "")
        return self._items.setdefault(key, _Item({}))

    def _grow(self, event: Json) -> str:
        delta = event.get("delta")
        text = delta if isinstance(delta, str) else ""
        self._known(event).text += text
        return text

    def _place(self, event: Json, *, done: bool) -> None:
        item = event.get("item")
        if not isinstance(item, dict):
            return
        key = str(item.get("id") or event.get("output_index") or f"#{len(self._items)}")
        known = self._items.setdefault(key, _Item({}))
        if not known.done:
            known.item, known.done = item, done

    def _finish(self, event: Json, kind: str) -> None:
        response = event.get("response")
        self._final = response if isinstance(response, dict) else {}
        if self._final.get("status") == "failed":
            raise self._failure(event)
        if kind == "response.incomplete":
            details = self._final.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, dict) else None
            self._status = str(reason or "incomplete")

    def _failure(self, event: Json) -> ModelError:
        response = event.get("response")
        told = response.get("error") if isinstance(response, dict) else event.get("error")
        error = told if isinstance(told, dict) else event
        message = str(error.get("message") or "no reason given")
        code = f"{error.get('code') or ''} {error.get('kind') or ''}"
        return refusal(0, message, self.url, code=code, after=asked_to_wait(message))

    def entries(self, *, model: str, seconds: float) -> list[Entry]:
        """The response's entries, closed by one Sampled."""
        if self._final is None:
            raise ModelError(
                f"{self.url} closed the stream before the answer was complete",
                fault="network",
                retry=True,
            )
        output = self._final.get("output")
        items = [each for each in output if isinstance(each, dict)] if _filled(output) else []
        found: list[Entry] = []
        taken: set[str] = set()
        for index, item in enumerate(items or self._streamed()):
            entry = _entry(item, f"call_{self.place}_{index}", taken)
            if entry is not None:
                found.append(entry)
        if not any(isinstance(entry, (Assistant, ToolCall)) for entry in found):
            raise ModelError(f"{self.url} gave an empty answer", fault="protocol", retry=True)
        usage = _usage(self._final.get("usage"))
        named = str(self._final.get("model") or model)
        closed = Sampled(
            model=named, wire=WIRE, usage=usage, seconds=seconds, status=self._status
        )
        return [*found, closed]

    def _streamed(self) -> list[Json]:
        """The items as the stream brought them, for servers whose last event holds none."""
        found: list[Json] = []
        for known in self._items.values():
            item = known.item
            if not known.done and known.text:
                if item.get("type") == "function_call":
                    item = {**item, "arguments": known.text}
                elif item.get("type") == "custom_tool_call":
                    item = {**item, "input": known.text}
                elif item.get("type") in (None, "message"):
                    content = [{"type": "output_text", "text": known.text}]
                    item = {**item, "type": "message", "role": "assistant", "content": content}
            found.append(item)
        return found


def _filled(output: object) -> bool:
    return isinstance(output, list) and any(isinstance(each, dict) for each in output)


def _entry(item: Json, made_up: str, taken: set[str]) -> Entry | None:
    kind = item.get("type")
    if kind == "message":
        text = _said(item)
        return Assistant(text=text, raw=item) if text else None
    if kind == "reasoning":
        return Reasoning(summary=_summary(item), raw=item)
    if kind in ("function_call", "custom_tool_call"):
        call_id = _unique(str(item.get("call_id") or item.get("id") or made_up), taken)
        freeform = kind == "custom_tool_call"
        given = item.get("input" if freeform else "arguments")
        if not isinstance(given, str):
            import json  # late: only for servers that send objects

            given = json.dumps({} if given is None else given)
        return ToolCall(
            call_id=call_id,
            name=str(item.get("name") or ""),
            arguments=given,
            freeform=freeform,
            raw={**item, "call_id": call_id, "input" if freeform else "arguments": given},
        )
    if isinstance(kind, str) and kind.endswith("_call"):
        return Assistant(text="", raw=item)
    return None


def _unique(call_id: str, taken: set[str]) -> str:
    fresh, number = call_id, 2
    while fresh in taken:
        fresh, number = f"{call_id}-{number}", number + 1
    taken.add(fresh)
    return fresh


def _said(item: Json) -> str:
    content = item.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(
        str(part.get("text") or part.get("refusal") or "")
        for part in parts
        if isinstance(part, dict)
    )


def _summary(item: Json) -> str:
    for name in ("summary", "content"):
        parts = item.get(name)
        if isinstance(parts, list):
            told = [str(part.get("text") or "") for part in parts if isinstance(part, dict)]
            if any(told):
                return "\n\n".join(each for each in told if each)
    return ""


def _usage(data: object) -> Usage:
    if not isinstance(data, dict):
        return Usage()
    return Usage(
        _number(data, "input_tokens"),
        _number(data.get("input_tokens_details"), "cached_tokens"),
        _number(data, "output_tokens"),
        _number(data.get("output_tokens_details"), "reasoning_tokens"),
    )


def _number(data: object, name: str) -> int:
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def asked_to_wait(message: str) -> float | None:
    """Seconds a message such as `Please try again in 1.5s` asks for."""
    _, found, rest = message.lower().partition("try again in ")
    if not found:
        return None
    digits = rest[: next((i for i, c in enumerate(rest) if c not in "0123456789."), len(rest))]
    try:
        number = float(digits)
    except ValueError:
        return None
    unit = rest[len(digits) :].lstrip()
    return number / 1000 if unit.startswith("ms") else number * (60 if unit.startswith("m") else 1)
