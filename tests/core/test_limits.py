"""When a turn is warned, and when it is stopped."""

from __future__ import annotations

import pytest

from codex_py.core.entries import Entry, Sampled, Text, ToolCall, ToolResult, User
from codex_py.core.limits import Limits, check, warning
from codex_py.core.truncate import join, truncate


def step(number: int, arguments: str = "{}", result: str = "same") -> list[Entry]:
    call_id = f"c{number}"
    return [
        ToolCall(call_id=call_id, name="shell", arguments=arguments),
        Sampled(model="m"),
        ToolResult(call_id=call_id, ok=False, parts=(Text(result),)),
    ]


def turn(*steps: list[Entry]) -> list[Entry]:
    return [User(parts=(Text("go"),)), *(entry for each in steps for entry in each)]


@pytest.mark.parametrize(
    ("count", "warned", "stopped"), [(2, False, False), (3, True, False), (6, True, True)]
)
def test_the_same_call_with_the_same_result(count: int, warned: bool, stopped: bool) -> None:
    entries = turn(*(step(n) for n in range(count)))
    assert bool(warning(entries)) is warned
    stop = check(entries, Limits())
    assert (stop is not None and stop.reason == "stuck") is stopped


def test_another_result_or_other_arguments_are_progress() -> None:
    changing = turn(*(step(n, result=f"line {n}") for n in range(9)))
    other = turn(*(step(n, arguments=f'{{"n":{n}}}') for n in range(9)))
    assert check(changing, Limits()) is None
    assert check(other, Limits()) is None
    assert not warning(changing) + warning(other)


def test_the_warning_itself_does_not_make_results_differ() -> None:
    entries: list[Entry] = turn()
    for n in range(6):
        more = step(n)
        note = warning([*entries, *more])
        if note:
            result = more[2]
            assert isinstance(result, ToolResult)
            more[2] = ToolResult(
                call_id=result.call_id, ok=False, parts=(*result.parts, Text(note))
            )
        entries += more
    stop = check(entries, Limits())
    assert stop is not None and stop.reason == "stuck" and "6 times" in stop.text


def test_long_text_keeps_head_and_tail_and_states_its_size() -> None:
    text = "".join(f"line {n}\n" for n in range(10_000))
    cut = truncate(text, 1_000)
    assert cut.startswith("line 0\n") and cut.endswith("line 9999\n")
    assert f"{len(text):,} characters" in cut
    assert len(cut) < 1_200
    assert truncate("short", 1_000) == "short"
    assert "whole output: /x" in join("a", "b", 99, where="/x")
