"""ResponsesClient: OpenAI's Responses API, and servers that speak it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from codex_py.core.entries import Delta, Entry, Json
from codex_py.core.request import Request
from codex_py.models.chat_door import Door
from codex_py.models.responses_body import Encoder
from codex_py.models.responses_stream import Answer


class ResponsesClient:
    """One server behind `POST {base_url}/responses`; keeps ModelClient's contract.

    The server stores nothing for us: each request carries the whole input, reasoning encrypted.
    The stream is read to its end, so that one connection serves a whole task.
    """

    def __init__(self, door: Door, *, reasoning: bool = True) -> None:
        self.door = door
        self._encoder = Encoder(reasoning=reasoning)

    def body(self, request: Request) -> Json:
        """What would be sent for a request."""
        return self._encoder.body(request)

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample: deltas as they come, its entries last."""
        began = time.monotonic()
        answer = Answer(self.door.base_url, len(request.input))
        events = self.door.stream("/responses", self.body(request))
        async with aclosing(events):
            async for event in events:
                for delta in answer.feed(event):
                    yield delta
        seconds = round(time.monotonic() - began, 3)
        for entry in answer.entries(model=request.settings.model, seconds=seconds):
            yield entry

    async def close(self) -> None:
        """Let go of the connection."""
        await self.door.close()
