"""Any model client, tried again when a failure may pass."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import cast

from codex_py.core.client import ModelClient
from codex_py.core.entries import Delta, Entry
from codex_py.core.errors import ModelError
from codex_py.core.request import Request

FIRST = 0.2
"""Seconds before the first retry; doubled each time, up to LONGEST, give or take a tenth."""
LONGEST = 20.0
PATIENCE = 120.0
"""Seconds that a server may ask us to wait; more ends the sample with its reason."""


class Retrying:
    """Asks again after a failure marked `retry`, up to `tries` more times.

    With the default of 5 the waits add up to about 6 seconds, or to what the server asks for.
    Each wait is told by one `retry` delta, which voids the deltas before it. Nothing has to be
    undone, as a failed sample yields no entry.
    """

    def __init__(
        self,
        client: ModelClient,
        tries: int = 5,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._tries = tries
        self._sleep = sleep

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample, tried again as often as allowed."""
        for attempt in range(self._tries + 1):
            stream = cast(AsyncGenerator[Delta | Entry, None], self._client.stream(request))
            try:
                async with aclosing(stream) as events:
                    async for event in events:
                        yield event
                return
            except ModelError as error:
                after = error.after or 0.0
                if not error.retry or attempt == self._tries or after > PATIENCE:
                    raise self._final(error, attempt, after) from None
                wait = max(after, backoff(attempt))
                yield Delta(
                    "retry", f"{error}; trying again in {wait:.1f} s ({attempt + 1} of {self._tries})"
                )
            await self._sleep(wait)

    def _final(self, error: ModelError, attempt: int, after: float) -> ModelError:
        told = str(error)
        if error.retry and after > PATIENCE:
            told += f" (it asks to wait {after:.0f} s; try again then)"
        elif attempt:
            told += f" (tried {attempt + 1} times)"
        return ModelError(told, fault=error.fault, after=error.after)

    async def close(self) -> None:
        """Close the client within."""
        await self._client.close()


def backoff(attempt: int) -> float:
    """Seconds to wait after the failure number `attempt`, counted from 0."""
    return float(min(LONGEST, FIRST * 2.0**attempt)) * random.uniform(0.9, 1.1)
