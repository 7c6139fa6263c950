"""A request becomes the body of a Responses call; what was encoded once is not encoded again."""

from __future__ import annotations

import base64
import json
from dataclasses import field

from codex_py.core.entries import (
    Assistant,
    Context,
    Entry,
    Hosted,
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
from codex_py.core.request import ModelSettings, Request, ToolSpec
from codex_py.dataclass import dataclass
from codex_py.models.door import encoded
from codex_py.models.formats import named_schema

ORIGIN = "_from"
"""Key in a raw item: the server and model it came from. Never sent."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """What one Responses server takes. The defaults are OpenAI's own."""

    encrypted: bool = True
    """It gives reasoning back encrypted when asked to."""
    picture_results: bool = True
    """A tool's result may hold pictures; else they follow in a message of their own."""
    hosted: bool = True
    """It knows `store`, `prompt_cache_key` and `service_tier`."""
    strict: bool = True
    """It takes strict schemas."""
    pictures: bool = True
    """The model takes pictures; else it is told that one was left out."""
    summaries: bool = True
    """It tells what it thought; OpenAI does so to verified organisations only."""
    custom: bool = True
    """It takes freeform tools, where the model does."""
    stream: bool = True
    """It streams; else an answer comes as a whole."""


@dataclass()
class Body:
    """Builds bodies for one server. Each begins with the bytes of the one before it.

    Contract: equal requests give equal bodies, whatever was built before.
    """

    server: str
    quirks: Quirks = Quirks()
    _of: tuple[str, bool] = ("", False)
    """The model and whether it takes freeform tools: what the items depend on."""
    _entries: tuple[Entry, ...] = ()
    _items: list[bytes] = field(default_factory=list)
    _freeform: set[str] = field(default_factory=set)
    _bare: bool = False
    """A reasoning item was left out: what followed it must not carry an id that needs it."""
    _head: bytes = b""
    _head_of: tuple[object, ...] = ()

    def build(self, request: Request) -> bytes:
        """The JSON body. A request that goes on where the last one ended costs what is new."""
        held = len(self._entries)
        freeform = request.settings.freeform and self.quirks.custom
        of = (request.settings.model, freeform)
        if of != self._of or request.input[:held] != self._entries:
            held = 0
            self._items, self._freeform, self._bare = [], set(), False
        for entry in request.input[held:]:
            self._items += [encoded(item) for item in self._encode(entry, request)]
        self._entries, self._of = request.input, of
        head = (request.instructions, request.tools, request.settings)
        if head != self._head_of:
            self._head, self._head_of = encoded(head_of(request, self.quirks))[:-1], head
        how = b"true" if self.quirks.stream else b"false"
        return b'%s,"stream":%s,"input":[%s]}' % (self._head, how, b",".join(self._items))

    def _encode(self, entry: Entry, request: Request) -> list[Json]:
        if isinstance(entry, ToolResult):
            self._bare = False
            return self._result(entry, request)
        if isinstance(entry, User):
            self._bare = False
            return [self._message(entry.parts, request)]
        if isinstance(entry, Context):
            told = f"<{entry.name}>\n{entry.text}\n</{entry.name}>"
            return [self._message((Text(told),), request)]
        raw = self._raw(entry, request.settings.model)
        if isinstance(entry, Reasoning):
            sealed = self.quirks.encrypted and raw is not None and raw.get("encrypted_content")
            if raw is None or not (sealed or raw.get("content")):
                self._bare = True
                return []
            return [raw]
        if isinstance(entry, Hosted):
            return [raw] if raw else []
        if isinstance(entry, Assistant) and (raw or entry.text):
            part = {"type": "output_text", "text": entry.text}
            return [raw or {"type": "message", "role": "assistant", "content": [part]}]
        if isinstance(entry, ToolCall):
            freeform = entry.freeform and request.settings.freeform and self.quirks.custom
            if freeform:
                self._freeform.add(entry.call_id)
            return [raw if raw and freeform == entry.freeform else _call(entry, freeform)]
        return []

    def _raw(self, entry: Entry, model: str) -> Json | None:
        """The provider's own item, when it came from this server and model."""
        raw: Json | None = getattr(entry, "raw", None)
        if raw is None or raw.get(ORIGIN) != origin(self.server, model):
            return None
        left_out = (ORIGIN, "id") if self._bare else (ORIGIN,)
        return {key: value for key, value in raw.items() if key not in left_out}

    def _result(self, result: ToolResult, request: Request) -> list[Json]:
        kind = "custom_tool_call" if result.call_id in self._freeform else "function_call"
        base = {"type": f"{kind}_output", "call_id": result.call_id}
        pictures = tuple(part for part in result.parts if isinstance(part, Image))
        if not pictures:
            return [{**base, "output": words(result.parts)}]
        if self.quirks.picture_results:
            return [{**base, "output": [self._part(part, request) for part in result.parts]}]
        shown = words(result.parts) or "The picture follows."
        return [{**base, "output": shown}, self._message(pictures, request)]

    def _message(self, parts: tuple[Part, ...], request: Request) -> Json:
        content = [self._part(part, request) for part in parts]
        return {"type": "message", "role": "user", "content": content}

    def _part(self, part: Part, request: Request) -> Json:
        if isinstance(part, Text):
            return {"type": "input_text", "text": part.text}
        name = part.name or part.blob
        if not self.quirks.pictures:
            return {"type": "input_text", "text": f"[{name}: you cannot be shown pictures]"}
        try:
            data = base64.b64encode(request.blob(part.blob)).decode("ascii")
        except OSError:
            return {"type": "input_text", "text": f"[{name}: the picture is lost]"}
        url = f"data:{part.media_type};base64,{data}"
        return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}


def origin(server: str, model: str) -> str:
    """Where raw items come from: only there do they mean anything."""
    return f"{server} {model}"


def _call(call: ToolCall, freeform: bool) -> Json:
    ids = {"call_id": call.call_id, "name": call.name}
    if freeform:
        return {"type": "custom_tool_call", **ids, "input": call.arguments}
    given = json.dumps({"input": call.arguments}) if call.freeform else call.arguments
    return {"type": "function_call", **ids, "arguments": given}


def head_of(request: Request, quirks: Quirks) -> Json:
    """All of a body but its input: it changes only when settings or tools change."""
    settings = request.settings
    found: Json = {"model": settings.model, "instructions": request.instructions}
    if request.tools or settings.search:
        found["tools"] = [_tool(tool, settings, quirks) for tool in request.tools]
        found["tools"] += hosted_search(settings.search)
        found["parallel_tool_calls"] = settings.parallel
    if settings.reasoning or settings.effort:
        if quirks.encrypted:
            found["include"] = ["reasoning.encrypted_content"]
        silent = "none" in (settings.summary, settings.effort) or not quirks.summaries
        summary = "" if silent else settings.summary
        given = {"effort": settings.effort, "summary": summary}
        if any(given.values()):
            found["reasoning"] = {key: value for key, value in given.items() if value}
    text: Json = {"verbosity": settings.verbosity} if settings.verbosity else {}
    if settings.output_schema:
        text["format"] = {"type": "json_schema", **named_schema(settings.output_schema)}
    if text:
        found["text"] = text
    if settings.max_output_tokens:
        found["max_output_tokens"] = settings.max_output_tokens
    if settings.temperature is not None:
        found["temperature"] = settings.temperature
    if quirks.hosted:
        found["store"] = False
        named = {"prompt_cache_key": settings.cache_key, "service_tier": settings.service_tier}
        found |= {key: value for key, value in named.items() if value}
    return found


def hosted_search(search: str) -> list[Json]:
    """The provider's own web search; `cached` keeps it from fetching pages anew."""
    if not search:
        return []
    return [{"type": "web_search", **({} if search == "live" else {"external_web_access": False})}]


def _tool(tool: ToolSpec, settings: ModelSettings, quirks: Quirks) -> Json:
    base: Json = {"name": tool.name, "description": tool.description}
    if tool.grammar and settings.freeform and quirks.custom:
        grammar = {"type": "grammar", "syntax": "lark", "definition": tool.grammar}
        return {"type": "custom", **base, "format": grammar}
    strict = {"strict": True} if quirks.strict else {}
    return {"type": "function", **base, "parameters": tool.schema, **strict}
