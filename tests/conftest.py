"""What tests share: a real repository, the real program, an isolated home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

GIT = ["git", "-c", "user.name=tester", "-c", "user.email=tester@example.invalid"]


@dataclass(frozen=True)
class Done:
    """A finished run of the program."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Program:
    """The real program, in a home of its own, against a server of the test's."""

    home: Path
    cwd: Path

    def env(self, **more: str) -> dict[str, str]:
        """The environment it runs in: no key, no settings of the person running the tests."""
        kept = {
            name: os.environ[name]
            for name in ("PATH", "LANG", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR")
            if name in os.environ
        }
        return {**kept, "HOME": str(self.home), "CODEX_PY_HOME": str(self.home / "state"), **more}

    def argv(self, *args: str) -> list[str]:
        """The command line that starts it."""
        return [sys.executable, "-m", "codex_py", *args]

    def run(
        self,
        *args: str,
        url: str = "",
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float = 60,
    ) -> Done:
        """Run it to its end. With `url` a key and the base URL are in its environment."""
        more = dict(env or {})
        if url:
            more = {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "OPENAI_BASE_URL": url, **more}
        done = subprocess.run(
            self.argv(*args),
            cwd=self.cwd,
            env=self.env(**more),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def log(self) -> list[dict[str, Any]]:
        """The newest session's log, line by line."""
        found = (self.home / "state" / "sessions").rglob("*.jsonl")
        # by time, not by name: two runs of the same second differ in random letters only
        logs = sorted(found, key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(line) for line in logs[-1].read_text("utf-8").splitlines()]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "hello.py").write_text("def hello():\n    return 'hello'\n")
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*GIT, *args], cwd=folder, check=True)
    return folder


@pytest.fixture
def program(tmp_path: Path, repo: Path) -> Program:
    """The program, started in the repository."""
    home = tmp_path / "home"
    home.mkdir()
    return Program(home, repo)


def kinds(log: Sequence[Mapping[str, Any]]) -> list[str]:
    """The kinds of a log's entries, in order."""
    return [entry["kind"] for entry in log]


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder outside the workspace and outside /tmp, which confined commands have for themselves."""
    places = [Path.home(), Path("/var/lib"), Path.cwd()]
    base = next(each for each in places if each != Path("/") and os.access(each, os.W_OK))
    with tempfile.TemporaryDirectory(prefix=".codex-py-test-", dir=base) as name:
        yield Path(os.path.realpath(name))
