"""Processes with a terminal of their own: what only talks to one is spoken with, confined the same."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from codex_py.core.entries import words
from codex_py.core.errors import ToolError
from codex_py.host import terminal
from codex_py.host.confined import Confined
from codex_py.host.processes import Plain, Running
from codex_py.host.whole import Whole
from codex_py.tools import process, shell
from codex_py_sandbox import Policy, SandboxUnavailable, open_session
from tests.tools.test_process import WALLS, bench, until_gone

each_wall = pytest.mark.parametrize("walls", WALLS)
ASKS = """
import getpass, os, sys
print(sys.stdin.isatty(), sys.stdout.isatty(), *os.get_terminal_size())
word = getpass.getpass("Password: ")
print(f"\\033[1;31m{len(word)} letters\\033[0m")
print(" 10%\\r 90%\\r100%")
sys.exit(3)
"""
COUNTS = """
import signal
caught = 0
def note(*_):
    global caught
    caught += 1
signal.signal(signal.SIGINT, note)
print("ready", flush=True)
while True:
    input()
    print("caught", caught, flush=True)
"""
PYTHON = "/usr/bin/python3"


@each_wall
def test_it_is_asked_as_a_person_is_and_what_it_draws_is_read(tmp_path: Path, walls: str) -> None:
    async def story() -> None:
        async with bench(tmp_path, walls) as on:
            (on.folder / "asks.py").write_text(ASKS)
            begun = await on.use(
                shell.TOOL, command=f"{PYTHON} asks.py", background=True, terminal=True
            )
            told = words(begun.parts)
            while "Password:" not in told:
                told += await on.text(process.TOOL, action="read", id=1, wait=20)
            assert "True True 120 40" in told
            ended = await on.text(
                process.TOOL, action="write", id=1, input="open sesame\n", wait=20
            )
            while "exit code" not in ended:
                ended += await on.text(process.TOOL, action="read", id=1, wait=20)
            assert "ended with exit code 3" in ended
            assert "\n11 letters\n100%" in ended
            assert "sesame" not in ended
            assert "11 letters" in on.host.background.processes[1].recent()

    asyncio.run(story())


@each_wall
def test_its_keys_interrupt_once_and_end_the_input(tmp_path: Path, walls: str) -> None:
    async def story() -> None:
        async with bench(tmp_path, walls) as on:
            (on.folder / "counts.py").write_text(COUNTS)
            line = f"{PYTHON} counts.py; echo over; sleep 300"
            told = await on.text(shell.TOOL, command=line, background=True, terminal=True)
            while "ready" not in told:
                told = await on.text(process.TOOL, action="read", id=1, wait=20)
            await on.text(process.TOOL, action="write", id=1, input="\x03")
            told = await on.text(process.TOOL, action="write", id=1, input="now\n", wait=20)
            while "caught" not in told:
                told += await on.text(process.TOOL, action="read", id=1, wait=20)
            assert "caught 1" in told
            told = await on.text(process.TOOL, action="write", id=1, input="\x04", wait=20)
            while "over" not in told:
                told += await on.text(process.TOOL, action="read", id=1, wait=20)
            assert "EOFError" in told
            stopped = await on.text(process.TOOL, action="stop", id=1)
            assert "was ended by signal" in stopped or "exit code" in stopped

    asyncio.run(story())


def test_it_is_confined_and_ends_as_any_other(tmp_path: Path, outside: Path) -> None:
    async def story() -> None:
        mark = f"terminal-{os.getpid()}"
        push = "import fcntl; fcntl.ioctl(0, 0x5412, b'x')"
        async with bench(tmp_path, "workspace-write") as on:
            line = (
                f'echo x > {outside}/file; echo x > own; {PYTHON} -c "{push}"; '
                f"trap '' HUP; setsid sh -c 'trap \"\" HUP; sleep 300; : {mark}' & wait"
            )
            told = await on.text(shell.TOOL, command=line, background=True, terminal=True)
            while "Operation not permitted" not in told:
                told += await on.text(process.TOOL, action="read", id=1, wait=20)
            assert (on.folder / "own").exists()
            assert not (outside / "file").exists()
        until_gone(mark)

    asyncio.run(story())


def test_only_what_goes_on_has_a_terminal(tmp_path: Path) -> None:
    async def story() -> None:
        async with bench(tmp_path, "") as on:
            with pytest.raises(ToolError, match="set `background`"):
                await on.use(shell.TOOL, command="true", terminal=True)

    asyncio.run(story())


def test_where_it_is_not_the_controlling_one_it_is_interrupted_all_the_same(
    tmp_path: Path, outside: Path
) -> None:
    policy, environ = Policy(roots=(outside,)), dict(os.environ)

    async def story() -> None:
        async with bench(tmp_path, "") as on:
            state = tmp_path / "state"
            with open_session(
                policy, environ=environ, state=state, backends=("bubblewrap",)
            ) as session:
                try:
                    session.ready()
                except SandboxUnavailable as error:
                    pytest.skip(str(error))

                def start(command: str, cwd: str, out: int, stdin: int) -> Running:
                    argv = ["sh", "-c", command]
                    job = session.start(argv, cwd, stdin=stdin, stdout=out, stderr=out, tty=True)
                    return Confined(job, policy, cwd, environ, on.host.confined)

                found = on.host.background.start(
                    start,
                    "test -t 0 && sleep 300",
                    str(outside),
                    "",
                    lambda _: Whole(None),
                    terminal=True,
                )
                await found.write("\x03")
                await found.settle(20)
                assert found.ended is not None

    asyncio.run(story())


def test_where_no_launcher_is_it_is_the_controlling_one_too() -> None:
    ours, theirs = terminal.opened()
    try:
        running = Plain("echo to > /dev/tty", "/", theirs, os.environ, theirs)
        assert os.read(ours, 100) == b"to\r\n"
        running.collect("")
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ("\x1b[31mred\x1b[0m\r\n", "red\n"),
        ("a\rbc\rdef\r\nnext", "def\nnext"),
        ("\x1b]0;title\x07$ ls\x1b[K\x1b(B\x1b[?2004h", "$ ls"),
        ("\x1b]8;;http://x\x1b\\word\x1b]8;;\x1b\\", "word"),
        ("abc\b\b\bxyz", "xyz"),
        ("\b\bx\x1b", "x"),
    ],
)
def test_what_is_drawn_is_told_as_it_stood(drawn: str, read: str) -> None:
    assert terminal.plain(drawn) == read
