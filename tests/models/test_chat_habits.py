"""Servers of every habit on the Chat wire: what they send, what they refuse, what they are sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from codex_py.core.client import ModelClient
from codex_py.core.entries import (
    Assistant,
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
)
from codex_py.models.chat import ChatClient, learn
from codex_py.models.chat_body import Quirks, body
from codex_py.models.chat_stream import Answer
from codex_py.models.door import Door, Timeouts
from tests.models import contract
from tests.models.contract import entries, heard, request, said
from tests.server import Server
from tests.turns import raw, refuse, text

Json = dict[str, Any]
QUICK = Timeouts(connect=2, idle=2, end=0.05)


def playing(quirks: Quirks) -> contract.Play:
    @asynccontextmanager
    async def play(turns: Sequence[contract.Turn]) -> AsyncIterator[ModelClient]:
        with Server(contract.served(turns)) as server:
            client = ChatClient(Door(server.url, timeouts=QUICK), quirks)
            yield client
            await client.close()

    return play


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Any) -> None:
    contract.run(check, playing(Quirks()))


def chunk(delta: Json, finish: str | None = None, **more: Any) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def answered(*chunks: Json, opened: bool = False) -> tuple[list[Delta], list[Entry], Answer]:
    """What the client makes of chunks."""
    answer = Answer({"shell"}, place=1, opened=opened)
    deltas = [delta for each in chunks for delta in answer.feed(each)]
    deltas += answer.end()
    return deltas, answer.entries(wire="chat", model="m", seconds=0), answer


def pieces(words: str, size: int = 3) -> list[Json]:
    """A text streamed a few characters at a time."""
    cut = [words[at : at + size] for at in range(0, len(words), size)]
    return [*(chunk({"content": each}) for each in cut), chunk({}, "stop")]


THOUGHTS: dict[str, list[Json]] = {
    "reasoning_content": [chunk({"reasoning_content": "hm"}), chunk({"content": "Yes."}, "stop")],
    "reasoning": [chunk({"reasoning": "hm"}), chunk({"content": "Yes."}, "stop")],
    "both, the same words": [
        chunk({"reasoning": "hm", "reasoning_content": "hm"}), chunk({"content": "Yes."}, "stop"),
    ],
    "null beside text": [
        chunk({"reasoning_content": "hm", "content": None}),
        chunk({"reasoning_content": None, "content": "Yes."}, "stop"),
    ],
    "<think>": pieces("<think>hm</think>\n\nYes."),
    "<think>, a letter at a time": pieces("<think>hm</think>Yes.", 1),
    "<think> after blank lines": pieces("\n <think>hm</think>Yes."),
    "<thinking>": pieces("<thinking>hm</thinking>Yes."),
    "<thought>": pieces("<thought>hm</thought>Yes."),
    "[THINK]": pieces("[THINK]hm[/THINK]Yes."),
    "a tag that only closes": pieces("hm</think>Yes."),
    "parts of a list": [
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
        chunk({"content": [{"type": "text", "text": "Yes."}]}, "stop"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", THOUGHTS)
def test_thinking_is_kept_apart_however_it_is_marked(name: str) -> None:
    deltas, found, _ = answered(*THOUGHTS[name])
    thought, answer, _ = found
    assert isinstance(thought, Reasoning) and thought.summary == "hm"
    assert isinstance(answer, Assistant) and answer.text == "Yes."
    if name != "a tag that only closes":
        assert said(deltas, "reasoning").strip() == "hm"
        assert said(deltas, "text") == "Yes."


@pytest.mark.parametrize("words", ["<thinker> is a word", "< think>", "<", "[THIN", "a <think> b"])
def test_what_only_looks_like_a_tag_is_text(words: str) -> None:
    deltas, found, _ = answered(*pieces(words))
    assert [each.kind for each in found] == ["assistant", "sampled"]
    assert said(deltas, "text") == words


def test_thoughts_that_a_template_opened_are_learned() -> None:
    async def main() -> list[list[Delta | Entry]]:
        turns = [raw(*pieces(each)) for each in ("hm</think>Yes.", "oh</think>No.", "Plain.")]
        with Server(turns) as server:
            client = ChatClient(Door(server.url, timeouts=QUICK))
            found = [await heard(client, request()) for _ in turns]
            await client.close()
            return found

    first, second, third = asyncio.run(main())
    kinds = [[each.kind for each in entries(events)] for events in (first, second, third)]
    assert kinds == [["reasoning", "assistant", "sampled"]] * 2 + [["assistant", "sampled"]]
    assert (said(second, "reasoning"), said(second, "text")) == ("oh", "No.")
    assert said(third, "text") == "Plain."
    answer = entries(third)[0]
    assert isinstance(answer, Assistant) and answer.text == "Plain."


TOLD = {"prompt_tokens": 9, "completion_tokens": 4}
USED: dict[str, tuple[list[Json], Usage]] = {
    "in a chunk of its own": ([chunk({"content": "x"}, "stop"), {"choices": [], "usage": TOLD}], Usage(9, 0, 4)),
    "with the last words": ([chunk({"content": "x"}, "stop", usage=TOLD)], Usage(9, 0, 4)),
    "growing in every chunk": (
        [chunk({"content": "x"}, None, usage={"prompt_tokens": 9, "completion_tokens": 1}), chunk({}, "stop", usage=TOLD)],
        Usage(9, 0, 4),
    ),
    "null until the end": ([chunk({"content": "x"}, None, usage=None), chunk({}, "stop", usage=TOLD)], Usage(9, 0, 4)),
    "Groq's place": ([chunk({"content": "x"}, "stop", x_groq={"usage": TOLD})], Usage(9, 0, 4)),
    "DeepSeek's cache": ([chunk({"content": "x"}, "stop", usage={**TOLD, "prompt_cache_hit_tokens": 8})], Usage(9, 8, 4)),
    "with details": (
        [chunk({"content": "x"}, "stop", usage={**TOLD, "prompt_tokens_details": {"cached_tokens": 5},
         "completion_tokens_details": {"reasoning_tokens": 3}})],
        Usage(9, 5, 4, 3),
    ),
    "details that are null": ([chunk({"content": "x"}, "stop", usage={**TOLD, "prompt_tokens_details": None})], Usage(9, 0, 4)),
    "nonsense": ([chunk({"content": "x"}, "stop", usage={"prompt_tokens": "9", "completion_tokens": -1})], Usage()),
    "not told": ([chunk({"content": "x"}, "stop")], Usage()),
}  # fmt: skip


@pytest.mark.parametrize("name", USED)
def test_usage_is_found_wherever_it_is_told(name: str) -> None:
    chunks, expected = USED[name]
    sampled = answered(*chunks)[1][-1]
    assert isinstance(sampled, Sampled) and sampled.usage == expected


REFUSALS: dict[str, tuple[str, Quirks]] = {
    "OpenAI's newer limits": ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", Quirks(limit_name="max_completion_tokens")),
    "Ollama without tools": ("registry.ollama.ai/library/gemma:2b does not support tools", Quirks(tools="text")),
    "vLLM without a parser": ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', Quirks(tools="text")),
    "OpenRouter without tools": ("No endpoints found that support tool use. This model does not support tools", Quirks(tools="text")),
    "vLLM with Llama": ("This model only supports single tool-calls at once!", Quirks(single=True)),
    "Mistral's order": ("Unexpected role 'user' after role 'tool'", Quirks(bridge=True)),
    "Gemma's template": ("System role not supported", Quirks(system_role="user")),
    "Gemini's Gemma": ("Developer instruction is not enabled for models/gemma-3", Quirks(system_role="user")),
    "an unknown switch": ("Unrecognized request argument supplied: parallel_tool_calls", Quirks(parallel=False)),
    "strict pydantic": ("extra_forbidden: body.stream_options Extra inputs are not permitted", Quirks(usage=False)),
    "no efforts": ("property 'reasoning_effort' is unsupported", Quirks(efforts=False)),
    "one temperature": ("Unsupported value: 'temperature' does not support 0 with this model.", Quirks(temperature=False)),
    "Groq's JSON": ("json mode cannot be combined with tool/function calling", Quirks(formats=False)),
    "llama.cpp's JSON": ("Cannot use custom grammar constraints with tools.", Quirks(formats=False)),
    "DeepSeek wants its thoughts": ("Missing `reasoning_content` field in the assistant message at message index 2", Quirks(replay="reasoning_content")),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_teaches_what_the_server_takes(name: str) -> None:
    words, expected = REFUSALS[name]
    assert learn(Quirks(), f"https://here/v1 answered 400: {words}") == expected


def test_other_refusals_teach_the_other_way_round() -> None:
    wants = Quirks(
        replay="reasoning_content", system_role="developer", limit_name="max_completion_tokens"
    )
    assert learn(wants, "reasoning_content is not allowed in input") == replace(wants, replay="")
    assert learn(wants, "unknown role developer") == replace(wants, system_role="system")
    told = "use max_tokens: max_completion_tokens is unknown"
    assert learn(wants, told) == replace(wants, limit_name="max_tokens")
    assert learn(Quirks(), "the model x does not exist") is None


def test_what_is_learned_is_told_and_a_server_of_two_minds_is_not_asked_for_ever() -> None:
    one = "max_tokens is unknown, use max_completion_tokens"

    async def main() -> tuple[list[Delta | Entry], int]:
        with Server([refuse(400, one), text("hi")]) as server:
            client = ChatClient(Door(server.url, timeouts=QUICK))
            events = await heard(client, request(max_output_tokens=5))
            await client.close()
        with Server([refuse(400, one)] * 9) as server:
            client = ChatClient(Door(server.url, timeouts=QUICK))
            await contract.failure(client, request(max_output_tokens=5))
            await client.close()
            return events, len(server.requests)

    events, asked = asyncio.run(main())
    assert "asking again in the shape it takes" in said(events, "retry")
    assert asked == 2


def called(*names: str) -> list[Entry]:
    """A log in which calls were made together."""
    made: list[Entry] = [ToolCall(call_id=each, name="shell", arguments="{}") for each in names]
    results = [ToolResult(call_id=each, ok=True, parts=(Text(f"out {each}"),)) for each in names]
    return [User(n=0, parts=(Text("go"),)), Assistant(text="Both."), *made, *results]


def roles(*log: Entry, quirks: Quirks) -> list[str]:
    messages = body(request(*log), quirks)["messages"]
    return [
        each["role"] + "".join(f" {one['id']}" for one in each.get("tool_calls", ()))
        for each in messages
    ]


def test_a_server_without_parallel_calls_reads_them_one_by_one() -> None:
    log = [*called("a", "b", "c"), Assistant(text="Done.")]
    assert roles(*log, quirks=Quirks()) == [
        "system",
        "user",
        "assistant a b c",
        "tool",
        "tool",
        "tool",
        "assistant",
    ]
    one = Quirks(single=True)
    assert roles(*log, quirks=one) == [
        "system", "user", "assistant a", "tool", "assistant b", "tool", "assistant c", "tool", "assistant",
    ]  # fmt: skip
    assert roles(*log[:-1], quirks=one) == roles(*log, quirks=one)[:-1]


def test_a_picture_after_a_result_is_bridged_where_it_must_be() -> None:
    shown = ToolResult(call_id="a", ok=True, parts=(Text("see"), Image("b", "image/png")))
    log = [*called("a")[:-1], shown, Assistant(text="Nice.")]
    assert roles(*log, quirks=Quirks())[3:] == ["tool", "user", "assistant"]
    assert roles(*log, quirks=Quirks(bridge=True))[3:] == ["tool", "assistant", "user", "assistant"]


def test_a_server_without_a_system_message_is_told_first() -> None:
    messages = body(request(), Quirks(system_role="user"))["messages"]
    assert messages == [{"role": "user", "content": "Be brief.\n\nhi"}]
    tools = body(request(), Quirks(system_role="user", tools="text"))["messages"]
    assert [each["role"] for each in tools] == ["user"]
    assert '"name": "shell"' in tools[0]["content"]


def test_thoughts_go_back_only_where_they_are_wanted() -> None:
    log = (User(n=0, parts=(Text("go"),)), Reasoning(summary="hm"), *called("a")[1:])
    plain = json.dumps(body(request(*log), Quirks()))
    assert "hm" not in plain
    kept = body(request(*log), Quirks(replay="reasoning_content"))["messages"][2]
    assert kept["reasoning_content"] == "hm"


def test_without_tools_the_words_before_a_call_stay() -> None:
    said_call = 'I look.\n\n```json\n{"name": "shell", "arguments": {"command": "ls"}}\n```'

    async def main() -> list[Entry]:
        async with playing(Quirks(tools="text"))([{"text": said_call}]) as client:
            return entries(await heard(client, request()))

    answer, made, _ = asyncio.run(main())
    assert isinstance(answer, Assistant) and answer.text == "I look."
    assert isinstance(made, ToolCall) and json.loads(made.arguments) == {"command": "ls"}
