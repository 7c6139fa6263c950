"""Retrying: passing failures are waited out, the others and the last are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from codex_py.core.client import ModelClient
from codex_py.core.entries import Delta, Entry
from codex_py.core.errors import ModelError
from codex_py.core.request import Request
from codex_py.models.faults import Unreachable
from codex_py.models.retrying import PATIENCE, Retrying, backoff
from codex_py.models.scripted import Scripted
from tests.models import contract
from tests.models.contract import entries, failure, heard, request, said


class Slept:
    """Notes waits instead of waiting."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def fails(fault: str = "server", after: float | None = None, *, retry: bool = True) -> Any:
    return [{"text": "half"}, {"error": "it broke", "fault": fault, "retry": retry, "after": after}]


@asynccontextmanager
async def play(turns: Sequence[contract.Turn]) -> AsyncIterator[ModelClient]:
    yield Retrying(Scripted(turns))


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Any) -> None:
    contract.run(check, play)


def test_a_passing_failure_is_told_and_tried_again() -> None:
    slept, model = Slept(), Scripted([fails(), fails(), "whole"])
    events = asyncio.run(heard(Retrying(model, 5, slept), request()))
    told = [each.text for each in events if isinstance(each, Delta) and each.of == "retry"]
    assert [text.partition("; ")[0] for text in told] == ["it broke", "it broke"]
    assert [text[-8:] for text in told] == ["(1 of 5)", "(2 of 5)"]
    assert said(events, "text") == "halfhalfwhole"
    assert len(entries(events)) == 2
    assert model.requests[0] == model.requests[2]
    assert 0.18 <= slept.waits[0] <= 0.22
    assert 0.36 <= slept.waits[1] <= 0.44


def test_the_last_failure_is_told_with_the_number_of_tries() -> None:
    slept = Slept()
    error, events = asyncio.run(failure(Retrying(Scripted([fails()] * 9), 3, slept), request()))
    assert str(error) == "it broke (tried 4 times)"
    assert len(slept.waits) == 3
    assert entries(events) == []


def test_a_lasting_failure_is_not_tried_again() -> None:
    slept, model = Slept(), Scripted([fails("auth", retry=False), "never"])
    error, _ = asyncio.run(failure(Retrying(model, 5, slept), request()))
    assert (str(error), error.fault, slept.waits, model.left) == ("it broke", "auth", [], 1)


def test_the_server_is_given_the_time_it_asks_for() -> None:
    slept = Slept()
    asyncio.run(heard(Retrying(Scripted([fails("rate", 7), "ok"]), 5, slept), request()))
    assert slept.waits == [7]


def test_a_rate_limit_without_a_time_is_given_seconds() -> None:
    slept = Slept()
    asyncio.run(
        heard(Retrying(Scripted([fails("rate"), fails("rate"), "ok"]), 5, slept), request())
    )
    assert slept.waits == [2, 4]


def test_a_server_that_asks_for_too_long_is_not_waited_for() -> None:
    slept, model = Slept(), Scripted([fails("rate", PATIENCE + 1), "never"])
    error, _ = asyncio.run(failure(Retrying(model, 5, slept), request()))
    assert (slept.waits, model.left) == ([], 1)
    assert "121 s" in str(error)


class Closed:
    """A model whose server does not run."""

    def __init__(self) -> None:
        self.asked = 0

    async def stream(self, request: Request) -> AsyncIterator[Delta | Entry]:
        self.asked += 1
        raise Unreachable("nobody answers")
        yield

    async def close(self) -> None:
        pass


def test_where_nobody_listens_there_are_few_quick_tries() -> None:
    slept, model = Slept(), Closed()
    asyncio.run(failure(Retrying(model, 5, slept), request()))
    assert model.asked == 3
    assert sum(slept.waits) < 1


def test_cancelling_ends_a_wait_at_once() -> None:
    async def main() -> None:
        waiting = asyncio.Event()

        async def forever(seconds: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        model = Scripted([fails(), "never"])
        task = asyncio.create_task(heard(Retrying(model, 5, forever), request()))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert model.left == 1

    asyncio.run(main())


def test_an_error_that_is_a_bug_travels_through() -> None:
    class Broken(Closed):
        async def stream(self, request: Request) -> AsyncIterator[Delta | Entry]:
            raise ZeroDivisionError
            yield

    with pytest.raises(ZeroDivisionError):
        asyncio.run(heard(Retrying(Broken(), 5, Slept()), request()))


def test_waits_grow_and_end_growing() -> None:
    waits = [backoff(attempt) for attempt in range(12)]
    assert waits[0] < waits[2] < waits[4] < waits[6] <= 22
    assert max(waits) <= 22


def test_a_failure_keeps_what_it_is_about() -> None:
    error, _ = asyncio.run(
        failure(Retrying(Scripted([fails("rate", 1)] * 2), 1, Slept()), request())
    )
    assert isinstance(error, ModelError)
    assert (error.fault, error.after) == ("rate", 1)
