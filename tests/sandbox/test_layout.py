"""Deciding about paths: roots, git's folders, what is protected, what nobody may read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py_sandbox import Policy, PolicyError, layout
from codex_py_sandbox.explain import explain, plan_for
from codex_py_sandbox.plan import Plan
from codex_py_sandbox.session import check_roots
from tests.sandbox.conftest import git, repository


def planned(work: Path, environ: dict[str, str], **more: object) -> Plan:
    return plan_for(Policy(roots=(work,), **more), environ, Path(environ["HOME"]) / "state")


def test_what_makes_git_run_code_is_read_only_and_the_rest_is_not(
    work: Path, environ: dict[str, str]
) -> None:
    repository(work)
    binds = dict(planned(work, environ).binds)
    assert binds[f"{work}/.git"] == "rw"
    for name in ("config", "hooks", "info", "commondir", "modules", "worktrees"):
        assert binds[f"{work}/.git/{name}"] == "ro"
    assert f"{work}/.git/objects" not in binds


def test_git_read_only_closes_the_whole_folder(work: Path, environ: dict[str, str]) -> None:
    repository(work)
    assert dict(planned(work, environ, git="read-only").binds)[f"{work}/.git"] == "ro"


def test_a_linked_worktree_may_write_the_main_repository_but_not_its_rules(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    main = repository(tmp_path / "main")
    git(main, "worktree", "add", "-q", str(tmp_path / "tree"))
    binds = dict(planned(tmp_path / "tree", environ).binds)
    private = f"{main}/.git/worktrees/tree"
    assert binds[f"{main}/.git"] == "rw"
    assert binds[private] == "rw"
    assert binds[f"{main}/.git/config"] == "ro"
    assert binds[f"{private}/commondir"] == "ro"
    assert binds[f"{private}/gitdir"] == "ro"


def test_a_git_pointer_that_is_not_pointed_back_opens_nothing(
    tmp_path: Path, work: Path, environ: dict[str, str]
) -> None:
    other = repository(tmp_path / "other")
    git(other, "worktree", "add", "-q", str(tmp_path / "tree"))
    for target in (other / ".git", other / ".git/worktrees/tree"):
        (work / ".git").write_text(f"gitdir: {target}\n")
        plan = planned(work, environ)
        assert not [p for p, how in plan.binds if p.startswith(str(other)) and how != "ro"]
        assert dict(plan.binds)[f"{work}/.git"] == "ro"
        assert any("does not point back" in note for note in plan.notes)


def test_folders_on_the_way_to_a_protected_one_are_pinned(
    work: Path, environ: dict[str, str]
) -> None:
    repository(work / "a/b/nested")
    binds = dict(planned(work, environ).binds)
    assert binds[f"{work}/a"] == binds[f"{work}/a/b"] == binds[f"{work}/a/b/nested"] == "pin"


def test_hook_folders_and_includes_named_by_config_are_protected(
    work: Path, environ: dict[str, str]
) -> None:
    repository(work)
    (work / "tools/hooks").mkdir(parents=True)
    (work / "extra").write_text("")
    git(work, "config", "core.hooksPath", "tools/hooks")
    git(work, "config", "include.path", "../extra")
    binds = dict(planned(work, environ).binds)
    assert binds[f"{work}/tools/hooks"] == "ro"
    assert binds[f"{work}/extra"] == "ro"


def test_a_protected_name_that_is_a_link_is_reported_and_not_followed(
    tmp_path: Path, work: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (work / ".vscode").symlink_to(tmp_path / "elsewhere")
    plan = planned(work, environ)
    assert any(".vscode is a link" in note for note in plan.notes)
    assert str(tmp_path / "elsewhere") not in dict(plan.binds)


@pytest.mark.parametrize("root", ["/", "/etc", "/usr", "/tmp", "/proc/self", "/dev/shm"])
def test_the_machine_is_no_workspace(root: str, environ: dict[str, str]) -> None:
    with pytest.raises(PolicyError, match="cannot be a workspace"):
        check_roots(Policy(roots=(Path(root),)), environ["HOME"], Path("/nowhere"))


def test_home_what_holds_it_and_the_agents_own_data_are_no_workspace(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    home = Path(environ["HOME"])
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "link").symlink_to(home)
    for root in (home, tmp_path, own, tmp_path / "link"):
        with pytest.raises(PolicyError, match="cannot be a workspace"):
            check_roots(Policy(roots=(root,), own=(own,)), str(home), tmp_path / "state")


def test_secrets_of_the_home_are_masked_and_can_be_granted_one_by_one(
    work: Path, environ: dict[str, str]
) -> None:
    home = Path(environ["HOME"])
    for name in (".ssh", ".aws"):
        (home / name).mkdir()
    plan = planned(work, environ, allow_read=(home / ".aws",))
    assert str(home / ".ssh") in plan.masks
    assert str(home / ".aws") not in plan.masks


def test_a_grant_inside_a_masked_folder_shows_that_and_leaves_the_mask(
    work: Path, environ: dict[str, str]
) -> None:
    home = Path(environ["HOME"])
    (home / ".ssh/deep").mkdir(parents=True)
    (home / ".ssh/known_hosts").write_text("")
    plan = planned(
        work, environ, allow_read=(home / ".ssh/known_hosts",), allow_write=(home / ".ssh/deep",)
    )
    assert str(home / ".ssh") in plan.masks
    assert plan.shown == [str(home / ".ssh/deep"), str(home / ".ssh/known_hosts")]
    policy = Policy(roots=(work,))
    for kind, name, allowed in (
        ("read", ".ssh/known_hosts", True),
        ("write", ".ssh/known_hosts", False),
        ("write", ".ssh/deep/x", True),
        ("read", ".ssh/id_rsa", False),
    ):
        verdict = explain(policy, kind, str(home / name), environ=environ, plan=plan)
        assert verdict.allowed is allowed, (kind, name, verdict)


def test_nobody_can_grant_the_agents_own_data_devices_sockets_or_whole_homes(
    work: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "key").write_text("x")
    (work / "link").symlink_to(tmp_path)
    asked = (own, own / "key", tmp_path, Path(environ["HOME"]), Path("/dev/sda"), Path("/dev"),
             Path("/run/docker.sock"), Path("/etc"), work / "link")  # fmt: skip
    plan = planned(work, environ, own=(own,), allow_write=asked, allow_read=asked)
    assert plan.roots == [(str(work), True)]
    assert str(own) in plan.masks
    assert plan.shown == []


def test_globs_mask_files_below_roots(work: Path, environ: dict[str, str]) -> None:
    (work / "sub").mkdir()
    (work / "sub/.env.local").write_text("x")
    plan = planned(work, environ, deny_read_globs=(".env*",))
    assert f"{work}/sub/.env.local" in plan.masks
    assert dict(plan.binds)[f"{work}/sub"] == "pin"


segments = st.sampled_from(["a", "b", "..", ".", "link", "é", "É", "A", ".git", "x y"])


@given(parts=st.lists(segments, max_size=8))
def test_no_spelling_of_a_path_outside_is_writable(
    parts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = Path(os.path.realpath(tmp_path_factory.getbasetemp())) / "spelling"
    root = base / "root"
    for made in (root / "a/b", root / "é", base / "out", base / "home"):
        made.mkdir(parents=True, exist_ok=True)
    if not (root / "link").is_symlink():
        (root / "link").symlink_to(base / "out")
    plan = Plan("workspace-write", "off")
    plan.roots = [(str(root), True)]
    policy = Policy(roots=(root,))
    plan.tmp = ""
    path = os.path.join(root, *parts)
    verdict = explain(policy, "write", path, environ={"HOME": str(base / "home")}, plan=plan)
    assert verdict.allowed == layout.beneath(os.path.realpath(path), str(root))
