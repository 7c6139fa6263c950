"""Telling a refusal from a failure: by the path and the policy, never by a word alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from codex_py_sandbox import Event, Exit, Grant, Policy
from codex_py_sandbox.denial import denials, message
from codex_py_sandbox.explain import explain, granted


def found(work: Path, environ: dict[str, str], text: str, *events: Event) -> list[tuple[str, str]]:
    policy = Policy(roots=(work,))
    seen = denials(policy, Exit(1, None, events), text, str(work), environ=environ)
    return [(d.kind, d.target) for d in seen if d.certain]


@pytest.mark.parametrize(
    "line",
    [
        "touch: cannot touch '{}': Read-only file system",
        "bash: line 1: {}: Read-only file system",
        "OSError: [Errno 30] Read-only file system: '{}'",
        "Error: EROFS: read-only file system, open '{}'",
        "open {}: read-only file system",
        "error: failed to open file `{}`: Read-only file system (os error 30)",
        "fatal: could not create leading directories of '{}': Read-only file system",
    ],
)
def test_a_refused_write_is_found_in_every_tools_words(
    work: Path, tmp_path: Path, environ: dict[str, str], line: str
) -> None:
    outside = f"{tmp_path}/home/file"
    assert found(work, environ, line.format(outside)) == [("write", outside)]


@pytest.mark.parametrize(
    "line",
    [
        "FAILED test_sandbox.py::test_permission denied landlock seccomp",
        "cat: {work}/absent: No such file or directory",
        "PermissionError: [Errno 13] Permission denied: '{work}/file'",
        "sh: 1: Read-only file system",
        "connect to 127.0.0.1 port 80 failed: Connection refused",
    ],
)
def test_an_ordinary_failure_is_no_denial(work: Path, environ: dict[str, str], line: str) -> None:
    assert found(work, environ, line.format(work=work)) == []


def test_a_relative_path_is_seen_from_where_the_command_ran(
    work: Path, environ: dict[str, str]
) -> None:
    (work / ".envrc").write_text("")
    text = "sh: 1: cannot create .envrc: Read-only file system"
    assert found(work, environ, text) == [("write", f"{work}/.envrc")]


def test_a_connect_that_the_kernel_reported_is_certain_whatever_was_printed(
    work: Path, environ: dict[str, str]
) -> None:
    seen = found(work, environ, "", Event("connect", "93.184.216.34:443"))
    assert seen == [("connect", "93.184.216.34:443")]
    assert found(work, environ, "", Event("connect", "127.0.0.1:80")) == []


def test_the_line_for_the_model_names_what_why_and_the_grant(
    work: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    policy = Policy(roots=(work,))
    text = f"touch: cannot touch '{tmp_path}/home/x': Read-only file system"
    seen = denials(policy, Exit(1), text, str(work), environ=environ)
    line = message(seen, policy)
    assert "\n" not in line
    assert f"write {tmp_path}/home/x (it is outside the workspace)" in line
    assert f"allow_write={tmp_path}/home/x" in line
    assert "same refusal" in message(seen, policy, again=True)


@pytest.mark.parametrize("kind", ["write", "read", "connect"])
def test_a_grant_allows_just_what_was_refused(
    work: Path, tmp_path: Path, environ: dict[str, str], kind: str
) -> None:
    secret = Path(environ["HOME"]) / ".ssh"
    secret.mkdir()
    (tmp_path / "near").mkdir()
    target = {"write": f"{tmp_path}/near", "read": str(secret), "connect": "a.example:443"}[kind]
    policy = Policy(roots=(work,))
    refused = explain(policy, kind, target, environ=environ)
    assert not refused.allowed
    assert isinstance(refused.grant, Grant)
    wider = granted(policy, refused.grant)
    assert explain(wider, kind, target, environ=environ).allowed
    assert not explain(wider, "write", f"{tmp_path}/other", environ=environ).allowed


@pytest.mark.parametrize("target", ["{home}", "/etc", "/dev/sda", "/run/x.sock", "{home}/own/key"])
def test_what_nobody_can_open_has_no_grant(
    target: str, work: Path, environ: dict[str, str]
) -> None:
    own = Path(environ["HOME"]) / "own"
    own.mkdir()
    policy = Policy(roots=(work,), own=(own,))
    verdict = explain(policy, "write", target.format(home=environ["HOME"]), environ=environ)
    assert (verdict.allowed, verdict.grant) == (False, None)
