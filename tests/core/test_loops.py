"""Going round in circles, and what only looks like it."""

from __future__ import annotations

import json

import pytest

from codex_py.core.entries import (
    Decision,
    Entry,
    Json,
    Sampled,
    Text,
    ToolCall,
    ToolResult,
    User,
)
from codex_py.core.limits import Limits, check, warning

PYTEST = """\
Exit code: 1
F{dots}
=================================== FAILURES ===================================
    def test_add():
>       assert add(2, 2) == 4
E       assert {got} == 4
E        +  where {got} = add(2, 2)

tests/test_add.py:{line}: AssertionError
=========================== short test summary info ============================
FAILED tests/test_add.py::test_add - assert {got} == 4
1 failed, {passed} passed in 0.{line}s
"""
GO = """\
Exit code: 1
--- FAIL: TestAdd (0.{line}s)
    add_test.go:{line}: got 5, want 4
FAIL
exit status 1
FAIL\texample.com/add\t0.{line}3s
"""


class Turn:
    """A turn under construction."""

    def __init__(self) -> None:
        self.entries: list[Entry] = [User(parts=(Text("go"),))]
        self.notes: list[str] = []

    def did(self, name: str, arguments: Json, text: str, ok: bool = False, **data: object) -> None:
        call_id = f"c{len(self.entries)}"
        self.entries += [
            ToolCall(call_id=call_id, name=name, arguments=json.dumps(arguments)),
            Sampled(model="m"),
            ToolResult(call_id=call_id, ok=ok, parts=(Text(text),), data=dict(data)),
        ]
        self.notes.append(warning(self.entries))

    def ran(self, command: str, text: str, code: int = 1) -> None:
        data = {"command": command, "exit_code": code, "same": str(hash(text))}
        self.did("shell", {"command": command}, text, code == 0, **data)

    def edited(self, path: str, ok: bool = True, text: str = "") -> None:
        self.did("edit_file", {"path": path, "old": f"{len(self.entries)}"}, text, ok)

    @property
    def stuck(self) -> str:
        stop = check(self.entries, Limits())
        return stop.text if stop is not None and stop.reason == "stuck" else ""


def run_pytest(
    turn: Turn, n: int, *, got: int = 5, passed: int = 3, command: str = "pytest -q"
) -> None:
    turn.ran(command, PYTEST.format(got=got, line=10 + n, passed=passed, dots="." * passed))


def test_the_same_failure_after_different_edits_is_told_and_then_ends_the_turn() -> None:
    turn = Turn()
    for n in range(6):
        assert not turn.stuck
        turn.edited("add.py" if n % 2 else "calc.py")
        run_pytest(turn, n, command="pytest -q" if n % 3 else "python -m pytest -x tests")
    told = [bool(each) for each in turn.notes[1::2]]
    assert told == [False, False, True, True, True, True]
    assert "tests/test_add.py::test_add" in turn.notes[5]
    assert "calc.py" in turn.notes[5] and "evidence" in turn.notes[5]
    assert "tests/test_add.py::test_add" in turn.stuck
    assert "add.py (3x)" in turn.stuck and "calc.py (2x)" in turn.stuck


def test_line_numbers_and_times_do_not_hide_the_same_failure_in_go() -> None:
    turn = Turn()
    for n in range(3):
        turn.edited("add.go")
        turn.ran("go test ./...", GO.format(line=10 + n))
    assert "TestAdd" in turn.notes[-1]


@pytest.mark.parametrize("what", ["value", "counts", "passed between", "user"])
def test_progress_is_no_loop(what: str) -> None:
    turn = Turn()
    for n in range(8):
        turn.edited("add.py")
        if what == "value":
            run_pytest(turn, n, got=n + 5)
        elif what == "counts":
            run_pytest(turn, n, passed=n)
        elif what == "passed between" and n % 2:
            turn.ran("pytest -q", f"Exit code: 0\n4 passed in {n}s", 0)
        else:
            run_pytest(turn, n)
        if what == "user" and n % 2:
            turn.entries.append(User(parts=(Text("go on"),)))
    assert not any(turn.notes)
    assert not turn.stuck


def test_a_command_that_only_shows_failures_is_no_test_run() -> None:
    turn = Turn()
    for n in range(8):
        turn.ran(f"tail -n {n} build.log", PYTEST.format(got=5, line=3, passed=1, dots="."))
    assert not any(turn.notes)


def test_looking_at_the_code_between_runs_is_not_warned_of() -> None:
    turn = Turn()
    for n in range(3):
        turn.edited("add.py")
        run_pytest(turn, n)
    turn.did("read_file", {"path": "add.py"}, "def add…", True)
    assert turn.notes[-2] and not turn.notes[-1]


def test_an_edit_that_keeps_failing_is_told_and_then_ends_the_turn() -> None:
    turn = Turn()
    for n in range(6):
        assert not turn.stuck
        turn.edited("a.py", ok=False, text=f"The text was not found (try {n}).")
        turn.did("read_file", {"path": f"other{n}.py"}, f"{n}", True)
    told = [bool(each) for each in turn.notes[::2]]
    assert told == [False, False, True, True, True, True]
    assert "a.py" in turn.notes[4] and "Read the file again" in turn.notes[4]
    assert "an edit of a.py failed 6 times" in turn.stuck and "try 5" in turn.stuck


def test_a_patch_is_known_by_its_file() -> None:
    turn = Turn()
    for n in range(3):
        patch = f"*** Begin Patch\n*** Update File: src/a.py\n@@\n-x{n}\n+y\n*** End Patch"
        turn.did("apply_patch", {"input": patch}, f"line {n} not found")
    assert "src/a.py" in turn.notes[-1]


@pytest.mark.parametrize("what", ["success", "other files", "refused"])
def test_edits_that_are_no_loop(what: str) -> None:
    turn = Turn()
    for n in range(8):
        path = f"{n}.py" if what == "other files" else "a.py"
        turn.edited(path, ok=what == "success" and n % 2 == 1, text=f"no {n}")
        if what == "refused":
            newest = turn.entries.pop()
            assert isinstance(newest, ToolResult)
            denied = Decision(call_id=newest.call_id, verdict="deny", by="user", reason="no")
            turn.entries += [denied, newest]
            turn.notes[-1] = warning(turn.entries)
    assert not any(turn.notes)
    assert not turn.stuck


def test_waiting_for_something_may_repeat_itself_longer() -> None:
    turn = Turn()
    for _ in range(17):
        turn.ran("sleep 5; cat progress", "Exit code: 0\nstill building", 0)
    assert not turn.stuck
    assert not any(turn.notes[:8]) and turn.notes[8]
    turn.ran("sleep 5; cat progress", "Exit code: 0\nstill building", 0)
    assert turn.stuck


def test_a_process_that_still_runs_is_asked_as_often_as_one_likes() -> None:
    turn = Turn()
    for _ in range(30):
        turn.did("wait_for", {"id": 1}, "no output yet", True, running=True)
    assert not any(turn.notes)
    assert not turn.stuck


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_few_calls_in_turn_are_told_and_then_end_the_turn(size: int) -> None:
    turn = Turn()
    turn.did("list_files", {"path": "."}, "a b c", True)
    for n in range(6 * size):
        assert not turn.stuck
        turn.did("read_file", {"path": f"{n % size}.py"}, f"text of {n % size}", True)
    warned = [bool(each) for each in turn.notes[1:]]
    assert warned == [n + 1 >= 3 * size for n in range(6 * size)]
    assert f"the same {size} calls 6 times in turn" in turn.stuck and "1.py" in turn.stuck


@pytest.mark.parametrize("what", ["results", "an edit between", "waits", "runs", "five", "user"])
def test_rounds_that_are_no_loop(what: str) -> None:
    turn = Turn()
    for n in range(24):
        size = 5 if what == "five" else 2
        text = f"try {n}" if what == "results" and n % 2 else "same"
        command = f"make -C {n % size}" + ("; sleep 1" if what == "waits" and n % size else "")
        turn.did("shell", {"command": command}, text, True, running=what == "runs")
        if what == "an edit between" and n % 2:
            turn.edited("a.py")
        if what == "user" and n == 4:
            turn.entries.append(User(parts=(Text("go on"),)))
            turn.entries.append(User(parts=(Text("I said go on"),)))
        if n == (17 if what == "waits" else 8 if what == "user" else 99):
            break
    assert not turn.stuck
    assert what == "waits" or not any(turn.notes)
