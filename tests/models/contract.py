"""What every model client must keep: run against each of them by the tests of their wires."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from codex_py.core.client import ModelClient
from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Reasoning,
    Sampled,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    User,
)
from codex_py.core.errors import ModelError
from codex_py.core.request import ModelSettings, Request, ToolSpec

SHELL = ToolSpec(
    "shell",
    "Run a command.",
    {
        "type": "object",
        "properties": {"command": {"type": "string"}},
        "required": ["command"],
        "additionalProperties": False,
    },
)

Turn = dict[str, Any] | list[dict[str, Any]]
Play = Callable[[Sequence[Turn]], AbstractAsyncContextManager[ModelClient]]
"""Makes a client whose model will say these turns: items in the format of scripts."""


def request(
    *entries: Entry, blob: Callable[[str], bytes] | None = None, **settings: Any
) -> Request:
    """A request with one tool; without entries the user says hi."""
    given = ModelSettings(**{"model": "test-model", **settings})
    log = entries or (User(n=0, parts=(Text("hi"),)),)
    return Request("Be brief.", log, (SHELL,), given, blob or (lambda name: b""))


async def heard(client: ModelClient, asked: Request) -> list[Delta | Entry]:
    """All that one sample yields."""
    return [event async for event in client.stream(asked)]


def entries(events: Sequence[Delta | Entry]) -> list[Entry]:
    """The entries among some events."""
    return [event for event in events if isinstance(event, Entry)]


def said(events: Sequence[Delta | Entry], of: str) -> str:
    """The deltas of one sort, joined."""
    return "".join(each.text for each in events if isinstance(each, Delta) and each.of == of)


async def failure(client: ModelClient, asked: Request) -> tuple[ModelError, list[Delta | Entry]]:
    """The error of a sample that must fail, and what it yielded before."""
    events: list[Delta | Entry] = []
    try:
        async for event in client.stream(asked):
            events.append(event)
    except ModelError as error:
        return error, events
    raise AssertionError(f"no ModelError; got {events}")


async def deltas_come_first_and_entries_last(play: Play) -> None:
    async with play([[{"reasoning": "Look."}, {"text": "Hello there."}]]) as client:
        events = await heard(client, request())
    kinds = [isinstance(event, Entry) for event in events]
    assert kinds == sorted(kinds)
    assert said(events, "text") == "Hello there."
    assert said(events, "reasoning") == "Look."
    thought, answer, sampled = entries(events)
    assert isinstance(thought, Reasoning)
    assert thought.summary == "Look."
    assert isinstance(answer, Assistant)
    assert answer.text == "Hello there."
    assert not answer.partial
    assert isinstance(sampled, Sampled)
    assert sampled.status == "completed"


async def calls_keep_their_order_and_have_ids_of_their_own(play: Play) -> None:
    items = [{"call": "shell", "arguments": {"command": f"true {n}"}, "id": "same"} for n in (1, 2)]
    async with play([items]) as client:
        events = await heard(client, request())
    first, second, _ = entries(events)
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.name, second.name) == ("shell", "shell")
    assert first.arguments == '{"command": "true 1"}'
    assert second.arguments == '{"command": "true 2"}'
    assert said(events, "arguments") == first.arguments + second.arguments


async def one_client_answers_many_requests(play: Play) -> None:
    async with play([{"text": f"answer {n}"} for n in range(3)]) as client:
        for n in range(3):
            assert said(await heard(client, request()), "text") == f"answer {n}"


async def text_outside_the_basic_plane_survives(play: Play) -> None:
    words = "naïve 日本語 👩‍👩‍👧 \u2028 \x00 end"
    async with play([{"text": words}]) as client:
        events = await heard(client, request(User(n=0, parts=(Text(words),))))
    assert said(events, "text") == words


async def leaving_early_leaves_the_client_usable(play: Play) -> None:
    async with play([{"text": "first answer"}, {"text": "second answer"}]) as client:
        stream: Any = client.stream(request())
        async with aclosing(stream):
            async for _ in stream:
                break
        assert said(await heard(client, request()), "text") == "second answer"


async def it_can_be_closed_twice(play: Play) -> None:
    async with play([{"text": "x"}]) as client:
        await heard(client, request())
        await client.close()
        await client.close()


async def a_failed_sample_yields_no_entry_and_harms_no_other(play: Play) -> None:
    broken = [
        {"text": "half"},
        {"call": "shell", "arguments": {"command": "true"}},
        {"error": "it broke", "fault": "server", "retry": False},
    ]
    async with play([broken, {"text": "whole"}]) as client:
        error, events = await failure(client, request())
        assert entries(events) == []
        assert said(events, "text") in ("half", "")  # a recording has only what was kept
        assert "it broke" in str(error)
        assert error.fault in ("server", "request")
        assert said(await heard(client, request()), "text") == "whole"


async def usage_is_as_it_was_told(play: Play) -> None:
    tokens = {"input": 1000, "cached": 900, "output": 30, "reasoning": 20}
    async with play([[{"text": "x"}, {"usage": tokens}]]) as client:
        events = await heard(client, request())
    assert [each.usage for each in events if isinstance(each, Sampled)] == [Usage(**tokens)]
    assert isinstance(events[-1], Sampled)


async def every_call_has_an_id(play: Play) -> None:
    items = [{"call": "shell", "arguments": "not json", "id": ""}] * 2
    async with play([items]) as client:
        made = [each for each in await heard(client, request()) if isinstance(each, ToolCall)]
    assert [each.arguments for each in made] == ["not json"] * 2
    ids = [each.call_id for each in made]
    assert all(ids) and len(set(ids)) == 2


async def words_before_a_call_come_before_it(play: Play) -> None:
    items = [{"text": "I look."}, {"call": "shell", "arguments": {"command": "ls"}}]
    async with play([items]) as client:
        found = entries(await heard(client, request()))
    assert [each.kind for each in found] == ["assistant", "tool_call", "sampled"]


async def requests_in_a_row_are_told_apart(play: Play) -> None:
    """Ids made up for one sample are not those of the next."""
    turn = [{"call": "shell", "arguments": {"command": "ls"}, "id": ""}]
    async with play([turn, turn]) as client:
        first = entries(await heard(client, request()))[0]
        assert isinstance(first, ToolCall)
        done = ToolResult(n=2, call_id=first.call_id, ok=True, parts=(Text("a"),))
        log = (User(n=0, parts=(Text("hi"),)), first, done)
        second = entries(await heard(client, request(*log)))[0]
    assert isinstance(second, ToolCall)
    assert second.call_id != first.call_id


def served(turns: Sequence[Turn]) -> list[list[dict[str, Any]]]:
    """Turns of scripts as the test server plays them: an error ends the stream."""
    listed = [[turn] if isinstance(turn, dict) else turn for turn in turns]
    return [[_served(item) for item in turn] for turn in listed]


def _served(item: dict[str, Any]) -> dict[str, Any]:
    if "error" not in item:
        return item
    return {"fault": "failed", "code": "server_error", "message": item["error"]}


CHECKS = (
    a_failed_sample_yields_no_entry_and_harms_no_other,
    usage_is_as_it_was_told,
    every_call_has_an_id,
    words_before_a_call_come_before_it,
    requests_in_a_row_are_told_apart,
    deltas_come_first_and_entries_last,
    calls_keep_their_order_and_have_ids_of_their_own,
    one_client_answers_many_requests,
    text_outside_the_basic_plane_survives,
    leaving_early_leaves_the_client_usable,
    it_can_be_closed_twice,
)


def run(check: Callable[[Play], Any], play: Play) -> None:
    """One check, in a loop of its own."""
    asyncio.run(check(play))
