"""A start that fails says so, and a spare process that died is replaced."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py_sandbox import Policy, SandboxUnavailable, Session, audit
from tests.sandbox.conftest import Opener, repository, run

pytestmark = pytest.mark.sandbox


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def spares(session: Session) -> list[int]:
    """The first processes of the session's rooms: the launcher's grandchildren."""
    return [each for room in children(session._pid) for each in children(room)]


def hit(process: int, number: signal.Signals) -> None:
    """Send a signal; a process that ended since it was listed is past it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def test_a_spare_that_died_is_replaced(opened: Opener, work: Path) -> None:
    session = opened(Policy(roots=(work,)))
    for number in range(5):
        run(session, "true", work)
        for each in spares(session):
            hit(each, signal.SIGKILL)
        ran = run(session, f"echo {number}", work)
        assert (ran.exit.code, ran.text) == (0, f"{number}\n")


def test_a_spare_that_hangs_is_replaced_and_the_command_runs_once(
    opened: Opener, work: Path
) -> None:
    session = opened(Policy(roots=(work,)))
    run(session, "true", work)
    stopped = spares(session)
    assert stopped
    for each in stopped:
        hit(each, signal.SIGSTOP)
    ran = run(session, "echo once >> log; echo hi", work)
    assert (ran.exit.code, ran.text) == (0, "hi\n")
    assert (work / "log").read_text() == "once\n"


def test_a_command_whose_watcher_is_killed_ends_with_a_reason(opened: Opener, work: Path) -> None:
    session = opened(Policy(roots=(work,)), warm=False)
    with open(os.devnull) as null:
        job = session.start(["sh", "-c", "echo > up; sleep 600"], work, stdin=null.fileno())
        while not (work / "up").exists():
            os.sched_yield()
        for each in spares(session):
            hit(each, signal.SIGKILL)
        ended = job.wait(9)
    assert ended is not None
    assert ended.signal == signal.SIGKILL
    assert "killed from outside" in (ended.error or "")


def test_what_was_in_the_way_once_is_not_held_against_the_next_command(
    opened: Opener, work: Path, tmp_path: Path
) -> None:
    session = opened(Policy(roots=(work,)))
    other = tmp_path / "other"
    other.mkdir()
    policy = Policy(roots=(other,))
    os.kill(session._pid, signal.SIGSTOP)
    session.prepare(policy)
    other.rmdir()
    os.kill(session._pid, signal.SIGCONT)
    with pytest.raises(SandboxUnavailable, match="is not a folder"):
        session.ready(policy=policy)
    other.mkdir()
    assert run(session, "echo hi", other, policy=policy).text == "hi\n"


def test_without_its_launcher_nothing_runs_and_it_says_so(opened: Opener, work: Path) -> None:
    session = opened(Policy(roots=(work,)))
    os.kill(session._pid, signal.SIGKILL)
    os.waitid(os.P_PID, session._pid, os.WEXITED | os.WNOWAIT)

    def tries() -> None:
        for _ in range(100):  # its rooms end a moment later, and what they were given with them
            session.start(["touch", "ran"], work).wait(9)

    with pytest.raises(SandboxUnavailable, match="is gone"):
        tries()
    assert not (work / "ran").exists()


def test_an_index_that_nobody_can_read_does_not_hide_how_the_command_ended(
    opened: Opener, work: Path
) -> None:
    repository(work)
    session = opened(Policy(roots=(work,)))
    body = "DIRC\\0\\0\\0\\4\\0\\0\\0\\1" + "x" * 40 + "\\0\\0\\340\\0" + "x" * 18
    ran = run(session, f"printf '{body}' > .git/index; exit 7", work)
    assert ran.exit.code == 7, ran


@given(
    body=st.binary(max_size=200),
    version=st.integers(0, 5),
    count=st.integers(0, 9),
    mark=st.integers(0, 150),
)
def test_no_index_is_too_strange_to_be_read(
    body: bytes, version: int, count: int, mark: int
) -> None:
    body = body[:mark] + b"\0\0\xe0\0" + body[mark:]
    head = b"DIRC" + version.to_bytes(4, "big") + count.to_bytes(4, "big")
    assert all(isinstance(each, str) for each in audit.gitlinks(head + body))
