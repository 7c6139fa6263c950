"""Before a backend is used it is tried: every hole is seen, nothing is left behind, doubt refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from codex_py_sandbox import Policy, memory
from codex_py_sandbox.explain import plan_for
from tests.sandbox.battery.backends import ROOT, launcher_path
from tests.sandbox.conftest import BACKENDS, Opener, repository, run

pytestmark = pytest.mark.sandbox

UNCONFINED = """
import json, os, sys
from codex_py_sandbox import _proof
from codex_py_sandbox.plan import Plan
plan = Plan.unwire(json.loads(sys.argv[1]))
found, bare = _proof.holes(plan, os.getppid(), mounts=True)
print(json.dumps(found + bare))
"""


def test_without_walls_every_trial_succeeds_and_leaves_nothing(
    work: Path, environ: dict[str, str]
) -> None:
    repository(work)
    secret = Path(environ["HOME"]) / ".netrc"
    secret.write_text("x")
    plan = plan_for(Policy(roots=(work,)), environ).wire()
    before = sorted(os.walk(work.parent))
    line = [sys.executable, "-c", UNCONFINED, json.dumps(plan)]
    env = {**environ, "PYTHONPATH": launcher_path()}
    said = subprocess.run(line, env=env, capture_output=True, text=True, check=True).stdout
    found = "; ".join(json.loads(said))
    for hole in (
        f"a file could be made in {environ['HOME']}",
        f"{work}/.git/config could be written",
        f"{secret} could be read",
        "a process outside could be signalled",
        "unshare was not refused",
    ):
        assert hole in found
    assert sorted(os.walk(work.parent)) == before


@pytest.mark.parametrize("backend", BACKENDS[:1])
def test_a_view_that_does_not_hold_is_not_used(
    work: Path, tmp_path: Path, environ: dict[str, str], opened: Opener, backend: str
) -> None:
    opened(Policy(roots=(work,)), backend).close()
    package = tmp_path / "codex_py_sandbox"
    package.symlink_to(ROOT / "sandbox/codex_py_sandbox")
    broken = tmp_path / "broken"
    broken.mkdir()
    for each in (ROOT / "sandbox/codex_py_sandbox").glob("*.py"):
        text = each.read_text()
        if each.name == "_view.py":
            whole = "lx.mount_setattr(lx.AT_FDCWD, RO | NOSUID | NODEV, 0, deep=True)"
            assert whole in text
            text = text.replace(whole, "pass")
        elif each.name == "_enter.py":
            text = text.replace('rules.allow("/dev")', 'rules.allow("/")')
        (broken / each.name).write_text(text)
    package.unlink()
    broken.rename(package)
    env = {**environ, "PYTHONPATH": str(tmp_path)}
    line = [sys.executable, "-m", "codex_py_sandbox", "run", "--backend", backend, "--"]
    ran = subprocess.run([*line, "touch", "ran"], cwd=work, env=env, capture_output=True, text=True)
    assert ran.returncode == 78
    assert "it does not hold: a file could be made in" in ran.stderr
    assert not (work / "ran").exists()


def test_the_doctor_run_from_an_environment_in_tmp_finds_what_holds_and_leaves_nothing(
    environ: dict[str, str],
) -> None:
    env = {**environ, "PYTHONPATH": launcher_path()}
    told = []
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        line = [sys.executable, "-m", "venv", "--without-pip", "--symlinks", folder]
        subprocess.run(line, check=True)
        for python in (f"{folder}/bin/python", os.path.realpath(sys.executable)):
            line = [python, "-m", "codex_py_sandbox", "doctor", "--json", "--fresh"]
            ran = subprocess.run(line, env=env, capture_output=True, text=True)
            assert ran.stdout, ran.stderr
            rows = json.loads(ran.stdout)["backends"]
            told.append({each["name"]: each["enforced"] for each in rows})
    assert told[0] == told[1] and any(told[0].values())
    assert not list(Path(env["HOME"]).rglob("codex_py_sandbox-doctor*"))


def test_the_doctor_remembers_until_something_changes(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    state = tmp_path / "state"
    place = memory.place(state, environ)
    assert place is not None
    assert memory.recall(place) is None
    memory.keep(place, 1.0, [])
    assert memory.recall(place) is None, "too old, and nothing in it"
    rows = [{"name": "namespaces", "enforced": [], "missing": {}, "reason": "x"}]
    import time

    memory.keep(place, time.time() - 5, rows)
    found = memory.recall(memory.place(state, environ))
    assert found is not None and found[1] == rows
    place.chmod(0o666)
    assert memory.recall(place) is None, "somebody else could have written it"
    where = f"from codex_py_sandbox import memory; print(memory.place(__import__('pathlib').Path({str(state)!r}), {{}}))"
    env = {**environ, "PYTHONPATH": launcher_path()}
    emulate = [sys.executable, str(ROOT / "tests/sandbox/battery/emulate.py"), "docker", "--"]
    line = [*emulate, sys.executable, "-c", where]
    poorer = subprocess.run(line, env=env, capture_output=True, text=True, check=True).stdout
    assert poorer.strip() != str(place)


def test_a_read_only_session_and_one_with_the_network_prove_themselves_too(
    opened: Opener, work: Path
) -> None:
    for policy in (Policy(mode="read-only", roots=(work,)), Policy(roots=(work,), network="on")):
        assert run(opened(policy), "echo hi", work).text == "hi\n"
