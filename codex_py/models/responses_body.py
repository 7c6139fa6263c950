"""Pure: a request becomes the body of a Responses call; each entry is turned into items once."""

from __future__ import annotations

import base64
from collections.abc import Callable

from codex_py.core.entries import (
    Assistant,
    Context,
    Entry,
    Image,
    Json,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    User,
    words,
)
from codex_py.core.request import Request, ToolSpec

Blob = Callable[[str], bytes]


class Encoder:
    """Entries as items, kept by their place in the log: a request costs what is new.

    Contract: the same log gives the same items, and a longer log's items begin with a shorter
    one's.
    """

    def __init__(self, *, reasoning: bool = True) -> None:
        self._reasoning = reasoning
        """Replay encrypted reasoning items; some local servers refuse them."""
        self._kept: dict[tuple[int, str], Json | None] = {}
        self._freeform: set[str] = set()

    def body(self, request: Request) -> Json:
        """The whole body, ready to be sent."""
        settings = request.settings
        body: Json = {
            "model": settings.model,
            "stream": True,
            "store": False,
            "instructions": request.instructions,
            "input": self.items(request),
        }
        if request.tools:
            body["tools"] = [tool(each, freeform=settings.freeform) for each in request.tools]
            body["tool_choice"] = "auto"
            body["parallel_tool_calls"] = settings.parallel
        if settings.reasoning:
            body["include"] = ["reasoning.encrypted_content"]
            given = {"effort": settings.effort, "summary": settings.summary}
            reasoning = {key: text for key, text in given.items() if text and text != "none"}
            if settings.effort == "none":
                reasoning["effort"] = "none"
            if reasoning:
                body["reasoning"] = reasoning
        if settings.verbosity:
            body["text"] = {"verbosity": settings.verbosity}
        if settings.cache_key:
            body["prompt_cache_key"] = settings.cache_key
        if settings.service_tier:
            body["service_tier"] = settings.service_tier
        if settings.max_output_tokens:
            body["max_output_tokens"] = settings.max_output_tokens
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        return body

    def items(self, request: Request) -> list[Json]:
        """The input items, in order; what this wire cannot replay is left out."""
        found: list[Json] = []
        for entry in request.input:
            key = (entry.n, entry.kind)
            if entry.n < 0 or key not in self._kept:
                self._kept[key] = self._item(entry, request.blob)
            item = self._kept[key]
            if item is not None:
                found.append(item)
        return found

    def _item(self, entry: Entry, blob: Blob) -> Json | None:
        match entry:
            case Context():
                told = f"<{entry.name}>\n{entry.text}\n</{entry.name}>"
                return _message("user", [{"type": "input_text", "text": told}])
            case User():
                return _message("user", [_part(part, blob) for part in entry.parts])
            case Assistant():
                if _own(entry.raw):
                    return entry.raw
                if not entry.text:
                    return None
                return _message("assistant", [{"type": "output_text", "text": entry.text}])
            case Reasoning():
                usable = self._reasoning and entry.raw and entry.raw.get("encrypted_content")
                return entry.raw if usable and _own(entry.raw) else None
            case ToolCall():
                return self._call(entry)
            case ToolResult():
                return self._result(entry, blob)
        return None

    def _call(self, entry: ToolCall) -> Json:
        if entry.freeform:
            self._freeform.add(entry.call_id)
        if entry.raw is not None and _own(entry.raw):
            return entry.raw
        named: Json = {"call_id": entry.call_id, "name": entry.name}
        if entry.freeform:
            return {"type": "custom_tool_call", **named, "input": entry.arguments}
        return {"type": "function_call", **named, "arguments": entry.arguments}

    def _result(self, entry: ToolResult, blob: Blob) -> Json:
        kind = "custom_tool_call" if entry.call_id in self._freeform else "function_call"
        output: str | list[Json] = words(entry.parts)
        if any(isinstance(part, Image) for part in entry.parts):
            output = [_part(part, blob) for part in entry.parts]
        return {"type": f"{kind}_output", "call_id": entry.call_id, "output": output}


def tool(spec: ToolSpec, *, freeform: bool) -> Json:
    """A tool as this wire describes it: freeform with its grammar, or a strict function."""
    if freeform and spec.grammar:
        return {
            "type": "custom",
            "name": spec.name,
            "description": spec.description,
            "format": {"type": "grammar", "syntax": "lark", "definition": spec.grammar},
        }
    return {
        "type": "function",
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.schema,
        "strict": True,
    }


def _message(role: str, content: list[Json]) -> Json:
    return {"type": "message", "role": role, "content": content}


def _part(part: Part, blob: Blob) -> Json:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    data = base64.b64encode(blob(part.blob)).decode("ascii")
    url = f"data:{part.media_type};base64,{data}"
    return {"type": "input_image", "image_url": url, "detail": part.detail}


OWN = frozenset({"message", "reasoning", "function_call", "custom_tool_call"})


def _own(raw: Json | None) -> bool:
    """Whether a raw item came from this wire."""
    kind = raw.get("type") if raw else None
    return isinstance(kind, str) and (kind in OWN or kind.endswith("_call"))
