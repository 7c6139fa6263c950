"""Opening a piece of the outside: for one command, for the session, or by /add-dir."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Program
from tests.server import Server
from tests.turns import call, text
from tests.ui.tui.terminal import known, session

pytestmark = [pytest.mark.tui, pytest.mark.sandbox]

READY = "Ask anything"


def wish(command: str, folder: Path) -> list[dict[str, object]]:
    return [call("shell", {"command": command, "grant_write": [str(folder)]})]


def plain(command: str) -> list[dict[str, object]]:
    return [call("shell", {"command": command})]


def test_once_is_once_and_the_session_is_the_session(
    program: Program, outside: Path, tmp_path: Path
) -> None:
    known(program, "full-auto")
    out = outside / "out"
    out.mkdir()
    turns = [
        wish(f"echo 1 > {out}/one", out),
        plain(f"echo 2 > {out}/two"),
        wish(f"echo 3 > {out}/three", out),
        plain(f"echo 4 > {out}/four"),
        wish(f"echo 5 > {out}/five; echo no > {outside}/beside", out),
        text("Fin."),
    ]
    with Server(turns) as server, session(program, tmp_path, url=server.url) as term:
        term.until(READY)
        term.type("go")
        term.press("Enter")
        term.until("opens: writing", str(out), "for this one command")
        term.type("y")
        term.until("echo 3", "Allow this?")
        assert not (out / "two").exists()
        term.type("a")
        term.until("Fin.")
        term.type("/permissions")
        term.press("Enter")
        term.until(f"write: {out}")
    # Empty folders stand in for editors' and agents' settings while a session runs.
    made = sorted(each.name for each in out.iterdir() if each.is_file())
    assert made == ["five", "four", "one", "three"]
    assert not (outside / "beside").exists()
    decisions = [each for each in program.log() if each["kind"] == "decision"]
    assert [each["by"] for each in decisions] == ["user", "policy", "user", "policy", "policy"]
    assert decisions[2]["opened"] == [f"write: {out}"]
    assert {each["confined"] for each in decisions} == {"workspace-write"}


def test_an_added_folder_is_open_to_edits_and_commands(
    program: Program, outside: Path, tmp_path: Path
) -> None:
    known(program, "full-auto")
    out = outside / "out dir"
    out.mkdir()
    edit = {"path": f"{out}/edited", "content": "e\n"}
    made = plain(f"echo 1 > '{out}/made'")
    turns = [text("Hello."), made, [call("write_file", edit)], text("Fin.")]
    with Server(turns) as server, session(program, tmp_path, url=server.url) as term:
        term.until(READY)
        term.type("hi")
        term.press("Enter")
        term.until("Hello.", "tokens in")
        term.type("/permissions")
        term.press("Enter")
        term.until("allowed for this sitting: nothing yet")
        for given, said in (
            ("/", "system folder"),
            (str(program.home), "cannot be"),
            ("nowhere", "is not a folder"),
            (str(out), "writable until this session ends"),
            (str(out), "writable already"),
        ):
            term.type(f"/add-dir {given}")
            term.press("Enter")
            term.until(said)
        term.type("go")
        term.press("Enter")
        term.until("Fin.")
    assert (out / "made").read_text() == "1\n"
    told = str(server.posts()[1]["input"])
    assert f"Also writable from now on, for commands too: {out}" in told
