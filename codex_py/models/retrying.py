"""Any model client, tried again when a failure may pass."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import cast

from codex_py.core.client import ModelClient
from codex_py.core.entries import Delta, Entry, Sampled, Spent, Usage, User
from codex_py.core.errors import ModelError
from codex_py.core.request import Request
from codex_py.dataclass import dataclass
from codex_py.models.faults import Away, Unreachable, spoken

FIRST = 0.2
"""Seconds before the first retry; doubled each time, up to LONGEST, give or take a tenth."""
LONGEST = 20.0
PATIENCE = 120.0
"""Seconds that a server may ask us to wait at once; more ends the sample with its reason."""
QUICK = 2
"""Retries when nobody listens at the address."""
REST = 2.0
"""Least seconds before a rate-limited request is tried again when no time was given."""
NEXT, RARE = 5.0, 60.0
"""Seconds between looks for a network that is gone: doubled from the first to the second."""


@dataclass(frozen=True, slots=True)
class Tries:
    """How often and how long to try again."""

    sample: int = 5
    """Retries of one sample."""
    turn: int = 30
    """Retries of all samples of one turn."""
    away: float = 600.0
    """Seconds that a network is waited for which was there and is gone."""


TRIES = Tries()


class Retrying:
    """Asks again after a failure marked `retry`, as often as `tries` allows.

    Patience: with 5 tries the waits add up to about 6 seconds; where a limit on the rate was met
    without a time told, to about 62; where the server tells times, to at most 5 x PATIENCE.
    Where nobody listens there are 2 tries in under a second. A server that had answered before
    and cannot be reached now is waited for as long as `tries.away`; such waits use up no tries.
    Each wait is told by one `retry` delta, which voids the deltas before it. Nothing has to be
    undone, as a failed sample yields no entry. Cancelling ends a wait at once. The sample that
    succeeds says in `Sampled.retries` how many requests failed before it; what they used, where a
    server told, comes before it as a `Spent` entry, or with the last failure.
    """

    def __init__(
        self,
        client: ModelClient,
        tries: Tries | int = TRIES,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._tries = Tries(tries) if isinstance(tries, int) else tries
        self._sleep = sleep
        self._turn = -1
        self._input: tuple[Entry, ...] = ()
        self._spent = 0
        self._answered = False

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample, tried again as often as allowed."""
        self._begin(request.input)
        attempt, pauses, waited, wasted = 0, 0, 0.0, Usage()
        while True:
            stream = cast(AsyncGenerator[Delta | Entry, None], self._client.stream(request))
            try:
                async with aclosing(stream) as events:
                    async for event in events:
                        self._answered = True
                        if isinstance(event, Sampled) and attempt + pauses:
                            event = replace(event, retries=attempt + pauses)
                            if wasted != Usage():
                                yield Spent(by="failed try", usage=wasted)
                        yield event
                return
            except ModelError as error:
                failure = error
                wasted = failure.usage = wasted + failure.usage
            away = isinstance(failure, Away)
            if away and self._answered and waited < self._tries.away:
                wait = min(RARE, NEXT * 2.0**pauses, self._tries.away - waited)
                told = f"waiting for the network: {failure}; trying again in {spoken(wait)}"
                pauses, waited = pauses + 1, waited + wait
            else:
                self._answered = self._answered or not away
                self._check(failure, attempt, attempt + pauses)
                stop = request.again(wasted, attempt + pauses + 1)
                if stop:
                    failure.fault, failure.args = "limit", (f"{stop}; the last try: {failure}",)
                    raise failure
                wait = _wait(failure, attempt)
                attempt, self._spent = attempt + 1, self._spent + 1
                told = f"{failure}; retrying in {spoken(wait)} ({self._place(failure, attempt)})"
            yield Delta("retry", told, wait=wait)
            await self._sleep(wait)

    def _begin(self, given: tuple[Entry, ...]) -> None:
        """Begin the turn's count anew when the user has spoken since the last sample."""
        held = len(self._input)
        goes_on = 0 < held <= len(given) and given[held - 1] is self._input[-1]
        for entry in given[held if goes_on else 0 :]:
            if isinstance(entry, User) and entry.n > self._turn:
                self._turn, self._spent = entry.n, 0
        self._input = given

    def _most(self, failure: ModelError) -> int:
        return min(self._tries.sample, QUICK if isinstance(failure, Unreachable) else 1000)

    def _check(self, failure: ModelError, attempt: int, failed: int) -> None:
        """Raise the failure when it is not to be tried again."""
        after = failure.after or 0.0
        ways = failure.retry and attempt < self._most(failure) and after <= PATIENCE
        if ways and self._spent < self._tries.turn:
            return
        if failure.retry and after > PATIENCE:
            told = f"{failure} (it asks to wait {spoken(after)}: try again then)"
        elif ways:
            told = f"{failure} (all {self._tries.turn} retries of this turn are used up)"
        elif failed:
            told = f"{failure} (tried {failed + 1} times)"
        else:
            raise failure
        failure.args = (told,)
        raise failure

    def _place(self, failure: ModelError, attempt: int) -> str:
        """Which retry this is: of the sample, and of the turn once they differ."""
        place = f"{attempt} of {self._most(failure)}"
        turn = f"; {self._spent} of {self._tries.turn} in this turn"
        return place + (turn if self._spent > attempt else "")

    async def close(self) -> None:
        """Close the client within."""
        await self._client.close()


def _wait(failure: ModelError, attempt: int) -> float:
    wait = backoff(attempt)
    if failure.after is not None:
        return max(wait, failure.after)
    return max(wait, REST * 2.0**attempt) if failure.fault == "rate" else wait


def backoff(attempt: int) -> float:
    """Seconds to wait after the failure number `attempt`, counted from 0."""
    return float(min(LONGEST, FIRST * 2.0**attempt)) * random.uniform(0.9, 1.1)
