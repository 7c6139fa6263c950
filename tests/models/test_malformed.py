"""Streams gone wrong in every way: a whole sample or one clear error, never anything else."""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codex_py.core.chain import chained
from codex_py.core.codec import plain, revive
from codex_py.core.entries import Delta, Entry, Sampled, Text, ToolCall, ToolResult, User, stamped
from codex_py.core.errors import ModelError
from codex_py.core.request import project
from codex_py.models.chat import ChatClient
from codex_py.models.chat_body import Quirks, body
from codex_py.models.door import Door, Timeouts
from codex_py.models.responses import ResponsesClient
from codex_py.models.responses_body import Body
from tests import wires
from tests.models.contract import request
from tests.server import Server
from tests.turns import call, custom, fault, raw, reasoning, style, text

Json = dict[str, Any]
KEY = "sk-proj-0123456789abcdef"
QUICK = Timeouts(connect=5, idle=1, end=0.05)
TURN = [
    reasoning("hm"),
    text("Ünï ✓."),
    call("shell", {"command": "true"}),
    custom("apply_patch", "*** Begin Patch"),
    call("shell", {"command": "ls"}, ""),
]
TOLD = {"model": "m", "usage": {"input": 5, "cached": 1, "output": 2, "reasoning": 1}, "style": []}
WELL: dict[str, list[Json]] = {
    "responses": list(wires.responses(TURN, 0, TOLD, {})),
    "chat": list(wires.chat(TURN, 0, TOLD, {"stream_options": {"include_usage": True}})),
}
CLIENTS: dict[str, Any] = {"responses": ResponsesClient, "chat": ChatClient}

Odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 10**20)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["{}", '{"a": 1}', "{", "[", "\ud800", "\x00\x1b[2J", "<think>", "</think>", "```json\n{"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "call_id", "text", "name", "arguments", "index", "url", "message", "code", "item", "content", "summary"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside some JSON."""
    found = [path]
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in inner:
        found += places(each, (*path, key))
    return found


@st.composite
def gone_wrong(draw: st.DrawFn, wire: str) -> list[Any]:
    """A good stream with a few things wrong: lost, doubled, swapped, torn or replaced."""
    events: list[Any] = deepcopy(WELL[wire])
    for _ in range(draw(st.integers(1, 5))):
        if not events:
            break
        at = draw(st.integers(0, len(events) - 1))
        how = draw(
            st.sampled_from(
                ["lose", "double", "swap", "tear", "value", "value", "value", "key", "line", "end"]
            )
        )
        if how == "lose":
            del events[at]
        elif how == "double":
            events.insert(draw(st.integers(0, len(events))), deepcopy(events[at]))
        elif how == "swap":
            other = draw(st.integers(0, len(events) - 1))
            events[at], events[other] = events[other], events[at]
        elif how == "end":
            del events[at:]
        elif how == "line":
            events.insert(
                at,
                draw(
                    st.text(max_size=30)
                    | st.sampled_from(["[DONE]", "null", "[]", "1", "data: {}", "a\n\nb"])
                ),
            )
        elif isinstance(events[at], dict):
            if how == "tear":
                whole = json.dumps(events[at])
                events[at] = whole[: draw(st.integers(0, len(whole)))]
                continue
            path = draw(st.sampled_from([each for each in places(events[at]) if each] or [("x",)]))
            holder = events[at]
            for key in path[:-1]:
                holder = holder[key]
            if how == "key":
                del holder[path[-1]]
            else:
                holder[path[-1]] = draw(Odd)
    return [json.dumps(each) if isinstance(each, dict) else each for each in events]


async def sample(client: Any) -> tuple[list[Delta | Entry], ModelError | None]:
    heard: list[Delta | Entry] = []
    try:
        async for event in client.stream(request(reasoning=True, freeform=True)):
            heard.append(event)
    except ModelError as error:
        return heard, error
    return heard, None


def judge(wire: str, heard: list[Delta | Entry], error: ModelError | None) -> None:
    """All or nothing; and a whole sample can be logged, read again and sent back."""
    made = [each for each in heard if isinstance(each, Entry)]
    if error is not None:
        assert made == []
        assert str(error) and str(error).isprintable() and len(str(error)) < 700
        assert KEY not in str(error)
        return
    assert heard[-len(made) :] == made, "entries come last"
    assert [isinstance(each, Sampled) for each in made] == [False] * (len(made) - 1) + [True]
    calls = [each for each in made if isinstance(each, ToolCall)]
    ids = [each.call_id for each in calls]
    assert all(ids) and len(set(ids)) == len(ids)
    assert all(isinstance(each.arguments, str) and isinstance(each.name, str) for each in calls)
    log = [
        stamped(each, place, 1.0) for place, each in enumerate([User(parts=(Text("hi"),)), *made])
    ]
    kept = [revive(json.loads(chained(plain(each), "")[0])) for each in log]
    assert [each.kind for each in kept] == [each.kind for each in log]
    results = [ToolResult(n=99, call_id=each, ok=True, parts=(Text("out"),)) for each in ids]
    asked = request(*project([*kept, *results]), reasoning=True, freeform=True)
    json.loads(Body("https://elsewhere/v1").build(asked))
    json.dumps(body(asked, Quirks(replay="reasoning_content")))


@pytest.mark.parametrize("wire", CLIENTS)
def test_a_stream_gone_wrong_is_a_whole_sample_or_one_clear_error(wire: str) -> None:
    with Server([text("x")], loop=True, keep=False) as server, asyncio.Runner() as runner:
        client = CLIENTS[wire](Door(server.url, KEY, timeouts=QUICK))

        @given(
            events=gone_wrong(wire),
            after=st.sampled_from([None, None, None, "reset", "cut", "garbage", "latin"]),
            look=st.sampled_from([(), (), ("noise",), ("pieces",)]),
        )
        @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
        def one(events: list[Any], after: str | None, look: tuple[str, ...]) -> None:
            if after and wire == "responses":
                server.turns = [[raw(*events), fault(after), style(*look)]]
            else:
                server.turns = [[raw(*events), style(*look)]]
            heard, error = runner.run(sample(client))
            judge(wire, heard, error)

        one()
        server.turns = [text("fine")]
        heard, error = runner.run(sample(client))
        assert error is None and len(heard) > 2
        runner.run(client.close())
