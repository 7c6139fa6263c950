"""Repositories in the machine's own /tmp: git works below them as elsewhere, and nothing else shows."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_py_sandbox import Policy
from codex_py_sandbox.explain import explain
from tests.sandbox.conftest import Opener, git, repository, run

pytestmark = pytest.mark.sandbox
mounting = pytest.mark.parametrize("backend", ["namespaces", "bubblewrap"])


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder in /tmp with a repository, `repo`, that has a folder `below`; and other things."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(os.path.realpath(name))
        (repository(folder / "repo") / "below").mkdir()
        (folder / "repo/below/own").write_text("mine")
        (folder / "other").write_text("not part of it")
        git(folder / "repo", "add", ".")
        git(folder / "repo", "commit", "-qm", "third")
        yield folder


@mounting
def test_git_works_below_a_repository_in_tmp(top: Path, opened: Opener, backend: str) -> None:
    repo, below = top / "repo", top / "repo/below"
    session = opened(Policy(roots=(below,)), backend)
    assert run(session, "git status --short && git log --format=%s", below).text.split() == [
        "third",
        "second",
        "first",
    ]
    assert run(session, "echo x > new; git add new && git commit -qm fourth", below).exit.code == 0
    assert git(repo, "log", "-1", "--format=%s") == "fourth\n"
    script = f"echo x > {repo}/file; rm {repo}/file; echo x >> {repo}/.git/config; touch {repo}/y"
    before = (repo / ".git/config").read_text()
    run(session, script, below)
    assert (repo / "file").read_text() == "second" and not (repo / "y").exists()
    assert (repo / ".git/config").read_text() == before
    assert run(session, f"cat {top}/other || ls {top}; echo x > {top}/z", below).text.split()[
        -1:
    ] == ["repo"]
    assert not (top / "z").exists()
    assert session.host_path(repo) == repo
    assert session.host_path(top / "other") != top / "other"


@mounting
def test_git_only_reads_where_policy_has_it_so(top: Path, opened: Opener, backend: str) -> None:
    below = top / "repo/below"
    for policy in (
        Policy(mode="read-only", roots=(below,)),
        Policy(roots=(below,), git="read-only"),
    ):
        session = opened(policy, backend)
        assert run(session, "git log -1 --format=%s; git status --short", below).text == "third\n"
        assert run(session, "git commit --allow-empty -qm no", below).exit.code != 0
    assert git(below, "log", "-1", "--format=%s") == "third\n"


@mounting
def test_a_worktree_elsewhere_shows_the_git_folder_alone(
    top: Path, opened: Opener, work: Path, backend: str
) -> None:
    git(top / "repo", "worktree", "add", "-q", str(work / "tree"))
    tree = work / "tree"
    session = opened(Policy(roots=(tree,)), backend)
    assert run(session, "git commit --allow-empty -qm away", tree).exit.code == 0
    assert git(tree, "log", "-1", "--format=%s") == "away\n"
    assert run(session, f"ls {top}/repo; cat {top}/repo/file", tree).exit.code != 0


@mounting
def test_what_is_denied_stays_hidden(
    top: Path, opened: Opener, environ: dict[str, str], backend: str
) -> None:
    repo, below = top / "repo", top / "repo/below"
    (repo / ".env").write_text("KEY=1")
    policy = Policy(roots=(below,), deny_read=(repo / ".env",))
    assert "KEY" not in run(opened(policy, backend), f"cat {repo}/.env", below).text
    assert not explain(policy, "read", f"{repo}/.env", environ=environ).allowed
    assert explain(policy, "read", f"{repo}/file", environ=environ).allowed
    assert not explain(policy, "write", f"{repo}/file", environ=environ).allowed
    whole = Policy(roots=(below,), deny_read=(top,))
    ran = run(opened(whole, backend), f"cat own; cat {repo}/file", below)
    assert ran.exit.code != 0 and ran.text.startswith("mine") and "second" not in ran.text


@pytest.mark.parametrize(
    ("backend", "network"), [("namespaces", "off"), ("namespaces", "on"), ("bubblewrap", "on")]
)
def test_sockets_of_other_programs_are_out_of_reach_in_it(
    top: Path, opened: Opener, backend: str, network: str
) -> None:
    below = top / "repo/below"
    with socket.socket(socket.AF_UNIX) as early, socket.socket(socket.AF_UNIX) as late:
        early.bind(str(top / "repo/early"))
        early.listen()
        session = opened(Policy(roots=(below,), network=network), backend)
        late.bind(str(top / "repo/late"))
        late.listen()
        # Sockets that are made later are a known gap of bubblewrap.
        for name in ("early", "late")[: 2 if backend == "namespaces" else 1]:
            code = f"import socket; socket.socket(socket.AF_UNIX).connect('{top}/repo/{name}')"
            assert run(session, f'python3 -c "{code}"', below).exit.code != 0, name
