"""The macOS profile as text: what is refused comes after what is allowed."""

from __future__ import annotations

from pathlib import Path

from codex_py_sandbox import Policy, macos
from codex_py_sandbox.explain import plan_for
from tests.sandbox.conftest import repository


def made(work: Path, environ: dict[str, str], **more: object) -> tuple[str, dict[str, str]]:
    policy = Policy(roots=(work,), **more)
    return macos.profile(plan_for(policy, environ), policy)


def named(params: dict[str, str], path: Path | str) -> str:
    return next(name for name, value in params.items() if value == str(path))


def test_everything_is_denied_first_and_paths_are_parameters(
    work: Path, environ: dict[str, str]
) -> None:
    text, params = made(work, environ)
    assert text.startswith("(version 1)\n(deny default)\n")
    assert f'(allow file-write* (subpath (param "{named(params, work)}")))' in text
    assert text.count("(") == text.count(")")


def test_protected_paths_come_after_the_root_that_holds_them(
    work: Path, environ: dict[str, str]
) -> None:
    repository(work)
    text, params = made(work, environ)
    allowed = text.index(f'(allow file-write* (subpath (param "{named(params, work)}")))')
    for name in ("config", "hooks", "commondir"):
        rule = f'(deny file-write* (literal (param "{named(params, work / ".git" / name)}"))'
        assert text.index(rule) > allowed
    assert f'(deny file-write-unlink (literal (param "{named(params, work / ".git")}")))' in text


def test_reserved_names_cannot_be_made(work: Path, environ: dict[str, str]) -> None:
    text, _ = made(work, environ)
    assert r"\.vscode" in text[text.index("(deny file-write* (regex") :]


def test_secrets_are_denied_last(work: Path, environ: dict[str, str]) -> None:
    (Path(environ["HOME"]) / ".ssh").mkdir()
    text, params = made(work, environ)
    name = named(params, Path(environ["HOME"]) / ".ssh")
    assert f'(deny file-read* file-write* (literal (param "{name}"))' in text
    assert text.index("(allow file-read*)") < text.index(f'"{name}"')


def test_the_network_is_loopback_only_unless_on(work: Path, environ: dict[str, str]) -> None:
    off, _ = made(work, environ)
    assert "(allow network*)" not in off
    assert 'network-outbound (remote ip "localhost:*")' in off
    on, _ = made(work, environ, network="on")
    assert "(allow network*)" in on


def test_no_service_that_starts_programs_can_be_asked(work: Path, environ: dict[str, str]) -> None:
    text, _ = made(work, environ)
    assert "launchservicesd" not in text
    assert "appleevent" not in text
