"""ChatClient against every habit of Chat Completions servers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    words,
)
from codex_py.core.errors import ModelError
from codex_py.core.request import ModelSettings, Request, ToolSpec
from codex_py.models.chat import ChatClient
from codex_py.models.chat_body import Quirks, body, relaxed
from codex_py.models.chat_stream import Answer
from codex_py.models.chat_text import Thinking, call_at_end, call_in
from codex_py.models.door import Door, Timeouts
from tests.server import Server
from tests.turns import call, ended, fault, raw, refuse, style, text

Json = dict[str, Any]
KEY = "sekrit-value-1"

PATH: Json = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ = ToolSpec("read_file", "Read a file.", PATH)
SHELL = ToolSpec(
    "shell",
    "Run a command.",
    {
        "type": "object",
        "properties": {
            "command": {"type": "string"},
            "timeout": {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "s"},
        },
        "required": ["command", "timeout"],
        "additionalProperties": False,
    },
)
A, B = '{"path": "a.py"}', '{"path": "b.py"}'


def request(
    *entries: Entry, tools: tuple[ToolSpec, ...] = (READ, SHELL), **settings: Any
) -> Request:
    given = {"model": "m", **settings}
    log = entries or (User(parts=(Text("hi"),)),)
    return Request(
        "Be useful.", log, tools, ModelSettings(**given), lambda blob: b"png " + blob.encode()
    )


def chunk(delta: Json, finish: str | None = None) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def part(name: str | None = None, arguments: Any = None, **more: Any) -> Json:
    function = {
        key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None
    }
    return {**more, "function": function}


def calls_of(*deltas: list[Json]) -> list[tuple[str, str]]:
    """What the client makes of tool_calls deltas, one list a chunk."""
    answer = Answer({"read_file", "shell"}, place=4)
    for each in deltas:
        list(answer.feed(chunk({"tool_calls": each})))
    list(answer.feed(chunk({}, "tool_calls")))
    found = answer.entries(wire="chat", model="m", seconds=0)
    assert isinstance(found[-1], Sampled)
    made = [entry for entry in found[:-1] if isinstance(entry, ToolCall)]
    ids = [each.call_id for each in made]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    return [(each.name, each.arguments) for each in made]


ONE = [("read_file", A)]
TWO = [("read_file", A), ("read_file", B)]
SHAPES: dict[str, tuple[list[list[Json]], list[tuple[str, str]]]] = {
    "as OpenAI sends them": (
        [
            [part("read_file", "", index=0, id="c1", type="function")],
            [part(None, A[:7], index=0)],
            [part(None, A[7:], index=0)],
            [part("read_file", "", index=1, id="c2", type="function")],
            [part(None, B, index=1)],
        ],
        TWO,
    ),
    "two whole calls in one chunk": (
        [[part("read_file", A, index=0, id="c1"), part("read_file", B, index=1, id="c2")]],
        TWO,
    ),
    "whole calls with neither id nor index": (
        [[part("read_file", A)], [part("read_file", B)]],
        TWO,
    ),
    "the same, in one chunk": ([[part("read_file", A), part("read_file", B)]], TWO),
    "every call at index 0, no ids": (
        [[part("read_file", A, index=0)], [part("read_file", B, index=0)]],
        TWO,
    ),
    "every call at index 0, with ids": (
        [[part("read_file", A, index=0, id="c1")], [part("read_file", B, index=0, id="c2")]],
        TWO,
    ),
    "one id for two calls at two places": (
        [[part("read_file", A, index=0, id="c"), part("read_file", B, index=1, id="c")]],
        TWO,
    ),
    "one id for two calls at no place": (
        [[part("read_file", A, id="c")], [part("read_file", B, id="c")]],
        TWO,
    ),
    "index gaps, and counted from 1": (
        [[part("read_file", A, index=1, id="c1")], [part("read_file", B, index=7, id="c2")]],
        TWO,
    ),
    "fragments of two calls mixed": (
        [
            [
                part("read_file", A[:5], index=0, id="c1"),
                part("read_file", B[:5], index=1, id="c2"),
            ],
            [part(None, B[5:], index=1), part(None, A[5:], index=0)],
        ],
        TWO,
    ),
    "id and name in every delta": (
        [
            [part("read_file", A[:5], index=0, id="c1")],
            [part("read_file", A[5:], index=0, id="c1")],
        ],
        ONE,
    ),
    "a fresh id in every delta, name in the first": (
        [[part("read_file", A[:5], index=0, id="x1")], [part(None, A[5:], index=0, id="x2")]],
        ONE,
    ),
    "the name in two pieces": (
        [[part("read_", "", index=0, id="c1")], [part("file", A, index=0)]],
        ONE,
    ),
    "arguments as an object": ([[part("read_file", {"path": "a.py"}, index=0, id="c1")]], ONE),
    "an empty object before the arguments": (
        [
            [part("read_file", "{}", index=0, id="c1")],
            [part(None, A[:6], index=0)],
            [part(None, A[6:], index=0)],
        ],
        ONE,
    ),
    "the whole call said again at the end": (
        [[part("read_file", A, index=0, id="c1")], [part("read_file", A, index=0, id="c1")]],
        ONE,
    ),
    "null name and null index later": (
        [
            [part("read_file", "", index=0, id="c1")],
            [{"index": None, "id": None, "function": {"name": None, "arguments": A}}],
        ],
        ONE,
    ),
    "flat, without `function`": ([[{"name": "read_file", "arguments": A, "id": "c1"}]], ONE),
    "no arguments at all": ([[part("shell", None, index=0, id="c1")]], [("shell", "")]),
    "arguments that are no JSON": ([[part("shell", '{"comm', index=0)]], [("shell", '{"comm')]),
    "a nameless call": ([[part(None, A, index=0)]], [("unnamed", A)]),
    "rubbish between": ([[part("read_file", A[:4], index=0)], [7, None], [part(None, A[4:])]], ONE),  # type: ignore[list-item]
}


@pytest.mark.parametrize("name", SHAPES)
def test_calls_are_understood_in_every_shape(name: str) -> None:
    deltas, expected = SHAPES[name]
    assert calls_of(*deltas) == expected


@given(
    st.lists(
        st.tuples(st.sampled_from(["read_file", "shell"]), st.dictionaries(st.text(), st.text())),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 9),
    st.booleans(),
    st.booleans(),
)
def test_calls_survive_any_cutting(
    wanted: list[tuple[str, Json]], size: int, ids: bool, indexes: bool
) -> None:
    deltas = []
    for number, (name, arguments) in enumerate(wanted):
        place = {"index": number} if indexes else {}
        told = json.dumps(arguments)
        deltas.append([part(name, "", **place, **({"id": f"c{number}"} if ids else {}))])
        deltas += [[part(None, told[at : at + size], **place)] for at in range(0, len(told), size)]
    if not ids and not indexes:
        # Nothing marks where a call begins but its name: same names in a row need whole arguments.
        deltas = [[part(name, json.dumps(arguments))] for name, arguments in wanted]
    found = [(name, json.loads(arguments or "{}")) for name, arguments in calls_of(*deltas)]
    assert found == wanted


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["choices", "delta", "message", "tool_calls", "function", "index", "id", "name", "arguments", "content", "usage", "error", "finish_reason", "reasoning", "type", "text"]), inner)))  # fmt: skip
def test_no_chunk_breaks_the_client(chunk: Any) -> None:
    answer = Answer({"shell"}, place=1)
    try:
        list(answer.feed(chunk))
        list(answer.end())
        answer.entries(wire="chat", model="m", seconds=0)
    except ModelError:
        pass


@given(st.text(alphabet="<>/thinkab \n", max_size=40), st.text(alphabet="<think>/ab ", max_size=30), st.integers(1, 5))  # fmt: skip
def test_thinking_is_told_from_text_however_it_is_cut(thought: str, answer: str, size: int) -> None:
    if "</think>" in thought:
        return
    whole = f"<think>{thought}</think>{answer}"
    parts, got = Thinking(), ["", ""]
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    for found in [*map(parts.feed, pieces), parts.end()]:
        got = [got[0] + found[0], got[1] + found[1]]
    assert got == [thought, answer.lstrip()]


KNOWN = {"read_file", "shell"}
CALL = '{"name": "read_file", "arguments": {"path": "a.py"}}'


@pytest.mark.parametrize(
    "words",
    [
        CALL,
        f"```json\n{CALL}\n```",
        f"```\n{CALL}\n```",
        f"\n<tool_call>\n{CALL}\n</tool_call>\n",
        f"<tool_call>{CALL}",
        f"{{{CALL}}}",
        '{"name": "read_file", "arguments": "{\\"path\\": \\"a.py\\"}"}',
        '{"name": "read_file", "parameters": {"path": "a.py"}}',
        f'{{"type": "function", "function": {CALL}}}',
    ],
)
def test_a_message_that_is_one_call_is_taken_as_that_call(words: str) -> None:
    found = call_in(words, KNOWN)
    assert found is not None
    assert (found[0], json.loads(found[1])) == ("read_file", {"path": "a.py"})


@pytest.mark.parametrize(
    "words",
    [
        f"I would call:\n```json\n{CALL}\n```",
        f"```json\n{CALL}\n```\nDone.",
        f"```json\n{CALL}\n```\n```json\n{CALL}\n```",
        '{"name": "launch", "arguments": {}}',
        '{"name": "read_file", "arguments": {"path": "a.py"}, "and": 1}',
        '{"name": "read_file"}',
        f"```python\n{CALL}\n```",
        f"[{CALL}]",
        CALL[:-1],
        "{" * 3000,
        "",
    ],
)
def test_anything_else_stays_text(words: str) -> None:
    assert call_in(words, KNOWN) is None


def test_the_text_protocol_takes_a_call_at_the_end() -> None:
    found = call_at_end(f"I look first.\n\n```json\n{CALL}\n```\n", KNOWN)
    assert found is not None
    assert found[0] == "I look first."
    assert call_at_end(f"```json\n{CALL}\n```\nand so on", KNOWN) is None


def test_one_sample_is_one_message_with_its_results_after_it() -> None:
    made = body(
        request(
            Context(name="environment", text="cwd /x"),
            User(parts=(Text("look"), Image(blob="b1", media_type="image/png"))),
            Reasoning(summary="hm"),
            Assistant(text="I read both."),
            ToolCall(call_id="c1", name="read_file", arguments=A),
            ToolCall(call_id="c2", name="read_file", arguments="{broken"),
            ToolResult(
                call_id="c1",
                ok=True,
                parts=(Text("one"), Image(blob="b2", media_type="image/jpeg")),
            ),
            ToolResult(call_id="c2", ok=False, parts=()),
            Assistant(text="Done."),
            User(parts=(Text("thanks"),)),
        ),
        Quirks(),
    )["messages"]
    assert [each["role"] for each in made] == ["system", "user", "assistant", "tool", "tool", "user", "assistant", "user"]  # fmt: skip
    assert made[1]["content"][0] == {
        "type": "text",
        "text": "<environment>\ncwd /x\n</environment>",
    }
    assert made[1]["content"][2]["image_url"]["url"] == "data:image/png;base64,cG5nIGIx"
    assert made[2]["content"] == "I read both."
    assert [each["id"] for each in made[2]["tool_calls"]] == ["c1", "c2"]
    assert json.loads(made[2]["tool_calls"][1]["function"]["arguments"]) == {"not_json": "{broken"}
    assert (made[3]["tool_call_id"], made[3]["content"]) == ("c1", "one")
    assert made[4]["content"] == "(no output)"
    assert made[5]["content"][1]["image_url"]["url"] == "data:image/jpeg;base64,cG5nIGIy"


def test_the_body_follows_the_quirks() -> None:
    asked = request(max_output_tokens=50, effort="high", temperature=0.0, cache_key="k")
    plain = body(asked, Quirks())
    assert (plain["max_tokens"], plain["temperature"]) == (50, 0.0)
    assert plain["stream_options"] == {"include_usage": True}
    assert plain["reasoning_effort"] == "high"
    assert "reasoning_effort" not in body(request(effort="high"), Quirks(efforts=False))
    assert "reasoning_effort" not in body(request(), Quirks())
    assert "prompt_cache_key" not in plain
    shown = plain["tools"][1]["function"]["parameters"]
    assert shown["properties"]["timeout"] == {"type": "integer", "description": "s"}
    assert shown["required"] == ["command"]
    openai = Quirks(system_role="developer", limit_name="max_completion_tokens", strict=True, efforts=True, cache_key=True, temperature=False)  # fmt: skip
    made = body(asked, openai)
    assert made["messages"][0]["role"] == "developer"
    assert (made["max_completion_tokens"], made["reasoning_effort"]) == (50, "high")
    assert made["tools"][1]["function"]["parameters"] == SHELL.schema
    assert "temperature" not in made
    assert "max_tokens" not in made
    assert relaxed(SHELL.schema) is not SHELL.schema
    assert SHELL.schema["required"] == ["command", "timeout"]


def test_a_longer_log_only_adds_messages() -> None:
    log: list[Entry] = [
        User(parts=(Text("go"),)),
        ToolCall(call_id="c1", name="read_file", arguments=A),
        ToolResult(call_id="c1", ok=True, parts=(Text("x"),)),
    ]
    more = [*log, Assistant(text="Read."), User(parts=(Text("next"),))]
    for quirks in (Quirks(), Quirks(tools="text")):
        short, long = body(request(*log), quirks), body(request(*more), quirks)
        assert long["messages"][: len(short["messages"])] == short["messages"]


def test_the_text_protocol_tells_tools_calls_and_results_in_words() -> None:
    log = (
        User(parts=(Text("go"),)),
        ToolCall(call_id="c1", name="read_file", arguments=A),
        ToolResult(call_id="c1", ok=True, parts=(Text("x = 1"),)),
    )
    made = body(request(*log), Quirks(tools="text"))
    assert "tools" not in made
    assert '"name": "read_file"' in made["messages"][0]["content"]
    assert call_in(made["messages"][2]["content"], KNOWN) == ("read_file", A)
    assert made["messages"][3] == {"role": "user", "content": "Result of read_file:\nx = 1"}


def test_what_a_server_hung_on_a_call_goes_back_with_it() -> None:
    answer = Answer({"shell"}, place=1)
    extra = {"google": {"thought_signature": "s"}}
    list(answer.feed(chunk({"tool_calls": [part("shell", "{}", id="c1", extra_content=extra)], "reasoning_details": [{"type": "x"}]}, "tool_calls")))  # fmt: skip
    entries = answer.entries(wire="chat", model="m", seconds=0)[:-1]
    made = body(request(User(parts=(Text("go"),)), *entries), Quirks(replay="reasoning_details"))
    assert made["messages"][2]["tool_calls"][0]["extra_content"] == extra
    assert made["messages"][2]["reasoning_details"] == [{"type": "x"}]


async def sample(client: ChatClient, asked: Request) -> tuple[list[Delta], list[Entry]]:
    deltas: list[Delta] = []
    entries: list[Entry] = []
    async for event in client.stream(asked):
        if isinstance(event, Delta):
            assert not entries
            deltas.append(event)
        else:
            entries.append(event)
    return deltas, entries


def ask(server: Server, asked: Request | None = None, quirks: Quirks | None = None) -> Any:
    async def go() -> Any:
        client = ChatClient(Door(server.url, KEY, timeouts=Timeouts(connect=5, idle=0.5)), quirks)
        try:
            return await sample(client, asked or request())
        finally:
            await client.close()

    return asyncio.run(go())


@pytest.mark.parametrize("how", [(), ("noise", "pieces"), ("apart",)])
def test_a_streamed_answer_arrives_live_and_whole(how: tuple[str, ...]) -> None:
    turn = [style(*how), text("Ünï ✓ code."), call("shell", {"command": "true"}, "c1")]
    with Server([turn]) as server:
        deltas, entries = ask(server)
    assert "".join(each.text for each in deltas if each.of == "text") == "Ünï ✓ code."
    assert [entry.kind for entry in entries] == ["assistant", "tool_call", "sampled"]
    assert json.loads(entries[1].arguments) == {"command": "true"}
    assert entries[2].usage == Usage(input=120, cached=20, output=7)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_call_written_as_text_is_never_shown_as_text() -> None:
    with Server([text(f"```json\n{CALL}\n```", pieces=9)]) as server:
        deltas, entries = ask(server)
    assert deltas == []
    assert [entry.kind for entry in entries] == ["tool_call", "sampled"]


def test_json_that_is_no_call_is_shown_after_all() -> None:
    with Server([text('{"colour": "red"}', pieces=5)]) as server:
        deltas, entries = ask(server)
    assert "".join(each.text for each in deltas) == '{"colour": "red"}'
    assert entries[0].text == '{"colour": "red"}'


@pytest.mark.parametrize(
    "deltas",
    [
        [{"reasoning_content": "hm"}, {"content": "Yes."}],
        [{"reasoning": "h"}, {"reasoning": "m"}, {"content": "Yes."}],
        [{"content": "<thi"}, {"content": "nk>hm</th"}, {"content": "ink>\n\nYes."}],
        [{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}, {"content": [{"type": "text", "text": "Yes."}]}],
    ],
)  # fmt: skip
def test_thinking_is_kept_apart_from_the_answer(deltas: list[Json]) -> None:
    with Server([raw(*(chunk(each) for each in deltas), chunk({}, "stop"))]) as server:
        shown, entries = ask(server)
    assert [entry.kind for entry in entries] == ["reasoning", "assistant", "sampled"]
    assert (entries[0].summary, entries[1].text) == ("hm", "Yes.")
    assert "".join(each.text for each in shown if each.of == "reasoning") == "hm"


def test_only_the_first_choice_counts() -> None:
    both = {"choices": [{"index": 1, "delta": {"content": "B"}}, {"index": 0, "delta": {"content": "A"}, "finish_reason": "stop"}]}  # fmt: skip
    with Server([raw(both, {"choices": [{"index": 1, "delta": {"content": "b"}}]})]) as server:
        _, entries = ask(server)
    assert entries[0].text == "A"


def test_a_server_that_does_not_stream_is_understood() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [part("read_file", A, id="c1", type="function")]}  # fmt: skip
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 9}}  # fmt: skip
    with Server([fault("whole", body=whole)]) as server:
        _, entries = ask(server)
    assert entries[0].arguments == A
    assert entries[1].usage == Usage(input=9)


def test_an_answer_that_was_cut_at_the_limit_says_so() -> None:
    with Server([[text("Half an ans"), ended("max_output_tokens")]]) as server:
        _, entries = ask(server)
    assert entries[-1].status == "max_output_tokens"


def test_a_server_that_is_not_there_is_a_network_fault() -> None:
    with Server([]) as server:
        url = server.url

    async def go() -> None:
        await sample(ChatClient(Door(url)), request())

    with pytest.raises(ModelError) as caught:
        asyncio.run(go())
    assert caught.value.fault == "network"
    assert url in str(caught.value)


@pytest.mark.parametrize(
    ("refusal", "check"),
    [
        ("'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", lambda made: made.get("max_completion_tokens") == 9),
        ("registry.ollama.ai/library/x does not support tools", lambda made: "tools" not in made and "read_file" in made["messages"][0]["content"]),
        ("Unknown parameter: parallel_tool_calls", lambda made: "parallel_tool_calls" not in made),
        ("Extra inputs are not permitted: stream_options", lambda made: "stream_options" not in made),
    ],
)  # fmt: skip
def test_a_refused_shape_is_learned_once(refusal: str, check: Any) -> None:
    with Server([refuse(400, refusal), text("Hi."), text("Ho.")]) as server:

        async def go() -> None:
            client = ChatClient(Door(server.url))
            for expected in ("Hi.", "Ho."):
                _, entries = await sample(client, request(max_output_tokens=9))
                assert isinstance(entries[0], Assistant)
                assert entries[0].text == expected
            await client.close()

        asyncio.run(go())
    posts = server.posts()
    assert len(posts) == 3
    assert not check(posts[0])
    assert check(posts[1])
    assert check(posts[2])
    assert server.connections == 1


def test_the_same_refusal_twice_ends_the_sample() -> None:
    with Server([refuse(400, "no parallel_tool_calls here")] * 3) as server:
        with pytest.raises(ModelError):
            ask(server)
        assert len(server.requests) == 2


def test_words_of_a_picture_result_stay_with_the_call() -> None:
    result = ToolResult(call_id="c1", ok=True, parts=(Image(blob="b", media_type="image/png"),))
    log = (User(parts=(Text("go"),)), ToolCall(call_id="c1", name="shell", arguments="{}"), result)
    made = body(request(*log), Quirks(images=False))["messages"]
    assert words(result.parts) == ""
    assert made[-2]["content"] == "(no output)"
    assert "not shown" in made[-1]["content"]
