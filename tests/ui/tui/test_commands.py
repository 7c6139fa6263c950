"""Slash commands in a real terminal: planning, feedback, what is kept of choices."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from codex_py.ui.text import one_line, wrapped
from codex_py.ui.tui.saved import save_mode, save_trust, save_tui
from tests.conftest import Program
from tests.server import Server
from tests.turns import call, text
from tests.ui.tui.terminal import known, session

pytestmark = pytest.mark.tui

READY = "Ask anything"


def test_a_planning_turn_changes_nothing_and_offers_to_go_on(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    known(program, "full-auto")
    turns = [
        [call("shell", {"command": "touch planned-too-early"})],
        text("1. Make `new.txt`."),
        [call("shell", {"command": "touch new.txt"})],
        text("Done as planned."),
    ]
    with Server(turns) as server:
        with session(program, tmp_path, url=server.url, rows=40) as term:
            term.until("codex-py 0", READY)
            term.type("/plan add a file")
            term.press("Enter")
            term.until("Carry out this plan?", "Yes, in full-auto mode")
            assert not (repo / "planned-too-early").exists()
            term.type("y")
            term.until("Done as planned.", READY)
        asked = [json.dumps(each["input"]) for each in server.posts()]
    assert "this turn only plans" in asked[1]
    assert "Carry out the plan." in asked[2]
    assert (repo / "new.txt").exists()
    modes = [each["value"] for each in program.log() if each["kind"] == "changed"]
    assert modes == ["suggest", "full-auto"]


def test_feedback_is_a_file_without_the_conversation_or_keys(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with Server([text("a private answer")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("codex-py 0", READY)
            term.type("hello")
            term.press("Enter")
            term.until("a private answer", READY)
            term.type("/feedback")
            term.press("Enter")
            term.until("What happened")
            term.type("it blinks")
            term.press("Enter")
            term.until("Put this conversation into the report?")
            term.press("Enter")
            term.until("nothing was sent", READY)
        assert len(server.posts()) == 1
    (path,) = (program.home / "state" / "feedback").iterdir()
    report = path.read_text()
    assert "it blinks" in report
    assert "o4-mini" in report
    assert "a private answer" not in report
    assert "sk-test" not in report
    assert path.stat().st_mode & 0o077 == 0


def test_the_theme_is_kept_and_leaving_the_question_changes_nothing(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with Server([]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("codex-py 0", READY)
            term.type("/theme")
            term.press("Enter")
            term.until("Colours (now ansi)")
            term.press("Escape")
            term.until(READY, gone="Colours (now")
            assert "there is no theme" not in term.whole()
            term.type("/theme dark")
            term.press("Enter")
            term.until("theme dark, kept in")
        with session(program, tmp_path, url=server.url) as term:
            term.until("codex-py 0", READY)
            term.type("/theme")
            term.press("Enter")
            term.until("Colours (now dark)")


def test_an_unknown_theme_is_said_before_anything_is_drawn(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with session(program, tmp_path, "-c", "tui.theme=pink", url="") as term:
        shown = term.until("EXIT 2", "theme 'pink' is not one of ansi")
        assert READY not in shown


def test_settings_of_the_terminal_are_kept_beside_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    save_tui(tmp_path, "theme", "dark")
    save_mode(tmp_path, "auto-edit")
    save_trust(tmp_path, str(tmp_path), "trusted")
    save_tui(tmp_path, "vi_keys", True)
    save_tui(tmp_path, "theme", "light")
    found = tomllib.loads(path.read_text())
    assert found["tui"] == {"theme": "light", "vi_keys": True}
    assert found["approval_mode"] == "auto-edit"
    assert found["projects"][str(tmp_path.resolve())]["trust_level"] == "trusted"


@pytest.mark.parametrize("width", [30, 40, 80])
def test_what_is_said_is_broken_between_words(width: int) -> None:
    line = "Ctrl+S    send now, into the running turn; empty: 漢字漢字 the first queued message"
    shown = wrapped(line, width).split("\n")
    assert "".join(shown).replace(" ", "") == line.replace(" ", "")
    assert all(each.startswith("  ") for each in shown[1:])
    assert one_line("漢字" * 9, 10) == "漢字漢字…"


def test_vi_keys_edit_and_each_message_begins_in_insert_mode(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with Server([text("One."), text("Two.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("codex-py 0", READY)
            term.type("/vim")
            term.press("Enter")
            term.until("editing keys: vi")
            term.type("hello world")
            term.until("› hello world")
            term.press("Escape")
            term.until("› hello world")
            term.type("bx")
            term.until("› hello orld")
            term.press("Enter")
            term.until("One.", READY)
            term.type("open it")
            term.until("› open it")
            term.press("Enter")
            term.until("Two.", READY)
        told = [json.dumps(each["input"]) for each in server.posts()]
    assert "hello orld" in told[0]
    assert "open it" in told[1]
