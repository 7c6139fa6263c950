"""Sessions, throwaway repositories and a way to run one command and read what it said."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from codex_py_sandbox import Exit, Policy, SandboxUnavailable, Session, open_session

BACKENDS = ("namespaces", "bubblewrap", "landlock")


@dataclass
class Ran:
    """How a command ended and everything it wrote."""

    exit: Exit
    text: str


def run(session: Session, script: str, cwd: Path, **more: object) -> Ran:
    """Run a shell script to its end; at most 20 seconds."""
    with tempfile.TemporaryFile() as out, open(os.devnull) as null:
        job = session.start(
            ["/bin/sh", "-c", script],
            cwd,
            stdin=null.fileno(),
            stdout=out.fileno(),
            stderr=out.fileno(),
            **more,
        )
        ended = job.wait(20)
        assert ended is not None, "the command did not end"
        out.seek(0)
        return Ran(ended, out.read().decode("utf-8", "replace"))


def git(cwd: Path, *words: str) -> str:
    """What a person's own git says, without any config but the repository's."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    ran = subprocess.run(["git", *words], cwd=cwd, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def repository(folder: Path) -> Path:
    """A repository with two commits."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.email", "a@example.org")
    git(folder, "config", "user.name", "A")
    for word in ("first", "second"):
        (folder / "file").write_text(word)
        git(folder, "add", "file")
        git(folder, "commit", "-qm", word)
    return folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A throwaway folder that lies in no temporary folder: inside, /tmp is another one."""
    places = [Path.home(), Path("/var/lib"), Path.cwd()]
    base = next(p for p in places if p != Path("/") and os.access(p, os.W_OK))
    with tempfile.TemporaryDirectory(prefix=".sandbox-test-", dir=base) as name:
        yield Path(os.path.realpath(name))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@cache
def why_not(backend: str) -> str:
    """Why a backend confines nothing on this machine, whatever the policy; empty when it does."""
    with tempfile.TemporaryDirectory(prefix=".sandbox-test-", dir=Path.home()) as name:
        policy = Policy(mode="read-only", roots=(Path(os.path.realpath(name)),))
        environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        state = Path(os.path.realpath(name) + "-state")
        try:
            with open_session(policy, environ=environ, state=state, backends=(backend,)) as session:
                session.ready()
        except SandboxUnavailable as error:
            return error.reason
        finally:
            shutil.rmtree(state, ignore_errors=True)
    return ""


Opener = Callable[..., Session]


@pytest.fixture
def opened(tmp_path: Path, environ: dict[str, str]) -> Iterator[Opener]:
    """Open sessions that are closed at the end; skips when the backend cannot be had here at all."""
    sessions: list[Session] = []

    def make(policy: Policy, backend: str = "namespaces", **more: object) -> Session:
        session = open_session(
            policy, environ=environ, state=tmp_path / "state", backends=(backend,), **more
        )
        sessions.append(session)
        try:
            session.ready()
        except SandboxUnavailable as error:
            if not why_not(backend):
                raise
            pytest.skip(f"{backend}: {error.reason}")
        return session

    yield make
    for session in sessions:
        session.close()
