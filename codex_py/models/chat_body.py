"""Pure: a request becomes the body of a Chat Completions call, in the shape a server takes."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

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
from codex_py.models.chat_text import protocol, written
from codex_py.models.formats import named_schema, told_schema


@dataclass(frozen=True, slots=True)
class Quirks:
    """What one Chat Completions server takes. The defaults suit most servers of today."""

    tools: Literal["native", "text"] = "native"
    """`text`: the server knows no tools; they are told and called in words (docs: models)."""
    system_role: Literal["system", "developer", "user"] = "system"
    """`user`: the server knows no system message; it goes before the user's first words."""
    limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    strict: bool = False
    """Send strict schemas; otherwise optional properties are left optional, as most expect."""
    parallel: bool = True
    """The server knows `parallel_tool_calls`."""
    usage: bool = True
    """The server knows `stream_options`."""
    temperature: bool = True
    efforts: bool = True
    """The server knows `reasoning_effort`; it is sent only where an effort was chosen."""
    cache_key: bool = False
    """The server knows `prompt_cache_key`, `verbosity` and `service_tier`."""
    formats: bool = True
    """The server takes `response_format` beside tools; else the schema is told in words."""
    images: bool = True
    single: bool = False
    """The server reads one call a message only: calls made together are told one by one."""
    bridge: bool = False
    """A user's message must not follow a tool's: an assistant's stands between (Mistral)."""
    short_ids: bool = False
    """Call ids must be nine letters or digits (Mistral)."""
    search: Literal["", "plugins", "options"] = ""
    """How the server's own web search is asked for; empty where it has none."""
    replay: str = ""
    """Field in which the server wants its thinking back, for example `reasoning_content`."""
    opened_thinking: bool = False
    """Answers may begin inside a `<think>` that the server's template opened unseen."""


def body(request: Request, quirks: Quirks) -> Json:
    """The JSON body. Equal requests give equal bodies, and a longer log a longer body.

    The messages come last, so that a body begins with the bytes of the one before it.
    """
    settings = request.settings
    found: Json = {"model": settings.model, "stream": True}
    if quirks.usage:
        found["stream_options"] = {"include_usage": True}
    if request.tools and quirks.tools == "native":
        found["tools"] = [tool(each, quirks) for each in request.tools]
        if quirks.parallel:
            found["parallel_tool_calls"] = settings.parallel
    if settings.max_output_tokens:
        found[quirks.limit_name] = settings.max_output_tokens
    if settings.temperature is not None and quirks.temperature:
        found["temperature"] = settings.temperature
    if settings.search:
        found |= SEARCHES.get(quirks.search, {})
    if settings.output_schema and quirks.formats:
        schema = named_schema(settings.output_schema)
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    if settings.effort and quirks.efforts:
        found["reasoning_effort"] = settings.effort
    if quirks.cache_key:
        named = {
            "prompt_cache_key": settings.cache_key,
            "verbosity": settings.verbosity,
            "service_tier": settings.service_tier,
        }
        found.update({name: value for name, value in named.items() if value})
    return {**found, "messages": messages(request, quirks)}


SEARCHES: dict[str, Json] = {
    "plugins": {"plugins": [{"id": "web"}]},
    "options": {"web_search_options": {}},
}
"""OpenRouter's way, and that of OpenAI's search models."""


def tool(spec: ToolSpec, quirks: Quirks) -> Json:
    """A tool as Chat Completions declares functions."""
    function: Json = {"name": spec.name, "description": spec.description}
    if quirks.strict:
        return {
            "type": "function",
            "function": {**function, "parameters": spec.schema, "strict": True},
        }
    return {"type": "function", "function": {**function, "parameters": relaxed(spec.schema)}}


def relaxed(schema: Any) -> Any:
    """A strict schema with its nullable properties made optional again."""
    if isinstance(schema, list):
        return [relaxed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: relaxed(value) for key, value in schema.items()}
    properties = found.get("properties")
    if found.get("type") != "object" or not isinstance(properties, dict):
        return found
    optional = set()
    for name, each in properties.items():
        plain = _without_null(each)
        if plain is not each:
            properties[name] = plain
            optional.add(name)
    found["required"] = [each for each in found.get("required", ()) if each not in optional]
    return found


def _without_null(schema: Any) -> Any:
    if not isinstance(schema, dict) or not isinstance(schema.get("anyOf"), list):
        return schema
    kept = [each for each in schema["anyOf"] if each != {"type": "null"}]
    if len(kept) == len(schema["anyOf"]):
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**kept[0], **rest} if len(kept) == 1 else {**rest, "anyOf": kept}


def messages(request: Request, quirks: Quirks) -> list[Json]:
    """The conversation: one assistant message a sample, its results right after it."""
    building = _Building(request, quirks)
    for entry in request.input:
        building.add(entry)
    building.flush()
    return building.done


BRIDGE = "I have read the results."


class _Building:
    """Messages under construction; neighbours of one role become one message."""

    def __init__(self, request: Request, quirks: Quirks) -> None:
        self.request, self.quirks = request, quirks
        self.done: list[Json] = []
        self.said: list[str] = []
        self.thought: list[Reasoning] = []
        self.calls: list[ToolCall] = []
        self.heard: list[Part] = []
        self.shown: list[Part] = []
        self.names: dict[str, str] = {}
        self.apart: dict[str, list[Json]] = {}
        """Messages of calls that are told just before their results."""
        text = request.instructions
        if request.tools and quirks.tools == "text":
            text = f"{text}\n\n{protocol([tool(each, quirks) for each in request.tools])}"
        if request.settings.output_schema and not quirks.formats:
            text = f"{text}\n\n{told_schema(request.settings.output_schema)}"
        if text.strip() and quirks.system_role == "user":
            self.heard.append(Text(text))
        elif text.strip():
            self.done.append({"role": quirks.system_role, "content": text})

    def add(self, entry: Entry) -> None:
        """Take the next entry of the log."""
        if isinstance(entry, (Context, User)):
            self._end_sample()
            self.heard.extend(self.shown)
            self.shown = []
            self.heard.extend(entry.parts if isinstance(entry, User) else (_context(entry),))
        elif isinstance(entry, ToolResult):
            self._end_sample()
            self.done += self.apart.pop(entry.call_id, ())
            self._result(entry)
        elif isinstance(entry, (Assistant, ToolCall, Reasoning)):
            self.heard.extend(self.shown)
            self.shown = []
            self._end_heard()
            if isinstance(entry, Assistant):
                self.said.append(entry.text)
            elif isinstance(entry, ToolCall):
                self.calls.append(entry)
                self.names[entry.call_id] = entry.name
            else:
                self.thought.append(entry)

    def flush(self) -> None:
        """Close what is open."""
        self._end_sample()
        self.heard.extend(self.shown)
        self.shown = []
        self._end_heard()

    def _end_sample(self) -> None:
        if not (self.said or self.calls):
            self.thought = []
            return
        text = "\n\n".join(each for each in self.said if each)
        message: Json = {"role": "assistant", "content": text}
        if self.calls and self.quirks.tools == "text":
            told = [written(each.name, arguments(each, self.request)) for each in self.calls]
            message["content"] = "\n\n".join([*([text] if text else []), *told])
        elif self.calls:
            now, later = (
                (self.calls[:1], self.calls[1:]) if self.quirks.single else (self.calls, ())
            )
            message["tool_calls"] = [self._call(each) for each in now]
            for each in later:
                alone: Json = {"role": "assistant", "content": "", "tool_calls": [self._call(each)]}
                self.apart[each.call_id] = [alone]
        if self.quirks.replay:
            message.update(_replayed(self.thought, self.quirks.replay))
        self.done.append(message)
        self.said, self.calls, self.thought = [], [], []

    def _call(self, call: ToolCall) -> Json:
        raw = call.raw or {}
        extra = raw.get("extra") if raw.get("type") == "chat" else None
        return {
            **(extra if isinstance(extra, dict) else {}),
            "id": self._id(call.call_id),
            "type": "function",
            "function": {"name": call.name, "arguments": arguments(call, self.request)},
        }

    def _id(self, call_id: str) -> str:
        if not self.quirks.short_ids or (len(call_id) == 9 and call_id.isalnum()):
            return call_id
        return hashlib.sha256(call_id.encode()).hexdigest()[:9]

    def _result(self, entry: ToolResult) -> None:
        text = words(entry.parts) or "(no output)"
        name = self.names.get(entry.call_id, "the tool")
        if self.quirks.tools == "text":
            self.heard.append(Text(f"Result of {name}:\n{text}"))
        else:
            self.done.append(
                {"role": "tool", "tool_call_id": self._id(entry.call_id), "content": text}
            )
        pictures = [part for part in entry.parts if isinstance(part, Image)]
        if pictures:
            # Servers read pictures in user messages only.
            self.shown.extend([Text(f"From {name}:"), *pictures])

    def _end_heard(self) -> None:
        if self.heard:
            if self.quirks.bridge and self.done and self.done[-1]["role"] == "tool":
                self.done.append({"role": "assistant", "content": BRIDGE})
            self.done.append({"role": "user", "content": self._content(self.heard)})
            self.heard = []

    def _content(self, parts: list[Part]) -> str | list[Json]:
        if not self.quirks.images or not any(isinstance(part, Image) for part in parts):
            return "\n\n".join(
                part.text if isinstance(part, Text) else f"[picture {part.name}: not shown]"
                for part in parts
            )
        return [self._part(part) for part in parts]

    def _part(self, part: Part) -> Json:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        data = base64.b64encode(self.request.blob(part.blob)).decode("ascii")
        url: Json = {"url": f"data:{part.media_type};base64,{data}"}
        if part.detail != "auto":
            url["detail"] = part.detail
        return {"type": "image_url", "image_url": url}


def _context(entry: Context) -> Text:
    return Text(f"<{entry.name}>\n{entry.text}\n</{entry.name}>")


def _replayed(thought: list[Reasoning], name: str) -> Json:
    raws = [each.raw for each in thought if each.raw and each.raw.get("type") == "chat"]
    details = [item for raw in raws for item in raw.get("reasoning_details", ())]
    if details and name == "reasoning_details":
        return {name: details}
    text = "\n\n".join(each.summary for each in thought)
    return {name: text} if text and name != "reasoning_details" else {}


def arguments(call: ToolCall, request: Request) -> str:
    """A past call's arguments as a JSON object: servers refuse a history that holds less."""
    if call.freeform:
        spec = next((each for each in request.tools if each.name == call.name), None)
        names = list(spec.schema.get("properties", ())) if spec else []
        return json.dumps({names[0] if names else "input": call.arguments}, ensure_ascii=False)
    text = call.arguments.strip()
    try:
        if isinstance(json.loads(text or "{}"), dict):
            return text or "{}"
    except (ValueError, RecursionError):
        pass
    return json.dumps({"not_json": call.arguments}, ensure_ascii=False)
