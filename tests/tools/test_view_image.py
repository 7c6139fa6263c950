"""view_image as a turn uses it: steps, bounds, kept pictures, and what it does not follow."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from codex_py.core.policy import Policy, decide
from codex_py.host import open_host
from codex_py.host.confine import Ground
from codex_py.tools import builtin
from tests.conftest import Program
from tests.drawn import opened, png_claiming, quarters, saved
from tests.server import Server
from tests.turns import call, text
from tests.ui.test_images import sent


def results(server: Server) -> list[Any]:
    """What came of the calls, as the last request tells it."""
    return [
        each["output"] for each in server.posts()[-1]["input"] if each["type"].endswith("_output")
    ]


def test_what_cannot_be_shown_is_told_and_the_turn_goes_on(program: Program, repo: Path) -> None:
    (repo / "text.png").write_text("words")
    (repo / "bomb.png").write_bytes(png_claiming(60_000, 60_000))
    (repo / "cut.png").write_bytes(saved(quarters())[:-40])
    (repo / "folder.png").mkdir()
    os.mkfifo(repo / "pipe.png")
    (repo.parent / "private.png").write_bytes(saved(quarters()))
    (repo / "link.png").symlink_to(repo.parent / "private.png")
    (repo / "a.png").write_bytes(saved(quarters()))
    asked = [
        ({"path": "text.png"}, "no picture we know"), ({"path": "bomb.png"}, "3,600,000,000 pixels"),
        ({"path": "cut.png"}, "cut off"), ({"path": "folder.png"}, "Is a directory"),
        ({"path": "pipe.png"}, "not a regular file"), ({"path": "gone.png"}, "No such file"),
        ({"path": "a.png", "steps": ["diff bomb.png"]}, "bomb.png: it has 60,000"),
        ({"path": "a.png", "steps": ["beside cut.png"]}, "cut.png: it is"),
        ({"path": "a.png", "steps": ["turn 3"]}, "there is no step"),
        ({"path": "a.png", "steps": ["crop 500 0 9 9"]}, "outside the picture"),
        ({"path": "kept:77"}, "No picture of this session is kept as 77"),
        ({"path": "link.png"}, "leads out of the workspace"),
        ({"path": "a.png", "steps": ["beside link.png"]}, "leads out of the workspace"),
    ]  # fmt: skip
    turns = [
        [call("view_image", each, id=f"c{n}") for n, (each, _) in enumerate(asked)],
        text("ok"),
    ]
    with Server(turns) as server:
        done = program.run("exec", "--auto-edit", "look", url=server.url, seconds=120)
        found = results(server)
    assert done.code == 5, done.err  # the links were asked about, and nobody could be
    for told, (each, why) in zip(found, asked, strict=True):
        assert isinstance(told, str) and why in told, (each, told)


def test_the_same_look_twice_is_noticed_and_the_limit_is_kept(program: Program, repo: Path) -> None:
    (repo / "a.png").write_bytes(saved(quarters(1_000, 800)))
    look = {"path": "a.png", "steps": ["crop 0 0 700 700"]}
    turns = [
        call("view_image", look),
        call("view_image", look),
        call("view_image", {**look, "steps": ["crop 0 0 700 699"]}),
        call("view_image", {"path": "kept:1", "steps": ["invert"]}),
        text("seen"),
    ]
    with Server(turns) as server:
        done = program.run(
            "exec", "-m", "gpt-4.1-mini", "-c", "image_tokens_per_turn=1700", "look", url=server.url
        )
        first, again, over, kept = results(server)
    assert done.code == 0, done.err
    assert opened(sent(first[1])).size == (700, 700)
    assert "this very picture is already before you" in again
    assert "about 785 tokens" in first[0]["text"]
    assert opened(sent(over[1])).size == (700, 699)
    assert "Not shown: it would cost about" in kept and "1,700" in kept
    assert done.err.count("▣ a.png") == 2


def test_a_link_out_of_the_workspace_is_asked_about_in_every_mode(tmp_path: Path) -> None:
    builtin("replace")
    from codex_py.tools import view_image  # after pydantic, as the program does

    work = tmp_path / "work"
    (work / "in").mkdir(parents=True)
    (tmp_path / "out.png").write_bytes(b"x")
    (work / "in" / "real.png").write_bytes(b"x")
    (work / "near.png").symlink_to("in/real.png")
    (work / "far.png").symlink_to(tmp_path / "out.png")
    (work / "folder").symlink_to(tmp_path)
    host = open_host(Ground(str(work), (str(work),), str(tmp_path / "own")), os.environ, timeout=5)
    try:
        for path, verdict in (
            ("near.png", "allow"), ("far.png", "ask"), ("folder/out.png", "ask"),
            (str(tmp_path / "out.png"), "allow"), ("kept:1", "allow"),
        ):  # fmt: skip
            params = view_image.TOOL.parse(json.dumps({"path": path}))
            effects = host.resolved(view_image.effects(params, host))  # type: ignore[arg-type]
            for mode in ("suggest", "auto-edit", "full-auto"):
                found = decide(Policy(mode, host.roots), effects, lambda *_: ())  # type: ignore[arg-type]
                assert found.verdict == verdict, (path, mode)
    finally:
        host.close()
