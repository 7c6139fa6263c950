"""Kill -9 at every write, a full disk, two at once: nothing shown is lost, nothing is corrupt."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_py.core import logfile
from codex_py.core.chain import verify
from codex_py.core.entries import Notice, ToolCall, ToolResult, User, words
from codex_py.core.request import project
from codex_py.core.session import resume
from codex_py.ui.codex_events import Mapping
from tests.conftest import Program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at files through /proc")

TOP = Path(__file__).parent.parent.parent
SCRIPT = [
    [{"text": "I look."}, {"call": "read_file", "arguments": {"path": "hello.py"}}],
    [
        {"call": "shell", "arguments": {"command": "echo one"}},
        {"call": "list_files", "arguments": {}},
    ],
    "All done — naïve.",
]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(SCRIPT))
    return path


def logs(home: Path) -> list[Path]:
    return sorted((home / "sessions").rglob("*.jsonl"))


def sound(path: Path, shown: str) -> None:
    """The log opens, goes on, verifies, and holds all that was shown."""
    events = [json.loads(line) for line in shown.splitlines()]
    session = resume(path)
    mapping = Mapping()
    told = [each for entry in session.history() for each in mapping.events(entry)]
    assert told[: len(events)] == events, "something was shown that is not in the log"
    calls = [each for each in project(session.entries) if isinstance(each, ToolCall)]
    results = [each for each in project(session.entries) if isinstance(each, ToolResult)]
    assert [each.call_id for each in calls] == [each.call_id for each in results]
    session.append(Notice(text="after"))
    session.close()
    lines = list(logfile.lines(path))
    assert verify(lines).whole
    assert [json.loads(line)["n"] for line in lines] == list(range(len(lines)))


@pytest.mark.parametrize("part", [-1, 0, 60, 100])
def test_killed_at_every_write_of_a_session(
    program: Program, script: Path, tmp_path: Path, part: int
) -> None:
    args = ("exec", "--json", "--full-auto", "-m", f"scripted/{script}", "say it")
    state = program.home / "state"
    at, finished = 0, False
    while not finished:
        shutil.rmtree(state / "sessions", ignore_errors=True)
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults", str(at), str(part), *args],
            cwd=program.cwd,
            env=program.env(PYTHONPATH=f"{TOP}:{os.environ.get('PYTHONPATH', '')}"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        finished = done.returncode == 0
        assert finished or done.returncode == -9, done.stderr
        (path,) = logs(state)
        sound(path, done.stdout)
        at += 1 if part in (-1, 60) else 6  # every write is cut once; the other cuts are sampled
    assert at > 12


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 64 kB; skipped where none can be made."""
    place = tmp_path / "tiny"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)], capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("no file system can be mounted here: see the limit on file sizes instead")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def filling(lines: int) -> list[object]:
    return [
        *SCRIPT[:1],
        *(
            [
                {"text": "x" * 900, "pieces": 1},
                {"call": "shell", "arguments": {"command": f"echo {n}; seq 200"}},
            ]
            for n in range(lines)
        ),
        "Done.",
    ]


def test_a_file_system_that_fills_up_ends_the_run_and_keeps_what_was_done(
    program: Program, script: Path, tiny: Path
) -> None:
    script.write_text(json.dumps(filling(60)))
    args = ("exec", "--json", "--full-auto", "-m", f"scripted/{script}", "fill it")
    done = program.run(*args, env={"CODEX_PY_HOME": str(tiny)})
    assert done.code == 1 and "cannot be written" in done.err, done.err
    assert "No space left on device" in done.err and "Traceback" not in done.err
    (path,) = logs(tiny)
    kept = path.read_bytes()
    assert kept.endswith(b"\n") and verify(logfile.lines(path)).whole
    subprocess.run(["dd", "if=/dev/zero", f"of={tiny}/rest", "bs=1k"], capture_output=True)
    fresh = program.run("exec", "x", "-m", f"scripted/{script}", env={"CODEX_PY_HOME": str(tiny)})
    assert fresh.code in (1, 2) and logs(tiny) == [path]
    full = program.run(
        "exec",
        "resume",
        "--last",
        "more",
        "-m",
        f"scripted/{script}",
        env={"CODEX_PY_HOME": str(tiny)},
    )
    assert full.code == 1 and path.read_bytes().startswith(kept)
    subprocess.run(["mount", "-o", "remount,size=4m", str(tiny)], check=True)
    sound(path, done.out)
    script.write_text(json.dumps(["Room again."]))
    more = program.run(
        "exec",
        "resume",
        "--last",
        "more",
        "-m",
        f"scripted/{script}",
        env={"CODEX_PY_HOME": str(tiny)},
    )
    assert (more.code, more.out) == (0, "Room again.\n")


def test_an_output_that_fills_the_disk_ends_its_keeping_and_not_the_session(
    program: Program, script: Path, tiny: Path
) -> None:
    flood = {"call": "shell", "arguments": {"command": "seq 1 100000"}}
    more = {"call": "shell", "arguments": {"command": "echo still here"}}
    script.write_text(json.dumps([[flood], [more], "Went on."]))
    small = ("-c", "undo=false", "-c", "tool_output_token_limit=1000")
    args = ("exec", "--json", "--full-auto", *small, "-m", f"scripted/{script}", "go")
    done = program.run(*args, env={"CODEX_PY_HOME": str(tiny)})
    assert done.code == 0, done.err
    (path,) = logs(tiny)
    sound(path, done.out)
    results = [each for each in logfile.read(path) if isinstance(each, ToolResult)]
    told = [words(each.parts) for each in results]
    assert "1\n2\n" in told[0] and "\n99999\n100000" in told[0]
    assert "of 588,895 bytes left out here; the whole output could not be kept" in told[0]
    assert "No space left on device; its beginning is in" in told[0]
    assert told[1] == "Exit code: 0\nstill here"


def test_a_limit_on_file_sizes_does_the_same(program: Program, script: Path) -> None:
    script.write_text(json.dumps(filling(60)))
    args = ("exec", "--json", "--full-auto", "-m", f"scripted/{script}", "fill it")
    done = subprocess.run(
        program.argv(*args),
        cwd=program.cwd,
        env=program.env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_001, 30_001)),
    )
    assert done.returncode == 1 and "cannot be written" in done.stderr
    (path,) = logs(program.home / "state")
    assert path.stat().st_size <= 30_001
    sound(path, done.stdout)


def test_of_many_that_open_one_session_at_once_one_gets_it(program: Program, script: Path) -> None:
    script.write_text(
        json.dumps([["first", {"usage": {"input": 1}}], *(["again"] for _ in range(9))])
    )
    program.run("exec", "-m", f"scripted/{script}", "hi")
    (path,) = logs(program.home / "state")
    slow = tmp_script(script)
    running = [
        subprocess.Popen(
            program.argv(
                "exec",
                "resume",
                path.stem.rpartition("-")[2],
                "--full-auto",
                "-m",
                f"scripted/{slow}",
                f"n{n}",
            ),
            cwd=program.cwd,
            env=program.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    ends = [(each.communicate(timeout=120), each.returncode) for each in running]
    codes = sorted(code for _, code in ends)
    assert codes[0] == 0 and set(codes) <= {0, 2}
    assert all("open in another process" in err for (_, err), code in ends if code == 2)
    sound(path, "")
    said = [each for each in logfile.read(path) if isinstance(each, User)]
    assert len(said) == 1 + codes.count(0)


def tmp_script(script: Path) -> Path:
    path = script.with_name("slow.json")
    path.write_text(json.dumps([{"call": "shell", "arguments": {"command": "sleep 1"}}, "ok"]))
    return path
