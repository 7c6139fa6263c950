"""A log becomes a request: gaps filled, partial text dropped, compaction applied."""

from __future__ import annotations

from codex_py.core.entries import (
    Assistant,
    Compacted,
    Context,
    Decision,
    Entry,
    Notice,
    Reasoning,
    Sampled,
    Text,
    ToolCall,
    ToolResult,
    User,
    stamped,
    words,
)
from codex_py.core.request import LOST, project


def log(*entries: Entry) -> list[Entry]:
    return [stamped(entry, n, 0.0) for n, entry in enumerate(entries)]


def said(text: str) -> User:
    return User(parts=(Text(text),))


def calls(call_id: str) -> ToolCall:
    return ToolCall(call_id=call_id, name="shell", arguments="{}")


def gives(call_id: str, text: str = "out") -> ToolResult:
    return ToolResult(call_id=call_id, ok=True, parts=(Text(text),))


def shape(entries: tuple[Entry, ...]) -> list[str]:
    return [f"{entry.kind} {getattr(entry, 'call_id', '')}".strip() for entry in entries]


def test_calls_and_results_keep_their_order_and_bookkeeping_is_left_out() -> None:
    entries = log(
        Context(name="environment", text="e"),
        said("go"),
        Reasoning(summary="r1"),
        calls("a"),
        Reasoning(summary="r2"),
        calls("b"),
        Sampled(model="m"),
        Decision(call_id="a", verdict="allow"),
        gives("a"),
        Notice(text="n"),
        gives("b"),
        Assistant(text="done"),
        Sampled(model="m"),
    )
    assert shape(project(entries)) == [
        "context", "user", "reasoning", "tool_call a", "reasoning", "tool_call b",
        "tool_result a", "tool_result b", "assistant",
    ]  # fmt: skip


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    entries = log(said("go"), calls("a"), calls("b"), Sampled(model="m"), gives("a"), said("on"))
    found = project(entries)
    assert shape(found) == [
        "user", "tool_call a", "tool_call b", "tool_result a", "tool_result b", "user",
    ]  # fmt: skip
    assert isinstance(found[4], ToolResult) and words(found[4].parts) == LOST


def test_results_without_a_call_and_second_results_are_left_out() -> None:
    entries = log(said("go"), gives("x"), calls("a"), Sampled(model="m"), gives("a"), gives("a"))
    assert shape(project(entries)) == ["user", "tool_call a", "tool_result a"]


def test_text_that_was_cut_off_is_not_sent_back() -> None:
    entries = log(said("go"), Assistant(text="half", partial=True), said("again"))
    assert shape(project(entries)) == ["user", "user"]


def test_after_compaction_a_summary_stands_for_what_came_before() -> None:
    entries = log(
        Context(name="environment", text="e"),
        said("old"),
        calls("a"),
        Sampled(model="m"),
        gives("a"),
        said("new"),
        Compacted(summary="did a", keep_from=5),
    )
    found = project(entries)
    assert shape(found) == ["context", "user", "user"]
    assert isinstance(found[1], User) and "did a" in words(found[1].parts)
    assert isinstance(found[2], User) and words(found[2].parts) == "new"


def test_a_longer_log_gives_a_request_that_begins_with_the_shorter_ones() -> None:
    entries = log(
        said("go"), calls("a"), Sampled(model="m"), gives("a"),
        calls("b"), Sampled(model="m"), gives("b"), Assistant(text="x"), Sampled(model="m"),
    )  # fmt: skip
    closed = [4, 7, 9]
    found = [project(entries[:size]) for size in closed]
    for before, after in zip(found, found[1:], strict=False):
        assert after[: len(before)] == before
