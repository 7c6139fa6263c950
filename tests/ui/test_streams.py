"""Streams and folders that cannot be written, were closed or are gone when the program begins."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from tests.conftest import Done, Program
from tests.server import Server
from tests.turns import call, text

KEY = {"OPENAI_API_KEY": "sk-test-0123456789abcdef"}


def piped(program: Program, line: str, url: str = "") -> Done:
    """The program in bash, where `codex` is the program."""
    whole = f'codex() {{ {shlex.join(program.argv())} "$@"; }}\n{line}'
    env = program.env(OPENAI_BASE_URL=url, **KEY) if url else program.env()
    done = subprocess.run(
        ["bash", "-c", whole], cwd=program.cwd, env=env, capture_output=True, text=True, timeout=60
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("line", ["exec hi", "exec --json hi", "models", "sessions --help"])
def test_a_full_disk_behind_stdout_is_one_line_and_exit_code_1(program: Program, line: str) -> None:
    with Server([text("Done.")]) as server:
        done = piped(program, f"codex {line} >/dev/full", server.url)
    assert done.code == 1 and "Traceback" not in done.err
    assert done.err.count("codex-py: stdout cannot be written: No space left on device\n") == 1


def test_a_message_that_cannot_be_kept_is_no_usage_error(program: Program) -> None:
    with Server([text("Done.")]) as server:
        done = program.run("exec", "-o", "/dev/full", "hi", url=server.url)
    assert done.code == 1 and "-o /dev/full: No space left on device" in done.err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_takes_nothing_and_lends_its_number_to_no_file(
    program: Program, closed: str
) -> None:
    shown = [call("shell", {"command": "cat; echo out; echo err >&2"})]
    with Server([shown, text("Done.")]) as server:
        done = piped(program, f"codex exec --full-auto hi {closed}", server.url)
    assert done.code == 0, done.err
    assert "Traceback" not in done.err and (done.out == "Done.\n") is (">&-" not in closed.split())
    results = [each for each in program.log() if each["kind"] == "tool_result"]
    assert "out\nerr" in results[0]["parts"][0]["text"]


@pytest.mark.parametrize(
    "line", ["policy explain -- ls", "sandbox run -- ls", "sessions list", "undo", "exec hi"]
)
def test_a_current_folder_that_is_gone_is_one_line(program: Program, line: str) -> None:
    done = piped(program, f"mkdir gone && cd gone && rmdir ../gone && codex {line}")
    assert (done.code, done.out) == (2, ""), done.err
    assert done.err == "codex-py: the current folder no longer exists; go to one that does\n"


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("sandbox explain read /etc/hosts", 0, "allowed: "),
        ("sandbox run -- ls", 78, "codex-py sandbox: no place for temporary files: "),
    ],
)
def test_a_home_that_cannot_be_made_stops_only_what_needs_it(
    program: Program, line: str, code: int, told: str
) -> None:
    done = program.run(*line.split(), env={"CODEX_PY_HOME": "/dev/null/home"})
    assert "Traceback" not in done.err and told in done.out + done.err
    assert done.code == code


def test_the_doctor_needs_no_home_of_ours_and_no_short_one(program: Program) -> None:
    home = program.home / ("a" * 60) / ("b" * 60)
    home.mkdir(parents=True)
    done = program.run(
        "sandbox", "doctor", "--json", env={"CODEX_PY_HOME": "/dev/null/home", "HOME": str(home)}
    )
    assert '"works": true' in done.out and "could not be tried" not in done.out, done.err
