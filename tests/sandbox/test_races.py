"""Other programs go on while commands are confined: nothing that comes and goes fails a command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codex_py_sandbox import Policy, open_session
from tests.sandbox.conftest import Opener, repository, run

pytestmark = pytest.mark.sandbox

SOCKETS = """
import os, socket, sys
names = [f"{sys.argv[1]}{number}" for number in range(20)]
while True:
    servers = [socket.socket(socket.AF_UNIX) for name in names]
    for name, server in zip(names, servers):
        server.bind(name)
    for name, server in zip(names, servers):
        os.unlink(name)
        server.close()
"""
SAVES = """
import os, sys
path = sys.argv[1]
while True:
    with open(path + ".lock", "w") as file:
        file.write("[core]\\n")
    os.rename(path + ".lock", path)
"""


@contextmanager
def meanwhile(code: str, *words: object) -> Iterator[None]:
    """Another program that goes on until the end."""
    other = subprocess.Popen([sys.executable, "-c", code, *map(str, words)])
    try:
        yield
    finally:
        other.kill()
        other.wait()


def short_lived(work: Path) -> tuple[str, Path]:
    return SOCKETS, work.parent / "socket"


def saved_again(work: Path) -> tuple[str, Path]:
    return SAVES, work / ".git/config"


@pytest.mark.parametrize(
    ("backend", "other"),
    [("namespaces", short_lived), ("namespaces", saved_again), ("bubblewrap", short_lived)],
)
def test_what_other_programs_remove_and_replace_fails_no_command(
    opened: Opener,
    work: Path,
    environ: dict[str, str],
    backend: str,
    other: Callable[[Path], tuple[str, Path]],
) -> None:
    repository(work)
    opened(Policy(roots=(work,)), backend)
    state, policy = work.parent / "state", Policy(roots=(work,))
    with meanwhile(*other(work)):
        for _ in range(15):
            with open_session(policy, environ=environ, state=state, backends=(backend,)) as session:
                for _ in range(2):
                    ran = run(session, "echo hi", work)
                    assert (ran.exit.code, ran.text) == (0, "hi\n"), ran


def test_a_socket_that_comes_and_goes_ends_no_command_that_runs(
    opened: Opener, work: Path, tmp_path: Path
) -> None:
    path = tmp_path / "socket0"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        session = opened(Policy(roots=(work,)))
    path.unlink()
    with open(os.devnull) as null, meanwhile(SOCKETS, tmp_path / "socket"):
        job = session.start(["sleep", "600"], work, stdin=null.fileno())
        for _ in range(100):
            assert run(session, "echo hi", work).text == "hi\n"
        assert job.collect() is None
        job.kill_tree()
        job.wait(9)


def test_a_placeholder_that_somebody_removes_is_there_for_the_next_command(
    opened: Opener, work: Path
) -> None:
    session = opened(Policy(roots=(work,)))
    run(session, "true", work)
    (work / ".vscode").rmdir()
    assert run(session, "mkdir -p .vscode; echo > .vscode/tasks.json", work).exit.code != 0
    session.close()
    assert not (work / ".vscode").exists()


def test_programs_with_data_apart_leave_each_other_the_placeholders(
    opened: Opener, work: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    first = open_session(
        Policy(roots=(work,)), environ=environ, state=tmp_path / "x", backends=("namespaces",)
    )
    first.ready()
    second = opened(Policy(roots=(work,)))
    first.close()
    assert run(second, "mkdir -p .vscode; echo > .vscode/tasks.json", work).exit.code != 0
    second.close()
    assert not (work / ".vscode").exists()


def test_an_empty_folder_of_the_users_own_stays(opened: Opener, work: Path) -> None:
    (work / ".vscode").mkdir()
    first, second = opened(Policy(roots=(work,))), opened(Policy(roots=(work,)))
    run(first, "true", work)
    first.close()
    second.close()
    assert (work / ".vscode").is_dir()


START = """
import os, signal, sys
from pathlib import Path
from codex_py_sandbox import Policy, open_session
work, die = Path(sys.argv[1]), sys.argv[2] == "die"
policy = Policy(roots=(work,))
session = open_session(policy, environ=os.environ, state=work.parent / "state")
with open(os.devnull, "r+") as null:
    script = "touch .vscode/tasks.json && exit 9; mkdir .vscode && exit 8; exit 0"
    fds = {"stdin": null.fileno(), "stdout": null.fileno(), "stderr": null.fileno()}
    ended = session.start(["sh", "-c", script], work, **fds).wait(30)
if die:
    for pid in (session._pid, os.getpid()):
        os.kill(pid, signal.SIGKILL)
session.close()
print(session._rooms and ended.code, ended.error)
"""


def test_starts_beside_the_clearing_of_killed_programs_all_work_and_are_protected(
    opened: Opener, work: Path, environ: dict[str, str]
) -> None:
    opened(Policy(roots=(work,)))
    env = {**environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, "-c", START, str(work)]
    for _ in range(4):
        dead = [subprocess.Popen([*line, "die"], env=env) for _ in range(3)]
        assert [each.wait() for each in dead] == [-signal.SIGKILL] * 3
        starts = [
            subprocess.Popen([*line, "live"], env=env, stdout=subprocess.PIPE, text=True)
            for _ in range(6)
        ]
        assert [each.communicate()[0] for each in starts] == ["0 None\n"] * 6


def test_what_a_command_does_in_its_tmp_takes_no_folder_from_another(
    opened: Opener, work: Path
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        shared = Path(name) / "deep" / "shared"
        shared.mkdir(parents=True)
        (shared / ".git").mkdir()
        (shared / "file").write_text("mine")
        plain, more = Policy(roots=(work,)), Policy(roots=(work,), allow_write=(shared,))
        session = opened(plain)
        assert run(session, f"ln -s {work} {name}; mkdir deep", work).exit.code == 0
        assert run(session, f"echo 1 > {shared}/one", work, policy=more).exit.code == 0
        assert run(session, f"cat {shared}/one || rm -rf /tmp/*", work).exit.code == 0
        ran = run(session, f"cat {shared}/file; echo 2 > {shared}/two", work, policy=more)
        assert (ran.exit.code, ran.text) == (0, "mine"), ran
        assert (shared / "two").read_text() == "2\n"
        assert sorted(os.listdir(work / "deep")) == []
