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
from codex_py.models.faults import Unreachable

FIRST = 0.2
"""Seconds before the first retry; doubled each time, up to LONGEST, give or take a tenth."""
LONGEST = 20.0
PATIENCE = 120.0
"""Seconds that a server may ask us to wait at once; more ends the sample with its reason."""
QUICK = 2
"""Retries when nobody listens at the address."""
REST = 2.0
"""Least seconds before a rate-limited request is tried again when no time was given."""


class Retrying:
    """Asks again after a failure marked `retry`, up to `tries` more times.

    Patience: with the default of 5 tries the waits add up to about 6 seconds; where a limit on
    the rate was met without a time told, to about 62; where the server tells times, to at most
    5 x PATIENCE. Where nobody listens there are 2 tries in under a second. Each wait is told by
    one `retry` delta, which voids the deltas before it. Nothing has to be undone, as a failed
    sample yields no entry. Cancelling ends a wait at once.
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
        attempt = 0
        while True:
            stream = cast(AsyncGenerator[Delta | Entry, None], self._client.stream(request))
            try:
                async with aclosing(stream) as events:
                    async for event in events:
                        yield event
                return
            except ModelError as error:
                failure = error
            tries = min(self._tries, QUICK) if isinstance(failure, Unreachable) else self._tries
            if not failure.retry or attempt >= tries or (failure.after or 0.0) > PATIENCE:
                raise _final(failure, attempt)
            wait = _wait(failure, attempt)
            attempt += 1
            told = f"{failure}; retrying in {_spoken(wait)} ({attempt} of {tries})"
            yield Delta("retry", told)
            await self._sleep(wait)

    async def close(self) -> None:
        """Close the client within."""
        await self._client.close()


def _wait(failure: ModelError, attempt: int) -> float:
    wait = backoff(attempt)
    if failure.after is not None:
        return max(wait, failure.after)
    return max(wait, REST * 2.0**attempt) if failure.fault == "rate" else wait


def _final(failure: ModelError, attempt: int) -> ModelError:
    after = failure.after or 0.0
    if failure.retry and after > PATIENCE:
        told = f"{failure} (it asks to wait {_spoken(after)}: try again then)"
    elif attempt:
        told = f"{failure} (tried {attempt + 1} times)"
    else:
        return failure
    failure.args = (told,)
    return failure


def _spoken(seconds: float) -> str:
    if seconds >= 600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def backoff(attempt: int) -> float:
    """Seconds to wait after the failure number `attempt`, counted from 0."""
    return float(min(LONGEST, FIRST * 2.0**attempt)) * random.uniform(0.9, 1.1)
