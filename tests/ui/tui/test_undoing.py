"""/undo and /redo in a real terminal."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Program
from tests.server import Server
from tests.turns import call, text
from tests.ui.tui.terminal import known, session


def test_undo_asks_for_what_changed_since_and_redo_brings_it_back(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    known(program, "full-auto")
    line = "echo two > two.txt; echo one > one.txt; rm hello.py"
    with (
        Server([[call("shell", {"command": line})], text("it is done")]) as server,
        session(program, tmp_path, "-m", "openai/o4-mini", url=server.url) as terminal,
    ):
        terminal.until("full-auto")
        terminal.type("go")
        terminal.press("Enter")
        terminal.until("it is done", "receipt:")
        (repo / "two.txt").write_text("mine\n")
        terminal.type("/undo")
        terminal.press("Enter")
        terminal.until("create   hello.py", "two.txt: it was changed since", "keep it")
        terminal.press("k")
        terminal.until("Undo 2 files?")
        terminal.press("y")
        terminal.until("undone: 2 files")
        assert (repo / "hello.py").exists() and not (repo / "one.txt").exists()
        assert (repo / "two.txt").read_text() == "mine\n"
        terminal.type("/redo")
        terminal.press("Enter")
        terminal.until("Redo 2 files?")
        terminal.press("y")
        terminal.until("redone: 2 files")
        assert not (repo / "hello.py").exists() and (repo / "one.txt").exists()
        terminal.type("/undo bogus")
        terminal.press("Enter")
        terminal.until("/undo [list")
