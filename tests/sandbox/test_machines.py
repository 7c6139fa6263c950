"""Poorer machines, emulated: each has one known answer, and none runs a command unconfined."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from codex_py_sandbox._landlock import abi as landlock_abi
from tests.sandbox.battery.backends import ROOT, launcher_path

pytestmark = pytest.mark.sandbox
EMULATE = [sys.executable, str(ROOT / "tests/sandbox/battery/emulate.py")]


def attempt(machine: str, work: Path, environ: dict[str, str], *words: str) -> tuple[int, str]:
    env = {**environ, "PYTHONPATH": launcher_path()}
    line = [*EMULATE, machine, "--", sys.executable, "-m", "codex_py_sandbox", *words]
    ran = subprocess.run(line, cwd=work, env=env, capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("machine", "wants_landlock"),
    [("docker", True), ("nouserns", True), ("apparmor", True), ("nolandlock", False)],
)
def test_the_strongest_that_works_is_used(
    machine: str, wants_landlock: bool, work: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    if wants_landlock and not landlock_abi():
        pytest.skip("this kernel has no Landlock itself")
    script = f"echo > in; echo > {tmp_path}/out"
    code, said = attempt(machine, work, environ, "run", "--", "sh", "-c", script)
    assert code != 0, said
    assert (work / "in").exists(), said
    assert not (tmp_path / "out").exists()


def test_with_nothing_left_no_command_runs(work: Path, environ: dict[str, str]) -> None:
    code, said = attempt("docker-nolandlock", work, environ, "run", "--", "touch", "ran")
    assert code == 78, said
    assert not (work / "ran").exists()
    for tried in ("namespaces:", "bubblewrap:", "landlock:"):
        assert tried in said


@pytest.mark.slow
def test_doctor_tells_what_a_container_lacks(work: Path, environ: dict[str, str]) -> None:
    code, said = attempt("docker", work, environ, "doctor", "--json")
    assert code == 1, said
    report = json.loads(said)
    assert report["chosen"] == "landlock"
    landlock = next(b for b in report["backends"] if b["name"] == "landlock")
    assert {"proc", "tty", "private-tmp"} <= set(landlock["missing"])
    assert "write-metadata" in landlock["enforced"]
    assert "write-content" in landlock["enforced"]
