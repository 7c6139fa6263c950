"""Pure: the events of a Responses stream become deltas, and at its end entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import field, replace

from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Hosted,
    Json,
    Reasoning,
    Sampled,
    ToolCall,
    Usage,
)
from codex_py.core.errors import ModelError
from codex_py.dataclass import dataclass
from codex_py.models.citing import cited
from codex_py.models.faults import nothing, one_line, refusal
from codex_py.models.responses_body import ORIGIN

WIRE = "responses"
TEXT = {"response.output_text.delta", "response.refusal.delta"}
THOUGHT = {"response.reasoning_summary_text.delta", "response.reasoning_text.delta"}
ARGUMENTS = {"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"}
ENDS = {"response.completed", "response.incomplete", "response.failed", "error"}
SAID = {"function_call": "arguments", "custom_tool_call": "input"}
"""Kinds of calls, and the key that holds what the model said."""


def over(event: Json) -> bool:
    """Nothing of the answer can follow this event."""
    kind = event.get("type")
    return isinstance(kind, str) and kind in ENDS


@dataclass()
class Answer:
    """One response under construction. Items are known by id: some servers send nothing else.

    Contract: `feed` takes whatever object a server sent and raises nothing but ModelError.
    """

    where: str
    """The server, for error messages."""
    model: str
    place: int = 0
    """Entries before this sample: made-up call ids begin with it."""
    limit: int = 0
    """Tokens that the answer may have: llama.cpp calls one that is cut off there complete."""
    usage: Usage = field(default_factory=Usage)
    """Tokens as told, of a response that failed too."""
    _response: Json | None = None
    _items: dict[str, Json] = field(default_factory=dict)
    _streamed: dict[str, list[str]] = field(default_factory=dict)
    _thinking: str = ""

    def feed(self, event: Json) -> Iterator[Delta]:
        """One event, with the deltas it gives; unknown events are passed over."""
        kind = event.get("type")
        if not isinstance(kind, str):
            if event.get("object") == "response":
                self._finish(event)
        elif kind in TEXT or kind in THOUGHT or kind in ARGUMENTS:
            yield from self._delta(kind, event)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            item = event.get("item")
            if isinstance(item, dict):
                self._items[_name(item.get("id"), event)] = item
        elif kind == "response.reasoning_summary_part.added":
            if self._thinking and self._thinking == _name(event.get("item_id"), event):
                yield Delta("reasoning", "\n\n")
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            told = event.get("response")
            status = kind.removeprefix("response.")
            self._finish({"status": status, **(told if isinstance(told, dict) else {})})
        elif kind == "error":
            error = event.get("error")
            raise refusal(self.where, 0, error if isinstance(error, dict) else event)

    def _finish(self, response: Json) -> None:
        self.usage = _usage(response.get("usage"))
        if response.get("status") == "failed":
            raise refusal(self.where, 0, response.get("error") or {"message": "it failed"})
        self._response = response

    def _delta(self, kind: str, event: Json) -> Iterator[Delta]:
        text, name = event.get("delta"), _name(event.get("item_id"), event)
        if not isinstance(text, str) or not text:
            return
        self._streamed.setdefault(name, []).append(text)
        if kind in TEXT:
            yield Delta("text", text)
        elif kind in THOUGHT:
            self._thinking = name
            yield Delta("reasoning", text)
        else:
            item = self._items.get(name, {})
            call_id = str(item.get("call_id") or name)
            yield Delta("arguments", text, call_id, str(item.get("name") or ""))

    def entries(self, origin: str, seconds: float) -> list[Entry]:
        """The response's entries, closed by Sampled.

        Raises ModelError when there is no complete response, or nothing in it.
        """
        if self._response is None:
            told = f"{self.where} ended its answer before it was complete"
            raise ModelError(told, fault="protocol", retry=True)
        status = _status(self._response)
        if status == "completed" and 0 < self.limit <= self.usage.output:
            status = "max_output_tokens"
        found = list(self._found(status, origin))
        while found and isinstance(found[-1], Reasoning):
            found.pop()  # thought without its deed is refused when it is sent back
        empty = nothing(self.where, status)
        if empty is not None and not any(isinstance(e, ToolCall) or _speaks(e) for e in found):
            raise empty
        model = self._response.get("model")
        sampled = Sampled(
            model=model if isinstance(model, str) and model else self.model,
            wire=WIRE,
            usage=self.usage,
            seconds=round(seconds, 3),
            status=status,
        )
        return [*found, sampled]

    def _found(self, status: str, origin: str) -> Iterator[Entry]:
        taken: set[str] = set()
        for index, item in enumerate(self._output()):
            kind = item.get("type")
            if kind == "message":
                text = _joined(item.get("content"), "")
                if text:
                    yield Assistant(text=text, raw={**item, ORIGIN: origin})
                    yield from cited(_annotations(item.get("content")))
            elif kind == "reasoning":
                told = _joined(item.get("summary"), "\n\n") or _joined(item.get("content"), "\n\n")
                yield Reasoning(summary=told, raw={**item, ORIGIN: origin})
            elif isinstance(kind, str) and kind in SAID:
                if status == "completed" or item.get("status") != "incomplete":
                    made_up = f"call_{self.place}_{index}"
                    call = _call(item, SAID[kind], made_up, taken)
                    yield replace(call, raw={**(call.raw or {}), ORIGIN: origin})
            elif isinstance(kind, str) and kind.endswith("_call"):
                # The server's own tool; it belongs to the thought before it.
                raw = {**item, ORIGIN: origin}
                yield Hosted(name=kind.removesuffix("_call"), detail=_looked(item), raw=raw)

    def _output(self) -> list[Json]:
        """The final items: the response's own list, else what was streamed."""
        given = (self._response or {}).get("output")
        if isinstance(given, list) and any(isinstance(each, dict) for each in given):
            return [self._sealed(each) for each in given if isinstance(each, dict)]
        return [self._filled(name, item) for name, item in self._items.items()]

    def _sealed(self, item: Json) -> Json:
        """A reasoning item keeps the encrypted content that only the stream brought."""
        if item.get("type") != "reasoning" or item.get("encrypted_content"):
            return item
        streamed = self._items.get(str(item.get("id")), {}).get("encrypted_content")
        return {**item, "encrypted_content": streamed} if streamed else item

    def _filled(self, name: str, item: Json) -> Json:
        """An item that was never closed, with what was streamed of it."""
        said = "".join(self._streamed.get(name, ()))
        key = SAID.get(str(item.get("type")))
        if key is not None and said and not item.get(key):
            return {**item, key: said}
        if item.get("type") == "message" and said and not item.get("content"):
            return {**item, "content": [{"type": "output_text", "text": said}]}
        return item


def _name(item_id: object, event: Json) -> str:
    return str(item_id) if item_id else f"#{event.get('output_index', 0)}"


def _speaks(entry: Entry) -> bool:
    return isinstance(entry, Assistant) and bool(entry.text)


def _status(response: Json) -> str:
    if response.get("status") != "incomplete":
        return "completed"
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return one_line(str(reason), 80) if reason else "incomplete"


def _call(item: Json, key: str, made_up: str, taken: set[str]) -> ToolCall:
    """A call; a missing or repeated id is replaced, in the raw item too."""
    given = item.get(key)
    said = given if isinstance(given, str) else json.dumps({} if given is None else given)
    wanted = str(item.get("call_id") or item.get("id") or made_up)
    fresh, number = wanted, 2
    while fresh in taken:
        fresh, number = f"{wanted}-{number}", number + 1
    taken.add(fresh)
    name = str(item.get("name") or "unnamed")
    raw = {**item, "call_id": fresh, "name": name, key: said}
    return ToolCall(call_id=fresh, name=name, arguments=said, freeform=key == "input", raw=raw)


def _joined(parts: object, between: str) -> str:
    if isinstance(parts, str):
        return parts
    if not isinstance(parts, list):
        return ""
    texts = [part.get("text") or part.get("refusal") for part in parts if isinstance(part, dict)]
    return between.join(text for text in texts if isinstance(text, str) and text)


def _annotations(content: object) -> list[object]:
    parts = content if isinstance(content, list) else []
    given = [part.get("annotations") for part in parts if isinstance(part, dict)]
    return [each for found in given if isinstance(found, list) for each in found]


def _looked(item: Json) -> str:
    """What a hosted tool looked for or opened."""
    action = item.get("action")
    action = action if isinstance(action, dict) else item
    several = action.get("queries")
    words = [action.get("query"), *(several if isinstance(several, list) else ())]
    words += [action.get("url"), action.get("pattern")]
    said = [each for each in words if isinstance(each, str) and each]
    return one_line("; ".join(dict.fromkeys(said)), 300)


def _usage(told: object) -> Usage:
    if not isinstance(told, dict):
        return Usage()
    return Usage(
        input=_count(told, "input_tokens"),
        cached=_count(told.get("input_tokens_details"), "cached_tokens"),
        output=_count(told, "output_tokens"),
        reasoning=_count(told.get("output_tokens_details"), "reasoning_tokens"),
    )


def _count(told: object, name: str) -> int:
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, int) and value > 0 else 0
