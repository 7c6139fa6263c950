"""Going on with sessions in a real terminal: the picker, /resume, /fork, /rename."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import Program, kinds
from tests.server import Server
from tests.turns import text
from tests.ui.tui.terminal import Terminal, known, session

pytestmark = pytest.mark.tui

READY = "Ask anything"


def logs(program: Program) -> list[Path]:
    return sorted((program.home / "state" / "sessions").rglob("*.jsonl"))


def command(term: Terminal, line: str, said: str) -> None:
    """Give a command as soon as all is quiet after a turn."""
    refused, end = 0, time.monotonic() + 60
    while True:
        term.type(line)
        term.press("Enter")
        pause = threading.Event()
        while (shown := term.screen()).count(f"{line} waits for quiet") <= refused:
            if said in shown:
                return
            assert time.monotonic() < end, f"{line} was never taken:\n{shown}"
            pause.wait(0.05)
        refused = shown.count(f"{line} waits for quiet")


def test_the_picker_finds_a_session_and_it_is_shown_again_and_goes_on(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with Server([text("I know the PLUM."), text("I know the pear."), text("Going on.")]) as server:
        program.run("exec", "remember the plum", url=server.url)
        program.run("exec", "remember the pear", url=server.url)
        with session(program, tmp_path, "resume", url=server.url) as term:
            term.until("Go on with which session?", "remember the plum", "2 of 2")
            term.type("plum")
            term.until("1 of 2", gone="remember the pear")
            term.press("Enter")
            term.until(READY, "remember the plum", "I know the PLUM.")
            term.type("and?")
            term.press("Enter")
            term.until("Going on.")
        assert "I know the PLUM." in json.dumps(server.posts()[2]["input"])
    assert len(logs(program)) == 2


def test_resume_fork_and_rename_from_within(program: Program, tmp_path: Path) -> None:
    known(program)
    turns = [text("First answer."), text("Second answer."), text("Third answer.")]
    with Server([text("Old answer."), *turns]) as server:
        program.run("exec", "old question", url=server.url)
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            for words, answer in (("one", "First answer."), ("two", "Second answer.")):
                term.type(words)
                term.press("Enter")
                term.until(answer, READY)
            term.type("/rename my fork")
            term.press("Enter")
            term.until("name: my fork")
            command(term, "/fork", "Part from which point?")
            term.until("before: two")
            term.press("Down", "Enter")
            term.until("a copy goes on")
            term.type(" instead three")
            term.press("Enter")
            term.until("Third answer.", READY)
            command(term, "/resume", "Go on with which session?")
            term.until("old question", "my fork")
            term.type("1")
            term.until("name: my fork", "Second answer.", gone="which session?")
        last = json.dumps(server.posts()[3]["input"])
        assert "two instead three" in last
        assert "First answer." in last and "Second answer." not in last
    assert len(logs(program)) == 3
    read = [[json.loads(each) for each in path.read_text().splitlines()] for path in logs(program)]
    (parted,) = [entries for entries in read if entries[0].get("parent")]
    assert kinds(parted).count("turn_ended") == 2


def test_compact_sums_up_once(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([text("An answer."), text("SUMMARY of it"), text("After it.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.type("ask PURPLE")
            term.press("Enter")
            term.until("An answer.", READY)
            command(term, "/compact", "tokens before")
            command(term, "/compact", "nothing is new since")
            term.type("more")
            term.press("Enter")
            term.until("After it.")
        assert len(server.posts()) == 3
        told = json.dumps(server.posts()[2]["input"])
    assert "SUMMARY of it" in told and "ask PURPLE" in told
