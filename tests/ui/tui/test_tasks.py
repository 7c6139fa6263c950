"""Background processes as the person sees them: asked about, counted, listed, stopped, ended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Program
from tests.server import Server
from tests.tools.test_process import alive, until_gone
from tests.turns import call, text
from tests.ui.tui.terminal import known, session

pytestmark = pytest.mark.tui

READY = "Ask anything"


def test_a_background_process_is_asked_about_shown_and_stopped(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    mark = f"seen-{os.getpid()}"
    line = f"touch begun; while read l; do echo got $l; done; : {mark}"
    turns = [
        [call("shell", {"command": line, "background": True})],
        [call("process", {"action": "write", "id": 1, "input": "first\x1b[2J\n"})],
        [call("process", {"action": "write", "id": 1, "input": "second\n"})],
        [call("shell", {"command": f"touch two; sleep 300; : {mark}", "background": True})],
        text("Two run."),
    ]
    with Server(turns) as server:
        with session(program, tmp_path, url=server.url, rows=40) as term:
            term.until("codex-py 0", READY)
            term.type("go")
            term.press("Enter")
            term.until("Run this command?", "goes on in the background", "Allow this?")
            term.type("y")
            term.until("Type this into a running process?", "> first^[[2J", "into: process 1")
            term.until("1 in background", "don't ask again to type into process 1")
            term.type("a")
            term.until("got second", "Allow this?", "touch two")
            term.type("y")
            term.until("Two run.", READY, "2 in background")
            term.type("/tasks")
            term.press("Enter")
            term.until("Background processes", "running for")
            term.type("1")
            term.until("got first", "all of it:", "Stop it")
            term.type("s")
            term.until("process 1: ended by signal", "1 in background", gone="2 in background")
            assert len(alive(mark)) >= 1
            term.type("/tasks stop 9")
            term.press("Enter")
            term.until("there is no process '9'")
            term.type("/quit")
            term.press("Enter")
            term.until("EXIT 0")
        until_gone(mark)


def test_the_person_is_told_when_one_ends_by_itself(program: Program, tmp_path: Path) -> None:
    known(program, "full-auto")
    turns = [
        [call("shell", {"command": "sleep 1.5; exit 7", "background": True})],
        text("It runs."),
    ]
    with Server(turns) as server, session(program, tmp_path, url=server.url) as term:
        term.until("codex-py 0", READY)
        term.type("go")
        term.press("Enter")
        term.until("It runs.", "process 1 (`sleep 1.5; exit 7`) has ended", READY)
        term.type("/tasks 1")
        term.press("Enter")
        term.until("ended with exit code 7")
