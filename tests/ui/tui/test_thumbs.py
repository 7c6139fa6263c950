"""Thumbnails: which terminals get them, what is sent, and that others see nothing of it."""

# ruff: noqa: SIM117 (the server outlives the terminal: two contexts, two lines)

from __future__ import annotations

import base64
import re
import threading
import time
from pathlib import Path

import pytest

from codex_py.ui.tui.thumbs import COLUMNS, ROWS, block, cells, protocol
from tests.conftest import Program
from tests.drawn import opened, quarters, saved
from tests.server import Server
from tests.turns import call, gate, text
from tests.ui.tui.terminal import Terminal, known, session


@pytest.mark.parametrize(
    ("environ", "how"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, ""),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "iTerm.app"}, ""),
        ({"TERM": "screen", "KITTY_WINDOW_ID": "1"}, ""),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, ""),
        ({}, ""),
    ],
)
def test_only_terminals_that_are_known_get_them(environ: dict[str, str], how: str) -> None:
    assert protocol(environ) == how
    assert protocol(environ, "off") == ""
    assert protocol(environ, "sixel") == "sixel"


def test_a_thumbnail_is_in_shape_and_never_larger_than_its_room() -> None:
    assert cells(1_000, 1_000, 80, (8, 16)) == (16, 8)
    assert cells(4_000, 100, 80, (8, 16)) == (COLUMNS, 1)
    assert cells(100, 4_000, 80, (8, 16)) == (1, ROWS)
    assert cells(20, 20, 80, (8, 16)) == (3, 2)
    assert cells(4_000, 4_000, 12, (8, 16)) == (8, 4)


def test_what_is_sent_is_whole_lines_and_returns_to_their_end() -> None:
    data = saved(quarters(900, 700))
    for how in ("kitty", "iterm2", "sixel"):
        drawn = block(how, b"\x1bPq\x1b\\" if how == "sixel" else data, 10, 4)
        head, _, rest = drawn.partition("\x1b7")
        assert head == "\n\n\n\n\x1b[4A"
        picture, _, end = rest.partition("\x1b8")
        assert end == "\n\n\n\n"
        assert "\n" not in picture
        if how == "kitty":
            parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", picture)
            assert parts[0][0] == f"a=T,f=100,q=2,C=1,c=10,r=4,m={int(len(parts) > 1)}"
            assert all(len(piece) <= 4_096 for _, piece in parts)
            assert [facts for facts, _ in parts[1:]] == ["m=1"] * (len(parts) - 2) + ["m=0"] * (
                len(parts) > 1
            )
            sent = base64.b64decode("".join(piece for _, piece in parts))
            assert opened(sent).size == (900, 700)
        elif how == "iterm2":
            assert re.search(r"width=10;height=4;.*doNotMoveCursor=1:", picture)
            assert base64.b64decode(picture.partition(":")[2].removesuffix("\x07")) == data


def counted(term: Terminal, words: str, times: int) -> None:
    """Wait until some words are in what was printed so many times."""
    pause, end = threading.Event(), time.monotonic() + 40
    while term.whole().count(words) != times:
        assert time.monotonic() < end, term.whole()
        pause.wait(0.05)


@pytest.mark.tui
@pytest.mark.parametrize("how", ["kitty", "iterm2", "sixel", "auto"])
def test_a_terminal_that_knows_nothing_of_it_shows_no_garbage(
    program: Program, repo: Path, tmp_path: Path, how: str
) -> None:
    """tmux swallows every kind: what stays is the listing, room for the picture, a whole prompt."""
    known(program)
    config = program.home / "state" / "config.toml"
    before = config.read_text() if config.exists() else ""
    config.write_text(f'thumbnails = "{how}"\n{before}')
    (repo / "shot.png").write_bytes(saved(quarters(640, 480)))
    with Server(
        [call("view_image", {"path": "shot.png", "steps": ["grey"]}), text("It is grey.")]
    ) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("Ask anything")
            raw = tmp_path / "raw"
            term.tmux("pipe-pane", "-t", "t", "-o", f"cat > {raw}")
            term.type("look at shot.png")
            term.press("Enter")
            term.until("It is grey.", "shot.png 640 x 480, about")
            if how != "auto":
                counted(term, "▣ shot.png", 2)
            term.type("still typing")
            shown = term.until("still typing")
            whole = term.whole()
            assert ("/sessions/" in whole) is (how == "auto")
            assert "File=" not in whole and "a=T" not in whole and "#0;2" not in whole
            assert shown.count("still typing") == 1
            mark = {"kitty": b"\x1b_Ga=T", "iterm2": b"\x1b]1337;File=", "sixel": b"\x1bP0;1;0q"}
            assert raw.read_bytes().count(mark.get(how, b"?none?")) == (0 if how == "auto" else 2)
            term.press("C-c")
            term.type("/quit")
            term.press("Enter")
            term.until("EXIT 0")


@pytest.mark.tui
def test_what_cannot_be_attached_is_said_and_no_message_is_lost(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    known(program)
    (repo / "shot.png").write_bytes(saved(quarters()))
    (repo / "cut.png").write_bytes(saved(quarters())[:-30])
    (repo / "no.png").write_text("words")
    with Server([[gate(), text("One.")], text("Two.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("Ask anything")
            term.type("is no.png good")
            term.press("Enter")
            term.until("not attached: no.png: it is named PNG but no picture we know")
            server.reached.wait(20)
            term.type("into it: shot.png")  # goes into the running turn
            term.press("Enter")
            term.until("1 queued")
            server.gate.set()
            term.until("One.", "Two.", "shot.png 80 x 60, about")
            term.type("see cut.png")
            term.press("Enter")
            term.until("cut.png: it is", "› see cut.png")  # back in the composer
            term.press("C-c")
            term.type("/model o3-mini")
            term.press("Enter")
            term.until("o3-mini ·")
            term.type("see shot.png")
            term.press("Enter")
            term.until("o3-mini cannot look at pictures", "› see shot.png")
            term.press("C-c")
            term.type("/quit")
            term.press("Enter")
            term.until("EXIT 0")
    assert len(server.posts()) == 2
