"""The macOS profile as text: what is refused comes after what is allowed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codex_py_sandbox import EnvRules, Policy, SandboxUnavailable, macos
from codex_py_sandbox.explain import plan_for
from codex_py_sandbox.folders import SessionFolder
from codex_py_sandbox.seatbelt import SeatbeltSession
from tests.sandbox.battery.backends import launcher_path
from tests.sandbox.conftest import repository, run


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


def test_what_is_shown_in_a_hidden_folder_comes_after_the_mask_and_before_the_roots(
    work: Path, environ: dict[str, str]
) -> None:
    keys = Path(environ["HOME"]) / ".ssh"
    keys.mkdir()
    (keys / "known_hosts").write_text("")
    text, params = made(work, environ, allow_read=(keys / "known_hosts",))
    masked = text.index(f'(subpath (param "{named(params, keys)}"))')
    shown = text.index(
        f'(allow file-read* (subpath (param "{named(params, keys / "known_hosts")}")))'
    )
    root = text.index(f'(allow file-write* (subpath (param "{named(params, work)}")))')
    assert masked < shown < root


# Stand-ins for sandbox-exec, which no other system has: one that really confines, by our own
# launcher, one that runs everything as it is, and one that refuses.
CONFINES = """#!/bin/sh
for each do shift; [ "$each" = -- ] && break; set -- "$@" ; done
exec {python} -m codex_py_sandbox run --root {root} --deny-read {secret} --keep-env '*' -- "$@"
"""
LETS_THROUGH = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""
REFUSES = "#!/bin/sh\necho 'sandbox-exec: sandbox_apply: Operation not permitted' >&2; exit 71\n"


def stood_in(script: str, folder: Path, work: Path, environ: dict[str, str]) -> SeatbeltSession:
    program = folder / "sandbox-exec"
    program.write_text(script)
    program.chmod(0o755)
    secret = Path(environ["HOME"]) / ".netrc"
    secret.write_text("machine x")
    told = {**environ, "PYTHONPATH": launcher_path()}
    policy = Policy(roots=(work,), env=EnvRules(keep=("PYTHONPATH",)))
    return SeatbeltSession(policy, told, SessionFolder(folder / "state"), str(program))


@pytest.mark.sandbox
def test_a_session_runs_commands_once_the_walls_were_tried(
    work: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    script = CONFINES.format(
        python=sys.executable, root=work, secret=Path(environ["HOME"]) / ".netrc"
    )
    with stood_in(script, tmp_path, work, environ) as session:
        try:
            assert session.ready(30) == "seatbelt"
        except SandboxUnavailable as error:
            if "did not run" not in error.reason:
                raise
            pytest.skip("this system has nothing that could stand in for it")
        said = run(session, "echo in > in; echo hi; exit 3", work)  # type: ignore[arg-type]
        assert (said.exit.code, said.text) == (3, "hi\n")
        late = run(session, "sleep 600 & sleep 600", work, wall_s=0.5).exit  # type: ignore[arg-type]
        assert late.timed_out
        assert late.signal == signal.SIGKILL
    assert (work / "in").read_text() == "in\n"
    assert list((tmp_path / "state/tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (LETS_THROUGH, "it does not hold: wrote, read, signalled"),
        (REFUSES, "did not run a command"),
    ],
)
def test_walls_that_do_not_hold_refuse_and_nothing_runs(
    work: Path, tmp_path: Path, environ: dict[str, str], script: str, says: str
) -> None:
    with (
        stood_in(script, tmp_path, work, environ) as session,
        pytest.raises(SandboxUnavailable, match=says),
    ):
        session.start(["touch", str(work / "ran")], work)
    assert not (work / "ran").exists()


def test_it_is_what_macos_gets(work: Path, tmp_path: Path, environ: dict[str, str]) -> None:
    code = (
        "import sys; sys.platform = 'darwin'\n"
        "from pathlib import Path\nfrom codex_py_sandbox import Policy, open_session\n"
        f"s = open_session(Policy(roots=(Path({str(work)!r}),)), environ={environ!r},"
        f" state=Path({str(tmp_path / 'state')!r}))\n"
        "print(type(s).__name__)\ntry: s.ready()\nexcept Exception as e: print(e)\ns.close()"
    )
    env = {**environ, "PYTHONPATH": launcher_path()}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert said.stdout.startswith("SeatbeltSession\n"), said.stderr
    assert "/usr/bin/sandbox-exec: No such file or directory" in said.stdout
