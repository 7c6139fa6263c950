"""What a terminal program owes its terminal and its user: restored, told, quiet when not wanted."""

# ruff: noqa: SIM117 (the server outlives the terminal: two contexts, two lines)

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.conftest import Program
from tests.server import Server
from tests.turns import call, gate, pace, text
from tests.ui.tui.terminal import Terminal, known, session

pytestmark = pytest.mark.tui

READY = "Ask anything"

BROKEN = """
import os, sys
from codex_py.ui.tui.view import View
whole = View.status
def status(self, width):
    if "boom" in self._sitting.screen.buffer.text:
        raise {"error": RuntimeError, "end": KeyboardInterrupt}[os.environ["BOOM"]]("planted")
    return whole(self, width)
View.status = status
from codex_py.__main__ import main
sys.exit(main())
"""


def broken(program: Program, folder: Path, how: str, url: str) -> Terminal:
    """The program with a fault planted in what it draws, in a terminal."""
    told = {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "OPENAI_BASE_URL": url}
    env = {**program.env(**told), "TERM": "screen-256color", "LC_ALL": "C.UTF-8", "BOOM": how}
    words = ["env", "-i", *(f"{name}={value}" for name, value in env.items())]
    line = shlex.join([*words, sys.executable, "-c", BROKEN])
    terminal = Terminal(folder)
    cwd = shlex.quote(str(program.cwd))
    terminal.start(f"cd {cwd}; {line}; code=$?; stty -a; echo EXIT $code; cat", 100, 30)
    return terminal


def test_a_crash_restores_the_terminal(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([]) as server:
        term = broken(program, tmp_path, "end", server.url)
        try:
            term.until("codex-py 0", READY)
            term.type("boom")
            shown = term.until("EXIT 130")
            assert " icanon" in shown
            assert " echo " in shown
            flags = "#{cursor_flag} #{mouse_any_flag} #{keypad_cursor_flag} #{alternate_on}"
            assert term.tmux("display-message", "-p", "-t", "t", flags).strip() == "1 0 0 0"
        finally:
            term.tmux("kill-server")


def test_a_fault_of_our_own_is_said_once_kept_and_survived(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with Server([text("Still here.")]) as server:
        term = broken(program, tmp_path, "error", server.url)
        try:
            term.until("codex-py 0", READY)
            term.type("boom")
            term.until("internal error: RuntimeError: planted")
            term.press("C-u")
            term.until(READY)
            term.type("hello")
            term.press("Enter")
            term.until("Still here.", READY)
            assert term.whole().count("internal error") == 1
            assert "Traceback" not in term.whole()
        finally:
            term.tmux("kill-server")
    assert "planted" in (program.home / "state" / "errors.log").read_text()


def test_it_can_be_suspended_and_comes_back_with_its_draft(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with Server([]) as server:
        told = {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "OPENAI_BASE_URL": server.url}
        env = {**program.env(**told), "TERM": "screen-256color", "LC_ALL": "C.UTF-8", "PS1": "$ "}
        words = ["env", "-i", *(f"{name}={value}" for name, value in env.items())]
        term = Terminal(tmp_path)
        term.start(f"cd {program.cwd}; {shlex.join([*words, 'bash', '--norc', '-i'])}", 100, 30)
        try:
            term.until("$")
            term.type(f"{sys.executable} -m codex_py")
            term.press("Enter")
            term.until("codex-py 0", READY)
            term.type("a draft")
            term.press("C-z")
            term.until("Stopped", "$", gone="a draft")
            term.type("echo in the $((40 + 2)) shell")
            term.press("Enter")
            term.until("in the 42 shell")
            term.type("fg")
            term.press("Enter")
            term.until("› a draft")
        finally:
            term.tmux("kill-server")


def test_a_bell_calls_only_when_the_person_looks_elsewhere(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    turns = [[call("shell", {"command": "touch x"})], text("Done.")]
    for leave, bell in ((False, "0"), (True, "1")):
        with Server(turns) as server:
            with session(program, tmp_path, url=server.url) as term:
                term.until("codex-py 0", READY)
                if leave:
                    term.type("\x1b[O")
                term.type("go")
                term.press("Enter")
                term.until("Allow this?")
                term.tmux("new-window", "-t", "t:9", "sleep 60")
                title = term.tmux("display-message", "-p", "-t", "t:0", "#{pane_title}")
                assert title.startswith("? codex-py")
                found = term.tmux("display-message", "-p", "-t", "t:0", "#{window_bell_flag}")
                assert found.strip() == bell


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({"NO_COLOR": "1"}, False), ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True), ({}, True)],
)
def test_colour_is_as_the_environment_asks(
    program: Program, tmp_path: Path, env: dict[str, str], coloured: bool
) -> None:
    known(program)
    with Server([text("`code` and **bold**")]) as server:
        with session(program, tmp_path, url=server.url, **env) as term:
            term.until("codex-py 0", READY)
            term.type("go")
            term.press("Enter")
            term.until("bold", READY)
            shown = term.screen(colour=True)
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", shown)) == coloured


def test_a_screen_reader_gets_lines_without_a_spinner(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([text("Read this out.")]) as server:
        env = {"CODEX_PY_SCREEN_READER": "1"}
        with session(program, tmp_path, url=server.url, **env) as term:
            term.until("/quit")
            term.type("go")
            term.press("Enter")
            term.until("Read this out.")
            shown = term.whole()
    assert "esc to interrupt" not in shown
    assert not set("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏") & set(shown)


def test_keys_are_shown_while_a_long_answer_streams(program: Program, tmp_path: Path) -> None:
    known(program)
    part = "## Part\n\nwords and `code`\n\n```python\n" + "x = compute(1, 'a')\n" * 60 + "```\n\n"
    turn = [pace(0.002), text(part * 8, 400), gate()]
    with Server([turn, text("Second.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("codex-py 0", READY)
            term.type("go")
            term.press("Enter")
            term.until("esc to interrupt")
            for at in range(1, 9):
                term.type("typed ")
                term.until("› " + ("typed " * at).strip())
            assert server.reached.wait(30)
            term.press("Enter")
            term.until("queued: typed")
            server.gate.set()
            term.until("Second.", READY)
            whole = term.whole()
    assert whole.count("x = compute(1, 'a')") == 8 * 60
    assert whole.count("Part") == 8
