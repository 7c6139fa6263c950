"""The command line: exit codes pass through, errors are one line, help has examples."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.battery.backends import launcher_path


def cli(work: Path, environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    env = {**environ, "PYTHONPATH": launcher_path()}
    line = [sys.executable, "-m", "codex_py_sandbox", *words]
    return subprocess.run(line, cwd=work, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.sandbox
def test_run_passes_output_and_code_through(work: Path, environ: dict[str, str]) -> None:
    ran = cli(work, environ, "run", "--", "sh", "-c", "echo hi; exit 7")
    assert (ran.returncode, ran.stdout, ran.stderr) == (7, "hi\n", "")


@pytest.mark.sandbox
def test_json_says_how_it_ended(work: Path, environ: dict[str, str]) -> None:
    ran = cli(work, environ, "run", "--json", "--limits", "wall=0.3", "--", "sleep", "60")
    said = json.loads(ran.stderr.splitlines()[-1])
    assert said["timed_out"] is True
    assert ran.returncode == 137


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run",), "give a command"),
        (("run", "--root", "/", "--", "true"), "cannot be a workspace"),
        (("run", "--limits", "ram=3", "--", "true"), "NAME=NUMBER"),
        (("run", "--backend", "magic", "--", "true"), "invalid choice"),
        (("frobnicate",), "invalid choice"),
    ],
)
def test_wrong_usage_is_code_2_and_no_traceback(
    work: Path, environ: dict[str, str], words: tuple[str, ...], says: str
) -> None:
    ran = cli(work, environ, *words)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_help_shows_examples(work: Path, environ: dict[str, str]) -> None:
    assert "run -- make test" in cli(work, environ, "--help").stdout


@pytest.mark.parametrize("verb", ["run", "doctor", "explain", "profile"])
def test_every_verb_tells_its_options_and_codes(
    work: Path, environ: dict[str, str], verb: str
) -> None:
    said = cli(work, environ, verb, "--help").stdout
    options = [line for line in said.splitlines() if line.startswith("  --")]
    assert len(options) >= 2
    for at, line in enumerate(said.splitlines()):
        if line.startswith("  --"):
            following = (said.splitlines()[at + 1 : at + 2] or [""])[0]
            assert "  " in line.strip() or following.startswith("    "), f"no word about {line}"
    assert verb == "profile" or "exit codes:" in said


@pytest.mark.sandbox
def test_run_sees_known_variables_and_those_that_were_asked_for(
    work: Path, environ: dict[str, str]
) -> None:
    told = {**environ, "ACME_PIN": "1234", "MY_APP_MODE": "x", "LC_ALL": "C", "A_TOKEN": "t"}
    assert "ACME" not in cli(work, told, "run", "--", "env").stdout
    said = cli(work, told, "run", "--keep-env", "MY_APP_*", "--", "env").stdout
    assert "MY_APP_MODE=x" in said and "LC_ALL=C" in said
    assert "ACME" not in said and "A_TOKEN" not in said


def test_explain_names_reason_and_grant(work: Path, environ: dict[str, str]) -> None:
    ran = cli(work, environ, "explain", "write", "/etc/hosts", "--json")
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["grant"] == "allow_write=/etc/hosts"
    assert cli(work, environ, "explain", "write", "x").returncode == 0


def test_profile_lists_roots_and_protections(work: Path, environ: dict[str, str]) -> None:
    (work / ".envrc").write_text("")
    said = cli(work, environ, "profile").stdout
    assert f"writable {work}" in said
    assert f"read-only {work}/.envrc" in said
