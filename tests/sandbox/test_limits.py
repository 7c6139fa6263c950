"""Ceilings: each is reached by a command that wants more, and ends as an error of that command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codex_py_sandbox import Limits, Policy
from tests.sandbox.conftest import BACKENDS, Opener, run

pytestmark = pytest.mark.sandbox
each_backend = pytest.mark.parametrize("backend", BACKENDS)


def python(code: str) -> str:
    return f'{sys.executable} -I -c "{code}"'


BOMB = 'sh "$0" & sh "$0"\n'
HOG = "x = [bytearray(16 << 20) for _ in range(64)]; print('all of it')"


@each_backend
def test_a_fork_bomb_ends_with_its_command_and_the_next_one_runs(
    opened: Opener, work: Path, backend: str
) -> None:
    session = opened(Policy(roots=(work,), limits=Limits(procs=80)), backend)
    (work / "bomb.sh").write_text(BOMB)
    run(session, f"sh {work}/bomb.sh", work, wall_s=3)
    assert run(session, "echo fine", work).text == "fine\n"
    marks = subprocess.run(
        ["pgrep", "-f", str(work)], capture_output=True, text=True, check=False
    ).stdout
    assert marks == "", "something of it still runs"


@each_backend
def test_no_more_processes_than_the_ceiling(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,), limits=Limits(procs=60)), backend)
    code = (
        "import os,time\nn=0\ntry:\n while n<400:\n  if os.fork()==0: time.sleep(9);os._exit(0)\n"
        "  n+=1\nexcept OSError as e: print('stopped',n<120)\n"
    )
    (work / "many.py").write_text(code)
    assert run(session, f"{sys.executable} -I many.py", work).text == "stopped True\n"


@each_backend
@pytest.mark.parametrize(
    "limits", [Limits(data_mb=300), Limits(memory_mb=300)], ids=["data", "tree"]
)
def test_a_memory_hog_is_stopped_and_the_next_one_runs(
    opened: Opener, work: Path, backend: str, limits: Limits
) -> None:
    if limits.memory_mb and not (os.geteuid() == 0 and _groups()):
        pytest.skip("memory of a whole tree needs a control group of our own")
    session = opened(Policy(roots=(work,), limits=limits), backend)
    ran = run(session, python(HOG), work)
    assert ran.exit.code != 0
    assert "all of it" not in ran.text
    assert run(session, "echo fine", work).text == "fine\n"


def _groups() -> bool:
    return any(
        os.access(f"/sys/fs/cgroup/{each}", os.W_OK) and os.path.isdir(f"/sys/fs/cgroup/{each}")
        for each in ("memory", "unified", "")
    )


@each_backend
def test_processor_time_ends_a_command(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,), limits=Limits(cpu_s=1)), backend)
    ended = run(session, "while :; do :; done", work).exit
    assert ended.status in (128 + signal.SIGXCPU, 128 + signal.SIGKILL)
    assert not ended.timed_out


@each_backend
def test_a_file_grows_no_further_than_its_ceiling(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,), limits=Limits(fsize_mb=2)), backend)
    ran = run(session, "dd if=/dev/zero of=big bs=1M count=9", work)
    assert ran.exit.code != 0
    assert (work / "big").stat().st_size == 2 << 20
    kept = run(session, python("open('other','wb').write(bytes(9 << 20))"), work)
    assert "File too large" in kept.text


@each_backend
def test_wall_time_ends_the_tree_and_says_so(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,), limits=Limits(wall_s=0.4)), backend)
    ended = run(session, "(trap '' TERM HUP INT; setsid sleep 600 & sleep 600)", work).exit
    assert (ended.timed_out, ended.signal) == (True, signal.SIGKILL)


@each_backend
def test_a_full_disk_is_an_error_of_the_command(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,)), backend)
    ran = run(session, "cat /dev/zero > /dev/full; echo code $?", work)
    assert "No space left" in ran.text and "code 1" in ran.text


@each_backend
def test_commands_are_the_first_to_go_when_memory_runs_out(
    opened: Opener, work: Path, backend: str
) -> None:
    session = opened(Policy(roots=(work,)), backend)
    said = run(session, "cat /proc/self/oom_score_adj", work).text
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert int(said) >= max(own, 500)
