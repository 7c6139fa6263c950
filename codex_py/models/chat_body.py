"""A request becomes the body of a Chat Completions call; what was encoded once is kept."""

from __future__ import annotations

from codex_py.core.entries import Entry, Json
from codex_py.core.request import Request
from codex_py.models.chat_messages import Building, messages
from codex_py.models.chat_shapes import Quirks, relaxed, tool
from codex_py.models.door import encoded
from codex_py.models.formats import named_schema

__all__ = ["Body", "Quirks", "body", "head", "relaxed", "tool"]


def body(request: Request, quirks: Quirks) -> Json:
    """The JSON body. Equal requests give equal bodies, and a longer log a longer body.

    The messages come last, so that a body begins with the bytes of the one before it.
    """
    return {**head(request, quirks), "messages": messages(request, quirks)}


def head(request: Request, quirks: Quirks) -> Json:
    """All of a body but its messages."""
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
    return found


SEARCHES: dict[str, Json] = {
    "plugins": {"plugins": [{"id": "web"}]},
    "options": {"web_search_options": {}},
}
"""OpenRouter's way, and that of OpenAI's search models."""


class Body:
    """Builds bodies for one server. Each begins with the bytes of the one before it.

    Contract: equal requests give the bytes of an equal `body`, whatever was built before. A
    request that goes on where the last one ended costs what is new.
    """

    def __init__(self) -> None:
        self._entries: tuple[Entry, ...] = ()
        self._of: tuple[object, ...] = ()
        self._building: Building | None = None
        self._closed: list[bytes] = []

    def build(self, request: Request, quirks: Quirks) -> bytes:
        """The JSON body."""
        of = (request.instructions, request.tools, request.settings.output_schema, quirks)
        held = len(self._entries)
        building = self._building
        if building is None or of != self._of or request.input[:held] != self._entries:
            building, held, self._closed = Building(request, quirks), 0, []
        building.request = request
        for entry in request.input[held:]:
            building.add(entry)
        self._entries, self._of, self._building = request.input, of, building
        self._closed += [encoded(each) for each in building.done[len(self._closed) :]]
        told = b",".join((*self._closed, *(encoded(each) for each in building.open())))
        return b'%s,"messages":[%s]}' % (encoded(head(request, quirks))[:-1], told)
