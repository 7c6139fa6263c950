"""ResponsesClient against a real server on loopback: what is sent, what is heard."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_py.core.client import ModelClient
from codex_py.core.codec import plain, revive
from codex_py.core.entries import (
    Assistant,
    Context,
    Delta,
    Entry,
    Image,
    Reasoning,
    Sampled,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    User,
    stamped,
)
from codex_py.core.errors import ModelError
from codex_py.core.request import ModelSettings, Request, ToolSpec
from codex_py.models.door import Door, Timeouts
from codex_py.models.responses import ResponsesClient
from codex_py.models.responses_body import Body, Quirks
from codex_py.models.responses_stream import Answer
from tests.models import contract
from tests.models.contract import SHELL, entries, heard, request, said
from tests.server import Server
from tests.turns import (
    call,
    custom,
    ended,
    fault,
    gate,
    raw,
    reasoning,
    refuse,
    style,
    text,
    usage,
)

KEY = "sk-proj-0123456789abcdef"
QUICK = Timeouts(connect=2, idle=2, end=0.1)


def client(server: Server, quirks: Quirks | None = None) -> ResponsesClient:
    return ResponsesClient(Door(server.url, KEY, timeouts=QUICK), quirks)


@asynccontextmanager
async def play(turns: Sequence[contract.Turn]) -> AsyncIterator[ModelClient]:
    with Server(contract.served(turns)) as server:
        made = client(server)
        yield made
        await made.close()


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Any) -> None:
    contract.run(check, play)


def once(turn: Any, asked: Request | None = None) -> list[Delta | Entry]:
    """One sample's events."""

    async def main() -> list[Delta | Entry]:
        async with play([turn]) as model:
            return await heard(model, asked or request())

    return asyncio.run(main())


def body_of(asked: Request, quirks: Quirks | None = None) -> Any:
    return json.loads(Body("https://here/v1", quirks or Quirks()).build(asked))


def items_of(*log: Entry, quirks: Quirks | None = None, **settings: Any) -> Any:
    return body_of(request(*log, **settings), quirks)["input"]


def logged(events: Sequence[Delta | Entry], start: int) -> list[Entry]:
    """The entries as a session would keep them."""
    kept = [each for each in entries(events) if not isinstance(each, Sampled)]
    return [stamped(each, start + place, 1.0) for place, each in enumerate(kept)]


def done(asked: Entry, output: str, n: int) -> ToolResult:
    assert isinstance(asked, ToolCall)
    return ToolResult(n=n, call_id=asked.call_id, ok=True, parts=(Text(output),))


def test_a_request_carries_all_settings_and_stores_nothing() -> None:
    asked = request(
        effort="high", summary="auto", verbosity="low", service_tier="flex", cache_key="s1",
        max_output_tokens=99, parallel=False, reasoning=True,
    )  # fmt: skip
    body = body_of(asked)
    assert body.pop("input") == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    ]
    assert body.pop("tools")[0] == {
        "type": "function", "name": "shell", "description": "Run a command.",
        "parameters": SHELL.schema, "strict": True,
    }  # fmt: skip
    assert body == {
        "model": "test-model", "instructions": "Be brief.", "stream": True, "store": False,
        "parallel_tool_calls": False, "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "high", "summary": "auto"}, "text": {"verbosity": "low"},
        "service_tier": "flex", "prompt_cache_key": "s1", "max_output_tokens": 99,
    }  # fmt: skip


def test_a_model_that_does_not_reason_is_not_asked_to() -> None:
    body = body_of(request(summary="auto"))
    assert not {"include", "reasoning", "text", "max_output_tokens", "temperature"} & set(body)


def test_what_the_server_reads_is_what_body_shows() -> None:
    async def main() -> None:
        with Server([text("x")]) as server:
            model = client(server)
            asked = request(User(n=0, parts=(Text("naïve 日本 \ud800"),)), effort="low")
            await heard(model, asked)
            await model.close()
            assert server.posts() == [model.body(asked)]
            assert server.requests[0].path == "/v1/responses"
            assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
            assert server.requests[0].headers["content-type"] == "application/json"

    asyncio.run(main())


def test_a_freeform_tool_goes_with_its_grammar_to_models_that_take_it() -> None:
    patch = ToolSpec("apply_patch", "Edit.", {"type": "object"}, grammar='start: "x"')

    def tools(freeform: bool) -> Any:
        settings = ModelSettings("m", freeform=freeform)
        return body_of(Request("i", (), (patch,), settings, lambda name: b""))["tools"][0]

    assert tools(True) == {
        "type": "custom", "name": "apply_patch", "description": "Edit.",
        "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "x"'},
    }  # fmt: skip
    assert tools(False)["type"] == "function"


def test_a_freeform_call_and_its_result_travel_as_custom_items() -> None:
    events = once([custom("apply_patch", "*** Begin Patch\n")], request(freeform=True))
    made = logged(events, 1)[0]
    assert isinstance(made, ToolCall)
    assert (made.freeform, made.arguments) == (True, "*** Begin Patch\n")
    log = (User(n=0, parts=(Text("hi"),)), made, done(made, "ok", 2))
    assert [each["type"] for each in items_of(*log, freeform=True)[1:]] == [
        "custom_tool_call", "custom_tool_call_output",
    ]  # fmt: skip
    plain = items_of(*log, freeform=False)[1:]
    assert [each["type"] for each in plain] == ["function_call", "function_call_output"]
    assert json.loads(plain[0]["arguments"]) == {"input": "*** Begin Patch\n"}


def test_pictures_travel_as_data_urls_in_messages_and_results() -> None:
    picture = Image("b10b", "image/png", "shot.png", detail="high")
    user = User(n=0, parts=(Text("look"), picture))
    result = ToolResult(n=2, call_id="c", ok=True, parts=(Text("a picture"), picture))
    asked = request(
        user, ToolCall(n=1, call_id="c", name="view_image", arguments="{}"), result,
        blob=lambda name: name.encode(),
    )  # fmt: skip
    shown = {"type": "input_image", "image_url": "data:image/png;base64,YjEwYg==", "detail": "high"}
    sent = body_of(asked)["input"]
    assert sent[0]["content"][1] == shown
    assert sent[2]["output"] == [{"type": "input_text", "text": "a picture"}, shown]
    plain = body_of(asked, Quirks(picture_results=False))["input"]
    assert plain[2]["output"] == "a picture"
    assert plain[3] == {"type": "message", "role": "user", "content": [shown]}
    blind = json.dumps(body_of(asked, Quirks(pictures=False)))
    assert "input_image" not in blind
    assert "shot.png: you cannot be shown pictures" in blind


def test_a_lost_picture_is_told_and_not_fatal() -> None:
    def gone(name: str) -> bytes:
        raise FileNotFoundError(name)

    asked = request(User(n=0, parts=(Image("b", "image/png", "x.png"),)), blob=gone)
    assert "x.png: the picture is lost" in json.dumps(body_of(asked))


def test_facts_no_user_typed_are_wrapped_in_their_name() -> None:
    sent = items_of(Context(n=0, name="environment", text="cwd /x"))
    assert sent[0]["content"][0]["text"] == "<environment>\ncwd /x\n</environment>"


def test_items_go_back_word_for_word_to_the_server_and_model_they_came_from() -> None:
    async def main() -> None:
        turns = [[reasoning("hm", "c2VjcmV0"), text("ok"), call("shell", {"command": "true"})]]
        with Server([*turns, text("done"), text("done")]) as server:
            model, user = client(server), User(n=0, parts=(Text("hi"),))
            first = logged(await heard(model, request(user, reasoning=True)), 1)
            log = (user, *first, done(first[-1], "fine", 9))
            await heard(model, request(*log, reasoning=True))
            await heard(model, request(*log, model="other", reasoning=True))
            await model.close()
            same, other = (each["input"][1:] for each in server.posts()[1:])
        assert same[:3] == [
            {"type": "reasoning", "id": "rs_0_0", "encrypted_content": "c2VjcmV0",
             "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "id": "msg_0_1", "status": "completed", "role": "assistant",
             "content": [{"type": "output_text", "text": "ok", "annotations": []}]},
            {"type": "function_call", "id": "fc_0_2", "status": "completed",
             "call_id": "call_0_2", "name": "shell", "arguments": '{"command": "true"}'},
        ]  # fmt: skip
        assert [each["type"] for each in other] == [
            "message",
            "function_call",
            "function_call_output",
        ]
        assert not any("id" in each for each in other)

    asyncio.run(main())


def test_reasoning_of_another_wire_is_left_out_and_its_followers_name_no_ids() -> None:
    foreign = {"reasoning_content": "hm"}
    bare = {"type": "reasoning", "id": "rs_1", "summary": [], "_from": "https://here/v1 test-model"}
    called = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "shell",
              "arguments": "{}", "_from": "https://here/v1 test-model"}  # fmt: skip
    sent = items_of(
        Reasoning(n=0, summary="hm", raw=foreign),
        Reasoning(n=1, summary="", raw=bare),
        ToolCall(n=2, call_id="c", name="shell", arguments="{}", raw=called),
    )
    assert sent == [{"type": "function_call", "call_id": "c", "name": "shell", "arguments": "{}"}]


def test_each_body_begins_with_the_one_before_it_on_one_connection() -> None:
    async def main() -> None:
        steps = [[reasoning("hm"), call("shell", {"command": f"true {n}"})] for n in range(12)]
        with Server([*steps, text("done")]) as server:
            model = client(server)
            log: list[Entry] = [User(n=0, parts=(Text("hi"),))]
            for step in range(13):
                made = logged(await heard(model, request(*log, reasoning=True)), len(log))
                log += [*made, done(made[-1], f"out {step}", 0)] if step < 12 else []
            await model.close()
            assert server.connections == 1
            bodies = [each.raw for each in server.requests]
            for shorter, longer in itertools.pairwise(bodies):
                assert longer.startswith(shorter.removesuffix(b"]}"))
                assert len(longer) > len(shorter)
            assert Body(server.url).build(request(*log, reasoning=True)) == bodies[-1]

    asyncio.run(main())


def test_a_changed_past_or_setting_is_built_anew() -> None:
    builder = Body("https://here/v1")
    one, two = User(n=0, parts=(Text("one"),)), User(n=1, parts=(Text("two"),))
    for asked in (
        request(one, two), request(one), request(two, one), request(two, one, effort="low"),
        request(one, two, model="other"), request(),
    ):  # fmt: skip
        assert builder.build(asked) == Body("https://here/v1").build(asked)


def test_usage_model_and_status_are_as_the_provider_told_them() -> None:
    events = once([text("x"), usage(input=100, cached=60, output=9, reasoning=4)])
    sampled = entries(events)[-1]
    assert isinstance(sampled, Sampled)
    assert sampled.usage == Usage(input=100, cached=60, output=9, reasoning=4)
    assert (sampled.model, sampled.wire, sampled.status) == ("test-model", "responses", "completed")


def test_deltas_come_before_the_answer_is_over() -> None:
    async def main() -> None:
        with Server([[text("early"), gate(), text("late")]]) as server:
            model = client(server)
            stream = model.stream(request())
            async with aclosing(stream):
                got = ""
                while got != "early":
                    event = await anext(stream)
                    assert isinstance(event, Delta)
                    got += event.text
                server.gate.set()
                rest = [event async for event in stream]
            assert said(rest, "text") == "late"
            await model.close()

    asyncio.run(main())


def test_cancelling_ends_a_stream_at_once_and_the_client_goes_on() -> None:
    async def main() -> None:
        with Server([[text("early"), gate()], text("again")]) as server:
            model = client(server)
            task = asyncio.create_task(heard(model, request()))
            assert await asyncio.to_thread(server.reached.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert said(await heard(model, request()), "text") == "again"
            await model.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "look", ["bare", "hollow", "lump", "late", "noise", "pieces", "apart"], ids=str
)
def test_every_look_of_a_stream_gives_the_same_entries(look: str) -> None:
    turn = [
        reasoning("hé"),
        text("日本 wörds"),
        call("shell", {"command": "ls"}),
        call("shell", "{"),
    ]
    plain = [_bare(each) for each in entries(once(turn))]
    assert [_bare(each) for each in entries(once([*turn, style(look)]))] == plain
    mixed = style(look, "noise", "pieces", "bare", "late")
    assert [_bare(each) for each in entries(once([*turn, mixed]))] == plain


def _bare(entry: Entry) -> tuple[Any, ...]:
    names = ("summary", "text", "name", "arguments", "call_id", "freeform", "usage", "status")
    return (entry.kind, *(getattr(entry, name, None) for name in names))


def test_reasoning_parts_are_set_apart() -> None:
    events = [
        {"type": "response.reasoning_summary_text.delta", "item_id": "r", "delta": "one"},
        {"type": "response.reasoning_summary_part.added", "item_id": "r", "summary_index": 1},
        {"type": "response.reasoning_summary_text.delta", "item_id": "r", "delta": "two"},
    ]
    told = once([raw(*events), raw(_completed({"type": "message", "content": "x"}))])
    assert said(told, "reasoning") == "one\n\ntwo"


def _completed(*output: Any, **more: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"output": list(output), **more}}


def test_items_that_were_never_closed_are_filled_from_their_deltas() -> None:
    added = {"type": "response.output_item.added"}
    shell = {"type": "function_call", "id": "f", "call_id": "c", "name": "shell", "arguments": ""}
    events = once(
        [
            raw(
                {**added, "item": {"type": "message", "id": "m", "content": []}},
                {**added, "item": shell},
                {"type": "response.function_call_arguments.delta", "item_id": "f", "delta": "{}"},
                {"type": "response.output_text.delta", "item_id": "m", "delta": "words"},
                _completed(),
            )
        ]
    )
    message, made, _ = entries(events)
    assert isinstance(message, Assistant)
    assert message.text == "words"
    assert isinstance(made, ToolCall)
    assert (made.call_id, made.name, made.arguments) == ("c", "shell", "{}")
    assert [d.name for d in events if isinstance(d, Delta) and d.of == "arguments"] == ["shell"]


def test_missing_and_repeated_call_ids_are_repaired_in_the_raw_items_too() -> None:
    calls = [{"type": "function_call", "name": "shell", "arguments": {"command": "ls"}}]
    calls += [{"type": "function_call", "call_id": "x", "name": "shell", "arguments": ""}] * 2
    found = entries(once([raw(_completed(*calls))]))[:-1]
    ids = [each.call_id for each in found if isinstance(each, ToolCall)]
    assert len(set(ids)) == 3
    assert all(ids)
    assert ids[1:] == ["x", "x-2"]
    sent = items_of(*found)
    assert [each["call_id"] for each in sent] == ids
    assert sent[0]["arguments"] == '{"command": "ls"}'


def test_encrypted_reasoning_that_only_the_stream_brought_is_kept() -> None:
    item = {"type": "reasoning", "id": "r", "summary": []}
    sealed = {"type": "response.output_item.done", "item": {**item, "encrypted_content": "abc"}}
    events = once([raw(sealed, _completed(item, {"type": "message", "content": "x"}))])
    thought = entries(events)[0]
    assert isinstance(thought, Reasoning)
    assert thought.raw is not None
    assert thought.raw["encrypted_content"] == "abc"


def test_a_server_that_does_not_stream_is_understood() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "whole"}]}
    events = once(fault("whole", body={"object": "response", "output": [message]}))
    answer = entries(events)[0]
    assert isinstance(answer, Assistant)
    assert answer.text == "whole"


def test_an_answer_cut_short_says_why() -> None:
    sampled = entries(once([text("half"), ended("max_output_tokens")]))[-1]
    assert isinstance(sampled, Sampled)
    assert sampled.status == "max_output_tokens"


def test_a_call_that_was_cut_short_is_never_made() -> None:
    cut = {"type": "custom_tool_call", "id": "t", "call_id": "c", "name": "apply_patch",
           "status": "incomplete", "input": "*** Begin Patch\n*** Delete"}  # fmt: skip
    said_first = {"type": "message", "content": "I will"}
    thought = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x"}
    details = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    end = {**_completed(said_first, thought, cut, **details), "type": "response.incomplete"}
    found = entries(once([raw(end)]))
    assert [each.kind for each in found] == ["assistant", "sampled"]


Anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = [
    "response.output_item.added", "response.output_item.done", "response.output_text.delta",
    "response.function_call_arguments.delta", "response.completed", "response.incomplete",
    "response.reasoning_summary_part.added", "response.failed", "error", "response.odd",
]  # fmt: skip
Item = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "reasoning", "function_call", "custom_tool_call", 7])},
    optional=dict.fromkeys(
        ("id", "call_id", "name", "arguments", "input", "content", "summary", "status"), Anything
    ),
)
Event = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS) | Anything},
    optional={
        "item_id": Anything, "output_index": Anything, "delta": Anything, "item": Item | Anything,
        "error": Anything, "code": Anything, "message": Anything, "object": st.just("response"),
        "response": Anything
        | st.fixed_dictionaries({}, optional={
            "output": st.lists(Item | Anything, max_size=3) | Anything, "usage": Anything,
            "status": Anything, "incomplete_details": Anything, "model": Anything, "error": Anything,
        }),
    },
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(Event, max_size=6))
def test_whatever_a_server_sends_gives_entries_or_a_model_error(events: list[Any]) -> None:
    answer = Answer("https://here/v1", "m")
    try:
        for event in events:
            for delta in answer.feed(event):
                assert isinstance(delta.text, str)
        found = answer.entries("here m", 0.1)
    except ModelError:
        return
    ids = [each.call_id for each in found if isinstance(each, ToolCall)]
    assert len(ids) == len(set(ids))
    assert all(ids)
    assert isinstance(found[-1], Sampled)
    Body("here").build(request(*found[:-1], model="m"))


def test_a_call_without_a_name_is_kept_in_the_log() -> None:
    item = {"type": "function_call", "call_id": "c", "arguments": "{}"}
    made = entries(once(raw(_completed(item))))[0]
    assert isinstance(made, ToolCall) and made.name == "unnamed"
    assert revive(plain(made)) == made
    assert revive(plain(replace(made, name=""))).kind == "tool_call"


LEARNED: dict[str, tuple[str, Any]] = {
    "summaries": (
        "Your organization must be verified to generate reasoning summaries.",
        lambda body: "summary" not in body["reasoning"],
    ),
    "a stream": (
        "Your organization must be verified to stream this model.",
        lambda body: body["stream"] is False,
    ),
    "encrypted reasoning": (
        "Encrypted content is not supported with this model.",
        lambda body: "include" not in body,
    ),
    "a cache key": (
        "Unknown parameter: 'prompt_cache_key'.",
        lambda body: not {"store", "prompt_cache_key"} & set(body),
    ),
    "strict schemas": (
        "tools[0].strict: Extra inputs are not permitted",
        lambda body: "strict" not in body["tools"][0],
    ),
    "freeform tools": (
        "Invalid value: 'custom'. Supported values are: 'function'",
        lambda body: body["tools"][1]["type"] == "function",
    ),
}


@pytest.mark.parametrize("name", LEARNED)
def test_a_refused_shape_is_learned_once_and_told(name: str) -> None:
    refusal, check = LEARNED[name]
    patch = ToolSpec("apply_patch", "Edit.", {"type": "object"}, grammar='start: "x"')
    plain = request(reasoning=True, effort="low", summary="auto", freeform=True, cache_key="k")
    asked = replace(plain, tools=(*plain.tools, patch))

    async def main() -> None:
        whole: Any = {"object": "response", "status": "completed", "output": [
            {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]}  # fmt: skip
        answer = fault("whole", body=whole) if name == "a stream" else text("hi")
        with Server([refuse(400, refusal), answer, answer, refuse(400, refusal)]) as server:
            model = client(server)
            first = await heard(model, asked)
            second = await heard(model, asked)
            assert "in the shape it takes" in said(first, "retry") and not said(second, "retry")
            assert entries(second)[0].kind == "assistant"
            await contract.failure(model, asked)
            await model.close()
            posts = server.posts()
        assert [bool(check(each)) for each in posts] == [False, True, True, True]

    asyncio.run(main())


def test_an_answer_as_long_as_it_may_be_was_cut_off() -> None:
    def status(limit: int) -> str:
        sampled = entries(once([text("x"), usage(output=30)], request(max_output_tokens=limit)))[-1]
        assert isinstance(sampled, Sampled)
        return sampled.status

    assert [status(limit) for limit in (30, 31, 0)] == [
        "max_output_tokens",
        "completed",
        "completed",
    ]


def test_reasoning_that_the_server_cannot_open_any_more_is_left_out() -> None:
    told = "The encrypted content gAAA could not be verified."

    async def main() -> list[Any]:
        first = [reasoning("hm", "c2VjcmV0"), call("shell", {"command": "true"})]
        with Server(
            [first, refuse(400, told, code="invalid_encrypted_content"), text("ok")]
        ) as server:
            model, user = client(server), User(n=0, parts=(Text("hi"),))
            made = logged(await heard(model, request(user, reasoning=True)), 1)
            log = (user, *made, done(made[-1], "fine", 9))
            answer = entries(await heard(model, request(*log, reasoning=True)))[0]
            assert isinstance(answer, Assistant) and answer.text == "ok"
            await model.close()
            return [each["input"] for each in server.posts()[1:]]

    refused, taken = asyncio.run(main())
    assert [each["type"] for each in refused] == [
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
    ]
    assert [each["type"] for each in taken] == ["message", "function_call", "function_call_output"]
    assert "id" not in taken[1]
