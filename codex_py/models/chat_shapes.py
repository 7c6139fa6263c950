"""What one Chat Completions server takes, and tools in the shape it takes."""

from __future__ import annotations

from typing import Any, Literal

from codex_py.core.entries import Json
from codex_py.core.request import ToolSpec
from codex_py.dataclass import dataclass


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
