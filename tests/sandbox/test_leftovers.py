"""What a command leaves for the user's own git and other programs is found and put out of the way."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from codex_py_sandbox import Policy
from codex_py_sandbox.leftovers import Links
from tests.sandbox.conftest import BACKENDS, Opener, git, repository, run

pytestmark = pytest.mark.sandbox
each_backend = pytest.mark.parametrize("backend", BACKENDS)


@each_backend
def test_the_users_next_commit_writes_through_no_link(
    opened: Opener, work: Path, tmp_path: Path, backend: str
) -> None:
    repository(work)
    victim = tmp_path / "bashrc"
    victim.write_text("mine\n")
    session = opened(Policy(roots=(work,)), backend)
    plant = (
        f"ln -sf {victim} .git/COMMIT_EDITMSG; echo evil > .git/SQUASH_MSG; echo x >> file; "
        f"git add file; ln -sf {victim} .git/logs/HEAD; ln -s {victim} .git/refs/heads/evil; "
        f"mkdir -p .git/logs/a/b; ln -s {tmp_path} .git/logs/a/b/c; ln -s {victim} .git/MERGE_MSG"
    )
    ended = run(session, plant, work).exit
    told = {event.target for event in ended.events}
    assert {f"{work}/.git/COMMIT_EDITMSG", f"{work}/.git/logs/a/b/c"} <= told
    env = {**os.environ, "GIT_EDITOR": "true", "GIT_CONFIG_GLOBAL": "/dev/null"}
    subprocess.run(["git", "commit", "-q", "-m", "x"], cwd=work, env=env, check=False)
    git(work, "status")
    assert victim.read_text() == "mine\n"
    assert not [each for each in (work / ".git").rglob("*") if each.is_symlink()]


@each_backend
def test_a_todo_list_behind_a_link_runs_nothing(opened: Opener, work: Path, backend: str) -> None:
    repository(work)
    session = opened(Policy(roots=(work,)), backend)
    script = (
        "mkdir .git/rebase-merge; echo 'exec touch ran' > todo; "
        "ln -s ../../todo .git/rebase-merge/git-rebase-todo"
    )
    run(session, script, work)
    assert not (work / ".git/rebase-merge/git-rebase-todo").is_symlink()


@each_backend
def test_hooks_and_settings_that_git_would_read_and_that_were_not_there_are_set_aside(
    opened: Opener, work: Path, backend: str
) -> None:
    repository(work)
    for key, value in (
        ("core.hooksPath", ".hooks/deep"),
        ("include.path", "../more.cfg"),
        ("extensions.worktreeConfig", "true"),
    ):
        git(work, "config", key, value)
    session = opened(Policy(roots=(work,)), backend)
    script = (
        "mkdir -p .hooks/deep; echo 'touch ran' > .hooks/deep/pre-commit; "
        "chmod +x .hooks/deep/pre-commit; printf '[core]\\nfsmonitor = touch ran' > more.cfg; "
        "cp more.cfg .git/config.worktree; mkdir .claude"
    )
    ended = run(session, script, work).exit
    for name in (".hooks", "more.cfg", ".git/config.worktree"):
        assert not (work / name).exists(), name
    assert f"{work}/.claude" in {event.target for event in ended.events}
    assert run(session, "true", work).exit.events == ()
    git(work, "commit", "--allow-empty", "-qm", "mine")
    assert not (work / "ran").exists()


@each_backend
def test_settings_of_editors_further_down_stay_as_they_are(
    opened: Opener, work: Path, backend: str
) -> None:
    for name in ("pkg/.vscode", "pkg/deep/.husky"):
        (work / name).mkdir(parents=True)
        (work / name / "file").write_text("old\n")
    session = opened(Policy(roots=(work,)), backend)
    run(
        session, "echo new > pkg/.vscode/file; echo x > pkg/deep/.husky/new; echo x > pkg/new", work
    )
    assert (work / "pkg/.vscode/file").read_text() == "old\n"
    assert not (work / "pkg/deep/.husky/new").exists()
    assert (work / "pkg/new").exists()


def test_links_of_the_users_own_stay_and_a_link_back_in_time_is_seen(tmp_path: Path) -> None:
    top = repository(tmp_path / "repo") / ".git"
    (top / "refs/mine").symlink_to("heads/main")
    links = Links(str(top))
    (top / "refs/heads/new").symlink_to("main")
    os.utime(top / "refs/heads", (1, 1))
    assert [path for path, _ in links.look()] == [str(top / "refs/heads/new")]
    assert (top / "refs/mine").is_symlink()
    assert links.look() == []
