"""A session's log lies where the agent's own commands and edits cannot rewrite it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from codex_py.ground import ground
from codex_py.host import Unopenable, open_host
from codex_py.host.confine import policy
from codex_py.settings import Settings
from tests.conftest import Program
from tests.server import Server
from tests.turns import call, text

FORGED = """*** Begin Patch
*** Add File: state/sessions/2020/01/01/x.jsonl
+{}
*** End Patch"""


@pytest.fixture
def log(program: Program, tmp_path: Path) -> Path:
    """A session's log outside our own folder and the workspace."""
    with Server([[call("shell", {"command": "seq 1 20000"})], text("I will.")]) as server:
        assert program.run("exec", "--full-auto", "hi", url=server.url).code == 0
    (path,) = (program.home / "state/sessions").rglob("*.jsonl")
    place = tmp_path / "given"
    place.mkdir()
    shutil.copytree(path.with_suffix(""), place / "log")
    shutil.copy(path, place / "log.jsonl")
    return place / "log.jsonl"


@pytest.mark.parametrize("mode", ["suggest", "auto-edit", "full-auto"])
@pytest.mark.parametrize("way", ["inside", "link", "added", "writable", "setting"])
def test_a_log_in_reach_of_the_agent_is_not_gone_on_with(
    program: Program, log: Path, mode: str, way: str
) -> None:
    more: tuple[str, ...] = ()
    if way in ("inside", "link"):
        inside = program.cwd / "log.jsonl"
        shutil.move(log, inside)
        if way == "link":
            log.symlink_to(inside)
        else:
            log = inside
    elif way == "added":
        more = ("--add-dir", str(log.parent))
    else:
        key = "writable" if way == "writable" else "writable_roots"
        place = log if way == "writable" else log.parent
        more = ("-c", f'sandbox_workspace_write.{key}=["{place}"]')
    before = log.read_bytes()
    with Server([text("never asked")]) as server:
        done = program.run("exec", "resume", str(log), "-a", mode, *more, "go", url=server.url)
        assert (done.code, server.left) == (2, 1)
    assert "commands and edits could rewrite it" in done.err and "codex-py fork" in done.err
    assert log.read_bytes() == before


def test_a_copy_of_such_a_log_goes_on_in_our_own_folder(program: Program, log: Path) -> None:
    inside = program.cwd / "log.jsonl"
    shutil.move(log, inside)
    before = inside.read_bytes()
    attack = "echo '{}' >> log.jsonl; mv log.jsonl gone; echo forged > log.jsonl"
    with Server([[call("shell", {"command": attack})], text("PLUM")]) as server:
        done = program.run("exec", "fork", str(inside), "--full-auto", "go", url=server.url)
    assert done.code == 0, done.err
    assert (program.cwd / "gone").read_bytes() == before + b"{}\n"
    fork = program.log()
    assert "parent" in fork[0] or fork[0]["session"] not in before.decode()
    assert fork[-1]["kind"] == "turn_ended" and fork[-1]["reason"] == "done"


def test_a_log_elsewhere_and_what_lies_beside_it_are_closed_to_commands(
    program: Program, log: Path
) -> None:
    found = ground(
        Settings(home=program.home / "state"), str(program.cwd), (str(program.cwd),), str(log)
    )
    own = {str(each) for each in policy(found, "workspace-write").own}
    assert own == {found.own, str(log), str(log.with_suffix(""))}
    host = open_host(found, os.environ, timeout=5)
    try:
        for each in (log, log.parent, log.with_suffix("")):
            with pytest.raises(Unopenable, match="the agent's own data"):
                host.openable(str(each))
    finally:
        host.close()
    with Server([text("PLUM")]) as server:
        done = program.run("exec", "resume", str(log), "--full-auto", "go", url=server.url)
    assert (done.code, done.out) == (0, "PLUM\n"), done.err


@pytest.mark.parametrize("mode", ["suggest", "auto-edit", "full-auto"])
def test_our_own_folder_in_the_workspace_is_told_and_never_in_reach(
    program: Program, mode: str
) -> None:
    state = program.cwd / "state"
    attack = [
        call("shell", {"command": "echo x >> state/sessions/*/*/*/*.jsonl"}),
        call("apply_patch", {"input": FORGED}),
        call("shell", {"command": "cat state/sessions/*/*/*/*.jsonl"}),
    ]
    with Server([attack, text("done")]) as server:
        done = program.run(
            "exec", "-a", mode, "go", url=server.url, env={"CODEX_PY_HOME": str(state)}
        )
    if mode == "full-auto":
        assert done.code == 2 and "it holds the agent's own data" in done.err
        return
    assert done.code == 5 and "lies in the workspace: no command can be confined" in done.err
    (path,) = (state / "sessions").rglob("*.jsonl")
    assert path.read_text("utf-8").count('"by":"headless"') == 3
    assert "\nx" not in path.read_text("utf-8")
