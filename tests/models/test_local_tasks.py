"""The embedded model itself, on the tasks that a release must do: 1.1 GB and minutes, so slow."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent.parent
TASKS = ("hello", "list", "number", "fix-calc", "fix-cart", "mkdir", "todo", "count")
ENOUGH = 6


@pytest.mark.slow
@pytest.mark.sandbox
def test_the_embedded_model_does_most_of_the_small_tasks(request: pytest.FixtureRequest) -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("NOT TESTED: the engine is missing (pip install 'codex-py[local]')")
    cache = getattr(request.config, "cache", None)
    home = Path(os.environ.get("CODEX_PY_TEST_MODELS") or cache.mkdir("embedded"))
    env = {**os.environ, "CODEX_PY_HOME": str(home)}
    base = [sys.executable, "-P", "-m", "codex_py"]
    done = subprocess.run([*base, "local", "install"], env=env, capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        pytest.skip(f"NOT TESTED: {done.stderr.strip().splitlines()[-1]}")
    command = [sys.executable, str(TOP / "benchmarks/local/run.py"), "--home", str(home)]
    for name in TASKS:
        command += ["--only", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(results) == len(TASKS), done.stderr
    solved = [each["task"] for each in results if each["solved"]]
    assert len(solved) >= ENOUGH, results
    assert "fix-calc" in solved
