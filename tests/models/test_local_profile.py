"""How the small model is reminded, and what it is shown: pure folds over a turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from codex_py.core.entries import (
    Assistant,
    Context,
    Entry,
    Text,
    ToolCall,
    ToolResult,
    User,
    words,
)
from codex_py.core.request import ModelSettings, Request, ToolSpec
from codex_py.models.local_profile import (
    FAILING,
    LONGEST,
    SHOWN,
    UNCHANGED,
    examples,
    files,
    fingerprint,
    nudge,
    opening,
    shaped,
    slim,
    temperature,
)

ASKED = User(parts=(Text("fix the failing test"),))


def did(name: str, ok: bool = True, **data: Any) -> list[Entry]:
    """A call and its result, as the tools report them."""
    call_id = f"{name}{data}"
    return [
        ToolCall(call_id=call_id, name=name, arguments="{}"),
        ToolResult(call_id=call_id, ok=ok, parts=(), data=data),
    ]


def said(text: str) -> Entry:
    return Assistant(text=text)


def reminder(text: str) -> Entry:
    return User(parts=(Text(text),))


FAILED = did("shell", ok=False, command="python3 test_a.py")
PASSED = did("shell", command="python3 test_a.py")
EDITED = did("edit_file", changes=[{"path": "a.py"}])
READ = did("read_file")


def test_a_claim_without_a_change_is_reminded_once() -> None:
    turn = [ASKED, *READ, said("Fixed the bug in a.py.")]
    assert nudge(turn) == UNCHANGED
    assert nudge([*turn, reminder(UNCHANGED), said("It is fixed now.")]) == ""


def test_code_shown_instead_of_written_is_reminded() -> None:
    assert nudge([ASKED, said("Use this:\n```python\nx = 1\n```")]) == UNCHANGED


def test_an_edit_that_was_refused_is_no_change() -> None:
    refused = did("edit_file", ok=False)
    assert nudge([ASKED, *READ, *refused, said("All good.")]) == UNCHANGED


def test_an_answer_to_a_question_is_left_alone() -> None:
    assert nudge([ASKED, *READ, said("notes.txt holds the number 7.")]) == ""
    assert nudge([ASKED, said("There are two files.")]) == ""


def test_a_change_by_a_tool_or_a_command_is_a_change() -> None:
    assert nudge([ASKED, *EDITED, said("Changed the port.")]) == ""
    assert nudge([ASKED, *did("shell", command="mkdir src"), said("Created src.")]) == ""
    assert nudge([ASKED, *did("shell", command="cat a.txt"), said("Created src.")]) == UNCHANGED


def test_a_failing_check_is_not_left_failing() -> None:
    turn = [ASKED, *EDITED, *FAILED, said("Fixed.")]
    assert nudge(turn) == FAILING
    turn += [reminder(FAILING), *FAILED, said("Fixed.")]
    assert nudge(turn) == FAILING
    turn += [reminder(FAILING), *FAILED, said("Fixed.")]
    assert nudge(turn) == ""


def test_a_check_that_does_not_exist_is_not_insisted_on() -> None:
    call, result = did("shell", ok=False, command="python3 test_b.py")
    assert isinstance(result, ToolResult)
    result = replace(result, parts=(Text("python3: can't open file 'test_b.py'"),))
    assert nudge([ASKED, *EDITED, call, result, said("Changed a.py.")]) == ""


def test_a_change_after_a_failing_check_is_checked_again() -> None:
    turn = [ASKED, *FAILED, *READ, *EDITED, said("Fixed.")]
    told = nudge(turn)
    assert "`python3 test_a.py`" in told
    assert nudge([*turn, reminder(told), *PASSED, said("The test passes.")]) == ""


def test_reminders_end() -> None:
    told = nudge([ASKED, *FAILED, *EDITED, said("Fixed.")])
    turn = [ASKED, *FAILED, *EDITED]
    for _ in range(2):
        turn += [said("Fixed."), reminder(told)]
    assert nudge([*turn, said("Fixed.")]) == ""


def test_what_fails_again_is_tried_another_way() -> None:
    failed = [
        ToolCall(call_id="c", name="shell", arguments='{"command": "python3 test_a.py"}'),
        ToolResult(call_id="c", ok=False, parts=()),
    ]
    assert temperature([ASKED, *failed]) == 0
    assert temperature([ASKED, *failed, *EDITED, *failed]) == 0.3
    assert temperature([ASKED, *failed * 9]) == 0.9
    assert temperature([ASKED, *failed * 9, ASKED]) == 0
    assert temperature([ASKED, *failed, *failed, reminder(FAILING)]) == 0.3


SHELL = ToolSpec(
    "shell",
    "A long description.",
    {
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "d"},
            "timeout": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["command", "timeout"],
        "additionalProperties": False,
    },
)


def request(*entries: Entry, name: str = "m") -> Request:
    settings = ModelSettings(name, parallel=True)
    return Request("Be brief.", entries, (SHELL,), settings, lambda _: b"")


def test_each_task_is_told_with_the_files_and_reminders_are_not() -> None:
    log = (Context(name="environment", text="much"), files(["a.py", "b.py"]), ASKED)
    asked = shaped(request(*log, said("Fixed."), reminder(UNCHANGED)))
    own = [each for each in asked.input[len(examples()) :] if isinstance(each, User)]
    assert [words(each.parts) for each in own] == [
        "New task: fix the failing test\nFiles: a.py b.py",
        UNCHANGED,
    ]
    assert (asked.settings.temperature, asked.settings.max_output_tokens) == (0.0, LONGEST)
    assert not asked.settings.parallel


def test_many_files_are_counted() -> None:
    assert files([f"f{n}" for n in range(50)]).text.endswith(" f39 and 10 more")


def test_a_long_result_is_cut() -> None:
    call, _ = PASSED
    assert isinstance(call, ToolCall)
    result = ToolResult(call_id=call.call_id, ok=True, parts=(Text("word\n" * 5_000),))
    shown = shaped(request(ASKED, call, result)).input[-1]
    assert isinstance(shown, ToolResult)
    assert len(words(shown.parts)) < SHOWN + 200


def test_tools_are_told_with_what_they_need_alone() -> None:
    assert slim(SHELL) == ToolSpec(
        "shell",
        "Run a shell command.",
        {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
    )


def test_what_is_saved_of_the_model_is_the_shared_part_and_named_by_it() -> None:
    first, second = shaped(request(ASKED)), shaped(request(reminder("something else")))
    assert opening(first).input == opening(second).input
    assert first.input[: len(examples())] == opening(first).input[:-1]
    same = fingerprint(opening(first), "m.gguf")
    assert same == fingerprint(opening(second), "m.gguf")
    assert same != fingerprint(opening(first), "other.gguf")


def test_every_example_call_has_its_result_and_every_task_its_answer() -> None:
    found = examples()
    for place, entry in enumerate(found):
        if isinstance(entry, ToolCall):
            result = found[place + 1]
            assert isinstance(result, ToolResult)
            assert result.call_id == entry.call_id
        if isinstance(entry, User) and place:
            assert isinstance(found[place - 1], Assistant)
