"""ChatClient: any server that speaks OpenAI's Chat Completions."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace

from codex_py.core.entries import Delta, Entry, Json
from codex_py.core.errors import ModelError
from codex_py.core.request import Request
from codex_py.models.chat_body import Body, Quirks
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
        self._tried = {self.quirks}
        self._body = Body()

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
                if learned is None or learned in self._tried:
                    raise
                self._tried.add(learned)
                self.quirks = learned
                told = f"{error}; asking again in the shape it takes"
            yield Delta("retry", told)

    async def _once(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        began = time.monotonic()
        answer = Answer(
            {each.name for each in request.tools},
            place=len(request.input),
            opened=self.quirks.opened_thinking,
            in_text=self.quirks.tools == "text",
            where=self.door.base_url,
        )
        chunks = self.door.stream(
            "/chat/completions", self._body.build(request, self.quirks), _last
        )
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    for delta in answer.feed(chunk):
                        yield delta
            for delta in answer.end():
                yield delta
            seconds = round(time.monotonic() - began, 3)
            found = answer.entries(wire=WIRE, model=request.settings.model, seconds=seconds)
        except ModelError as error:
            error.usage = answer.usage
            raise
        if answer.opened:
            self.quirks = replace(self.quirks, opened_thinking=True)
        for entry in found:
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
    for words, found in _lessons(quirks, said):
        if found != quirks and any(each in said for each in words):
            return found
    return None


def _lessons(quirks: Quirks, said: str) -> Iterator[tuple[tuple[str, ...], Quirks]]:
    """Words of refusals, the more telling ones first, each with what it teaches."""
    yield FORMATS, replace(quirks, formats=False)
    yield ("single tool-call", "one tool call at a time"), replace(quirks, single=True)
    yield ("after role 'tool'", "last role user or tool"), replace(quirks, bridge=True)
    if "tool" in said and _refused(said, "tools", "tool use", "function call", "tool choice"):
        yield ("tool", "function call"), replace(quirks, tools="text")
    if quirks.system_role == "developer":
        yield ("developer",), replace(quirks, system_role="system")
    yield SYSTEMLESS, replace(quirks, system_role="user")
    yield ("parallel_tool_calls",), replace(quirks, parallel=False)
    yield ("stream_options",), replace(quirks, usage=False)
    yield ("reasoning_effort",), replace(quirks, efforts=False)
    yield ("prompt_cache_key", "verbosity", "service_tier"), replace(quirks, cache_key=False)
    yield ("temperature",), replace(quirks, temperature=False)
    if "max_tokens" in said:
        short = quirks.limit_name == "max_tokens"
        other = replace(quirks, limit_name="max_completion_tokens" if short else "max_tokens")
        yield ("max_completion_tokens",), other
    wanted = "" if quirks.replay == "reasoning_content" else "reasoning_content"
    yield ("reasoning_content",), replace(quirks, replay=wanted)


FORMATS = ("response_format", "json_schema", "json mode", "custom grammar", "response format")
SYSTEMLESS = (
    "system role not supported",
    "system role is not supported",
    "does not support system",
    "developer instruction is not enabled",
)


def _refused(said: str, *things: str) -> bool:
    refusals = ("not support", "unsupported", "does not allow", "not enabled", "requires --enable")
    return any(each in said for each in things) and any(each in said for each in refusals)
