"""ChatClient: any server that speaks OpenAI's Chat Completions."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from codex_py.core.entries import Delta, Entry, Json
from codex_py.core.errors import ModelError
from codex_py.core.request import Request
from codex_py.models.chat_body import Quirks, body
from codex_py.models.chat_stream import Answer
from codex_py.models.door import Door

WIRE = "chat"


class ChatClient:
    """One model server behind `POST {base_url}/chat/completions`; keeps ModelClient's contract.

    A server that refuses the shape of a request (a parameter it does not know, a role, tools)
    before anything was streamed is asked again in the shape it takes; each quirk is learned
    once and kept for the client's life.
    """

    def __init__(self, door: Door, quirks: Quirks | None = None) -> None:
        self.door = door
        self.quirks = quirks or Quirks()

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample: deltas as they come, its entries last."""
        while True:
            try:
                async with aclosing(self._once(request)) as events:
                    async for event in events:
                        yield event
                return
            except ModelError as error:
                learned = learn(self.quirks, str(error)) if error.fault == "request" else None
                if learned is None:
                    raise
                self.quirks = learned

    async def _once(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        began = time.monotonic()
        answer = Answer(
            {each.name for each in request.tools},
            place=len(request.input),
            opened=self.quirks.opened_thinking,
            in_text=self.quirks.tools == "text",
            where=self.door.base_url,
        )
        chunks = self.door.stream("/chat/completions", body(request, self.quirks), _last)
        async with aclosing(chunks):
            async for chunk in chunks:
                for delta in answer.feed(chunk):
                    yield delta
        for delta in answer.end():
            yield delta
        seconds = round(time.monotonic() - began, 3)
        for entry in answer.entries(wire=WIRE, model=request.settings.model, seconds=seconds):
            yield entry

    async def close(self) -> None:
        """Let go of the connection."""
        await self.door.close()


def _last(chunk: Json) -> bool:
    """The usage comes after everything else, in a chunk of its own."""
    return bool(chunk.get("usage")) and chunk.get("choices") == []


def learn(quirks: Quirks, refusal: str) -> Quirks | None:
    """Pure: quirks that a server's refusal tells of; None when it tells nothing new."""
    said = refusal.lower()
    found = quirks
    if quirks.formats and any(each in said for each in FORMATS):
        found = replace(quirks, formats=False)
    elif "tool" in said and _refused(said, "tools", "tool use", "function call", "tool choice"):
        found = replace(quirks, tools="text")
    elif "developer" in said and quirks.system_role == "developer":
        found = replace(quirks, system_role="system")
    elif "parallel_tool_calls" in said:
        found = replace(quirks, parallel=False)
    elif "stream_options" in said:
        found = replace(quirks, usage=False)
    elif "reasoning_effort" in said:
        found = replace(quirks, efforts=False)
    elif "prompt_cache_key" in said or "verbosity" in said or "service_tier" in said:
        found = replace(quirks, cache_key=False)
    elif "temperature" in said:
        found = replace(quirks, temperature=False)
    elif "max_tokens" in said and "max_completion_tokens" in said:
        short = quirks.limit_name == "max_tokens"
        found = replace(quirks, limit_name="max_completion_tokens" if short else "max_tokens")
    return None if found == quirks else found


FORMATS = ("response_format", "json_schema", "json mode", "custom grammar", "response format")


def _refused(said: str, *things: str) -> bool:
    refusals = ("not support", "unsupported", "does not allow", "not enabled", "requires --enable")
    return any(each in said for each in things) and any(each in said for each in refusals)
