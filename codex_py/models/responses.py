"""ResponsesClient: OpenAI's Responses API, and every server that speaks it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from codex_py.core.entries import Delta, Entry, Json
from codex_py.core.errors import ModelError
from codex_py.core.request import Request
from codex_py.models.door import Door
from codex_py.models.responses_body import Body, Quirks, origin
from codex_py.models.responses_stream import Answer, over


class ResponsesClient:
    """One model server behind `POST {base_url}/responses`; keeps ModelClient's contract.

    Nothing is stored by the provider (`store: false`): reasoning travels encrypted, in the
    entries' raw items, which go back word for word to the server and model they came from.
    The stream is read to its end, so that one connection serves a whole task. A server that
    refuses the shape of a request is asked again in the shape it takes; each quirk is learned
    once and kept for the client's life.
    """

    def __init__(self, door: Door, quirks: Quirks | None = None) -> None:
        self.door = door
        self._body = Body(door.base_url, quirks or Quirks())
        self._tried = {self._body.quirks}

    def body(self, request: Request) -> Json:
        """What would be sent for a request."""
        found: Json = json.loads(self._body.build(request))
        return found

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample: deltas as they come, its entries last."""
        while True:
            try:
                async with aclosing(self._once(request)) as events:
                    async for event in events:
                        yield event
                return
            except ModelError as error:
                learned = learn(self._body.quirks, str(error))
                if error.fault != "request" or learned is None or learned in self._tried:
                    raise
                self._tried.add(learned)
                self._body = Body(self.door.base_url, learned)
                told = f"{error}; asking again in the shape it takes"
            yield Delta("retry", told)

    async def _once(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        began = time.monotonic()
        model = request.settings.model
        limit = request.settings.max_output_tokens
        answer = Answer(self.door.base_url, model, place=len(request.input), limit=limit)
        events = self.door.stream("/responses", self._body.build(request), over)
        try:
            async with aclosing(events):
                async for event in events:
                    for delta in self._heard(answer, event):
                        yield delta
            seconds = time.monotonic() - began
            found = answer.entries(origin(self.door.base_url, model), seconds)
        except ModelError as error:
            error.usage = answer.usage
            raise
        for entry in found:
            yield entry

    def _heard(self, answer: Answer, event: Json) -> list[Delta]:
        try:
            return list(answer.feed(event))
        except ModelError as error:
            raise self.door.clean(error) from None

    async def close(self) -> None:
        """Let go of the connection."""
        await self.door.close()


def learn(quirks: Quirks, refusal: str) -> Quirks | None:
    """Pure: quirks that a server's refusal tells of; None when it tells nothing new."""
    said = refusal.lower()
    for words, found in (
        (("reasoning summaries", "reasoning.summary"), replace(quirks, summaries=False)),
        (("verified to stream", "unsupported value: 'stream'"), replace(quirks, stream=False)),
        (("encrypted content", "encrypted_content"), replace(quirks, encrypted=False)),
        (("prompt_cache_key", "parameter: 'store'"), replace(quirks, hosted=False)),
        (("custom tool", "'custom'"), replace(quirks, custom=False)),
        (("'strict'", "strict mode", ".strict"), replace(quirks, strict=False)),
    ):
        if found != quirks and any(each in said for each in words):
            return found
    return None
