"""Streams that cannot be written, or that were closed before the program began."""

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
