"""Going on with sessions in a real terminal: the picker, /resume, /fork, /rename."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from pathlib import Path

import pytest

from codex_py.core.entries import Started, Text, User
from codex_py.core.session import create
from tests.conftest import Program, kinds
from tests.server import Server
from tests.turns import call, text
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


def many(program: Program, count: int) -> None:
    """So many sessions of the repository, number 0 the oldest."""
    for number in range(count):
        made = create(program.home / "state" / "sessions")
        branch = "side" if number % 2 else "main"
        cwd = os.path.realpath(program.cwd)
        made.append(Started(session=made.id, cwd=cwd, branch=branch, model="o4-mini"))
        made.append(User(parts=(Text(f"task n{number:04} of \x1b[31mred\x07 日本語 jam"),)))
        made.close()
        os.utime(made.path, (2_000 + number, 2_000 + number))


def marked(term: Terminal) -> str:
    """The line under the mark."""
    return next((each for each in term.screen().splitlines() if each.startswith("› 1970")), "")


def stands_on(term: Terminal, words: str) -> None:
    """Wait until the mark is on a line with these words."""
    pause, end = threading.Event(), time.monotonic() + 40
    while words not in marked(term):
        assert time.monotonic() < end, f"the mark is not on {words}:\n{term.screen()}"
        pause.wait(0.05)


@pytest.mark.parametrize("within", [False, True], ids=["codex-py resume", "/resume"])
def test_of_many_sessions_the_newest_are_shown_and_the_oldest_found_and_taken(
    program: Program, tmp_path: Path, within: bool
) -> None:
    known(program)
    many(program, 500)
    before = {path: path.read_bytes() for path in logs(program)}
    with Server([text("Going on.")]) as server:
        args = () if within else ("resume",)
        with session(
            program, tmp_path, *args, url=server.url, columns=60, rows=24, NO_COLOR="1"
        ) as term:
            if within:
                term.until(READY)
                command(term, "/resume", "Go on with which session?")
            shown = term.until("task n0499", "64 of 64+", "repo", "main", "1970-01-01")
            assert "^[[31mred^G" in shown
            coloured = term.screen(colour=True)
            assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])m", coloured)
            stands_on(term, "task n0499")
            term.type("jjk")
            stands_on(term, "task n0498")
            term.press("Down", "Up", "NPage")
            stands_on(term, "task n0486")
            term.press("PPage")
            stands_on(term, "task n0498")
            term.press("End")
            stands_on(term, "task n0436")
            term.until("320 of 320+")
            term.press("Home")
            stands_on(term, "task n0499")
            term.type("nowhere")
            term.until("0 of 500;")
            term.press("Enter", *["BSpace"] * 7)
            term.until("500 of 500;")
            term.type("main n0002")
            term.until("/main n0002", "1 of 500;", gone="task n0499")
            stands_on(term, "task n0002")
            assert {path: path.read_bytes() for path in before} == before
            term.press("Enter")
            term.until(READY, gone="which session?")
            term.type("and?")
            term.press("Enter")
            term.until("Going on.")
        assert "task n0002" in json.dumps(server.posts()[0]["input"])


def test_leaving_the_list_before_a_session_changes_nothing(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    many(program, 3)
    before = {path: path.read_bytes() for path in logs(program)}
    with session(program, tmp_path, "resume", url="http://127.0.0.1:9") as term:
        term.until("Go on with which session?", "3 of 3;")
        term.press("Down", "Escape")
        term.until("no session was chosen", "EXIT 2", gone="which session?")
    assert {path: path.read_bytes() for path in logs(program)} == before


def test_leaving_the_list_within_a_session_changes_nothing(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    many(program, 3)
    with Server([text("An answer."), text("Still here.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.type("ask PURPLE")
            term.press("Enter")
            term.until("An answer.", READY)
            before = {path: path.read_bytes() for path in logs(program)}
            command(term, "/resume", "Go on with which session?")
            term.type("0001")
            term.until("1 of 3;")
            term.press("Escape")
            term.until(READY, gone="which session?")
            assert {path: path.read_bytes() for path in logs(program)} == before
            term.type("more")
            term.press("Enter")
            term.until("Still here.")
        assert "ask PURPLE" in json.dumps(server.posts()[1]["input"])


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
            term.press("Enter")
            term.until("name: my fork", "Second answer.", gone="which session?")
        last = json.dumps(server.posts()[3]["input"])
        assert "two instead three" in last
        assert "First answer." in last and "Second answer." not in last
    assert len(logs(program)) == 3
    read = [[json.loads(each) for each in path.read_text().splitlines()] for path in logs(program)]
    (parted,) = [entries for entries in read if entries[0].get("parent")]
    assert kinds(parted).count("turn_ended") == 2


def test_a_call_that_was_killed_is_shown_where_it_was_and_not_after_the_next_turn(
    program: Program, tmp_path: Path
) -> None:
    known(program, "full-auto")
    turns = [call("shell", {"command": "echo was killed"}), text("Never."), text("Going on.")]
    with Server(turns) as server:
        program.run("exec", "--full-auto", "run it", url=server.url)
        (log,) = logs(program)
        lines = log.read_bytes().splitlines(keepends=True)
        ran = next(n for n, each in enumerate(lines) if json.loads(each)["kind"] == "tool_result")
        log.write_bytes(b"".join(lines[:ran]))
        with session(program, tmp_path, "resume", "--last", url=server.url) as term:
            term.until(READY, "the last turn was cut off")
            term.type("go on")
            term.press("Enter")
            shown = term.until("Going on.", READY)
    stopped = [at.start() for at in re.finditer(r"echo was killed.* stopped", shown)]
    assert len(stopped) == 1 and stopped[0] < shown.index("the last turn was cut off")
    again = program.run("sessions", "show", log.stem.rpartition("-")[2]).out
    assert again.index("stopped") < again.index("resumed") < again.index("Going on.")


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
            assert "SUMMARY" not in term.whole()
        assert len(server.posts()) == 3
        told = json.dumps(server.posts()[2]["input"])
    assert "SUMMARY of it" in told and "ask PURPLE" in told
