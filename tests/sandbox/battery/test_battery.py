"""The battery as tests: each case on every backend that works here, played in one go per backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.sandbox.battery.backends import OURS, ROOT
from tests.sandbox.battery.cases import all_cases
from tests.sandbox.battery.gaps import gap
from tests.sandbox.battery.model import Case

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(
        sys.prefix.startswith(("/tmp/", "/var/tmp/")),
        reason="this Python lies in /tmp, which confined commands do not see: test elsewhere",
    ),
]

BACKENDS = OURS[1:]
MUST = [case for case in all_cases() if case.level == "MUST"]


def _play(backend: str, cases: list[Case]) -> dict[str, dict[str, str]]:
    line = [sys.executable, "-m", "tests.sandbox.battery", "--json", "--backend", backend]
    done = subprocess.run(
        [*line, "--only", ",".join(case.id for case in cases)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.stdout, done.stderr
    return {row["id"]: row for row in json.loads(done.stdout)["cases"]}


@cache
def _works(backend: str) -> str:
    env = dict(os.environ) | {"PYTHONPATH": str(ROOT / "sandbox")}
    line = [sys.executable, "-m", "codex_py_sandbox", "run", "--backend", backend, "--", "true"]
    done = subprocess.run(
        line, cwd=Path(__file__).parent, env=env, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else (done.stderr.strip() or f"exit code {done.returncode}")


@pytest.fixture(scope="module")
def verdict(request: pytest.FixtureRequest) -> Callable[[str, Case], dict[str, str]]:
    """The verdict of a case; the first question plays every selected case of that backend."""
    wanted: dict[str, list[Case]] = {}
    for item in request.session.items:
        given = getattr(item, "callspec", None)
        if given is not None and {"backend", "case"} <= set(given.params):
            wanted.setdefault(given.params["backend"], []).append(given.params["case"])
    played: dict[str, dict[str, dict[str, str]]] = {}

    def ask(backend: str, case: Case) -> dict[str, str]:
        if backend not in played:
            played[backend] = _play(backend, wanted[backend])
        return played[backend][case.id]

    return ask


def _check(seen: dict[str, str], backend: str, case: Case) -> None:
    if seen["status"] == "skip":
        pytest.skip(seen["note"])
    if seen["status"] != "pass" and (why := gap(backend, case.id)):
        pytest.xfail(why)
    assert seen["status"] == "pass", f"{case.title}: {seen['note']}"


@pytest.mark.parametrize("case", MUST, ids=lambda case: case.id)
@pytest.mark.parametrize("backend", ["namespaces"])
def test_every_must_case_holds_on_the_strongest_backend(
    backend: str, case: Case, verdict: Callable[[str, Case], dict[str, str]]
) -> None:
    if why := _works(backend):
        pytest.skip(f"{backend} does not work here: {why}")
    _check(verdict(backend, case), backend, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_case_holds_or_is_a_named_gap(
    backend: str, case: Case, verdict: Callable[[str, Case], dict[str, str]]
) -> None:
    if why := _works(backend):
        pytest.skip(f"{backend} does not work here: {why}")
    _check(verdict(backend, case), backend, case)


def test_the_control_sees_the_attacks_take_effect() -> None:
    picked = [case for case in MUST if case.id in ("a01-abs", "n01-tcp", "g01-hook", "s01-secret")]
    assert {row["status"] for row in _play("none", picked).values()} == {"FAIL"}


def test_a_launcher_that_runs_nothing_is_no_perfect_sandbox(tmp_path: Path) -> None:
    fake = tmp_path / "codex_py_sandbox"
    fake.mkdir()
    (fake / "__init__.py").touch()
    (fake / "__main__.py").write_text("raise SystemExit(0)\n")
    line = [sys.executable, "-m", "tests.sandbox.battery", "--json", "--only", "a01-abs,n01-tcp"]
    env = dict(os.environ) | {"BATTERY_SANDBOX": str(tmp_path)}
    done = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    rows = json.loads(done.stdout)["cases"]
    assert [row["status"] for row in rows] == ["FAIL", "FAIL"]
    assert all("did not start" in row["note"] for row in rows)
