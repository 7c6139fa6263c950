"""Processes that go on: started, read, written to, stopped, reached by later commands, ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from codex_py.core.entries import words
from codex_py.core.errors import ToolError
from codex_py.core.policy import Policy, decide
from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Undeclared, open_host
from codex_py.host.confine import Ground
from codex_py.tools import process, shell
from tests.conftest import Program
from tests.server import Server
from tests.turns import call, gate, text

WALLS = ["", "workspace-write"]
"""As an approved command, and confined."""


class Bench:
    """Uses tools as a turn does, in one event loop."""

    def __init__(self, folder: Path, walls: str) -> None:
        self.folder = folder
        self.walls = walls
        ground = Ground(str(folder), (str(folder),), str(folder.parent / "own"))
        self.host = open_host(ground, os.environ, timeout=20, free=bool(walls))

    async def use(self, tool: Tool, **arguments: Any) -> Output:
        params = tool.parse(json.dumps(arguments))
        effects = self.host.resolved(tool.effects(params, self.host))
        return await tool.run(
            params,
            Call(
                call_id="c1",
                host=self.host.under(effects, self.walls),
                confined=self.walls,
                say=lambda _: None,
                keep=lambda data: f"{len(data)}",
                spill=self._spill,
                digest_seen=lambda _: None,
            ),
        )

    async def text(self, tool: Tool, **arguments: Any) -> str:
        return words((await self.use(tool, **arguments)).parts)

    def _spill(self, name: str) -> tuple[Path, BinaryIO]:
        path = self.folder.parent / f"{name}.txt"
        return path, open(path, "wb", buffering=0)


@asynccontextmanager
async def bench(tmp_path: Path, walls: str) -> AsyncIterator[Bench]:
    folder = tmp_path / "work"
    folder.mkdir()
    made = Bench(folder, walls)
    if walls and not made.host.confines:
        made.host.close()
        pytest.skip("commands cannot be confined here: the confined half did not run")
    try:
        yield made
    finally:
        made.host.close()


def alive(marker: str) -> list[int]:
    """Processes of the machine whose command line holds a marker."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (each / "cmdline").read_bytes():
                found.append(int(each.name))
        except OSError:
            continue
    return found


def until_gone(marker: str) -> None:
    pause, end = threading.Event(), time.monotonic() + 20
    while alive(marker):
        assert time.monotonic() < end, f"still there: {alive(marker)}"
        pause.wait(0.05)


@pytest.mark.parametrize("walls", WALLS)
def test_it_is_written_to_read_and_stopped(tmp_path: Path, walls: str) -> None:
    async def story() -> None:
        async with bench(tmp_path, walls) as on:
            begun = await on.use(
                shell.TOOL,
                command="echo ready; while read line; do echo got $line; done; exit 3",
                background=True,
            )
            assert begun.ok
            assert begun.data["background"] == 1
            assert "Process 1 is running" in words(begun.parts)
            assert "ready" in words(begun.parts)
            answer = await on.text(process.TOOL, action="write", id=1, input="one\ntwo\n")
            assert answer.endswith("got one\ngot two")
            assert (await on.text(process.TOOL, action="read", id=1)).endswith("(no new output)")
            ended = await on.text(process.TOOL, action="write", id=1, input="\x04", wait=20)
            assert "ended with exit code 3" in ended
            with pytest.raises(ToolError, match="has ended"):
                await on.use(process.TOOL, action="write", id=1, input="more\n")
            await on.use(shell.TOOL, command="sleep 300", background=True)
            stopped = await on.text(process.TOOL, action="stop", id=2)
            assert "Process 2 was ended by signal 15" in stopped
            listed = await on.text(process.TOOL, action="list")
            assert listed.count("\n") == 1

    asyncio.run(story())


@pytest.mark.parametrize("walls", WALLS)
def test_a_later_command_reaches_a_server_on_the_loopback(tmp_path: Path, walls: str) -> None:
    serve = (
        "import http.server as h\n"
        "s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler)\n"
        "print(s.server_port, flush=True)\n"
        "s.serve_forever()\n"
    )
    fetch = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=9).read())"

    async def story() -> None:
        async with bench(tmp_path, walls) as on:
            (on.folder / "serve.py").write_text(serve)
            (on.folder / "page.txt").write_text("the page")
            python = "/usr/bin/python3"
            begun = await on.text(shell.TOOL, command=f"{python} serve.py", background=True)
            while begun.endswith("(no new output)"):
                begun = await on.text(process.TOOL, action="read", id=1, wait=30)
            port = begun.splitlines()[1]
            url = f"http://127.0.0.1:{port}/page.txt"
            got = await on.text(shell.TOOL, command=f'{python} -c "{fetch}" {url}')
            assert "b'the page'" in got
            seen = await on.text(process.TOOL, action="read", id=1)
            assert "GET /page.txt" in seen
            if walls:
                refused = await on.text(
                    shell.TOOL, command=f'{python} -c "{fetch}" http://192.0.2.1/'
                )
                assert "unreachable" in refused

    asyncio.run(story())


@pytest.mark.parametrize("walls", WALLS)
def test_a_flood_is_kept_whole_on_disk_and_flat_in_memory(tmp_path: Path, walls: str) -> None:
    async def story() -> None:
        async with bench(tmp_path, walls) as on:
            line = "head -c 30000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo the end"
            await on.use(shell.TOOL, command=line, background=True)
            ended = await on.use(process.TOOL, action="read", id=1, wait=60)
            found = on.host.background.processes[1]
            while found.ended is None:
                ended = await on.use(process.TOOL, action="read", id=1, wait=60)
            assert len(words(ended.parts)) < 50_000
            assert "the end" in words(ended.parts)
            assert Path(found.whole.path).stat().st_size == found.size > 30_000_000
            assert len(found.recent()) < 100_000

    asyncio.run(story())


def test_of_a_flood_beyond_the_limit_head_and_tail_are_kept_and_the_rest_is_said(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with bench(tmp_path, "") as on:
            on.host = replace(on.host, most=100_000)
            await on.use(shell.TOOL, command="seq 1 1000000; read", background=True)
            found = on.host.background.processes[1]
            while found.size < 6_888_896:
                await on.use(process.TOOL, action="read", id=1, wait=5)
            assert Path(found.whole.path).stat().st_size <= 50_000
            said = await on.text(process.TOOL, action="read", id=1)
            assert "the first and, once it has ended, the last 50,000 bytes" in said
            ended = await on.text(process.TOOL, action="stop", id=1)
            assert "the first and the last 50,000 bytes; 6,788,896 bytes between" in ended
            kept = Path(found.whole.path).read_text()
            assert kept.startswith("1\n2\n") and kept.endswith("\n999999\n1000000\n")

    asyncio.run(story())


def test_what_it_detached_ends_with_it_and_with_the_session(tmp_path: Path) -> None:
    async def story() -> None:
        async with bench(tmp_path, "") as on:
            mark = f"detached-{os.getpid()}"
            line = f"setsid sh -c 'sleep 300; : {mark}' & setsid sh -c 'sleep 301; : {mark}' & wait"
            await on.use(shell.TOOL, command=line, background=True)
            assert alive(mark)
            await on.use(process.TOOL, action="stop", id=1)
            assert not alive(mark)
            await on.use(shell.TOOL, command=f"nohup {line}", background=True)
            assert alive(mark)
        until_gone(mark)

    asyncio.run(story())


def test_only_what_was_declared_is_started_or_typed(tmp_path: Path) -> None:
    async def story() -> None:
        async with bench(tmp_path, "") as on:
            await on.use(shell.TOOL, command="cat", background=True)
            found = on.host.background.processes[1]
            other = on.host.under(Effects(typed="hello\n", into="process 2 (`cat`)"))
            with pytest.raises(Undeclared):
                await other.type(found, "hello\n")
            with pytest.raises(Undeclared):
                on.host.under(Effects(command="true", cwd=str(on.folder))).start(
                    "false", ".", lambda number: on._spill(str(number))
                )
            with pytest.raises(ToolError, match="There is no process 7"):
                await on.use(process.TOOL, action="read", id=7)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("mode", "walled", "granted", "verdict"),
    [
        ("suggest", "", (), "ask"),
        ("suggest", "workspace-write", (), "ask"),
        ("auto-edit", "", (), "ask"),
        ("full-auto", "workspace-write", (), "allow"),
        ("full-auto", "", (), "ask"),
        ("suggest", "", ("type: process 1 (`sh`)",), "allow"),
        ("suggest", "", ("type: process 2 (`sh`)", "command: ls"), "ask"),
    ],
)
def test_typing_is_decided_by_mode_and_walls(
    mode: Any, walled: str, granted: tuple[str, ...], verdict: str
) -> None:
    policy = Policy(mode=mode, roots=("/w",), confines=True, granted=frozenset(granted))
    effects = Effects(typed="ls\n", into="process 1 (`sh`)", walled=walled)
    found = decide(policy, effects, lambda line, cwd: ())
    assert found.verdict == verdict
    assert found.confined == walled
    assert found.effects["typed"] == "ls\n"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_one_shot_run_takes_them_along_however_it_ends(
    program: Program, end: signal.Signals | None
) -> None:
    mark = f"one-shot-{os.getpid()}-{end}"
    line = f"setsid sh -c 'sleep 300; : {mark}' & sh -c 'sleep 301; : {mark}'"
    turn = [call("shell", {"command": line, "background": True})]
    with Server([turn, [gate(), text("Done.")]]) as server:
        argv = program.argv("exec", "--approval-mode", "full-auto", "go")
        more = {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "OPENAI_BASE_URL": server.url}
        with subprocess.Popen(
            argv, cwd=program.cwd, env=program.env(**more), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as run:  # fmt: skip
            assert server.reached.wait(40)
            assert len(alive(mark)) >= 2
            if end is None:
                server.gate.set()
            else:
                run.send_signal(end)
            run.wait(30)
        until_gone(mark)


def test_an_approved_one_is_gone_when_the_agent_is_killed(tmp_path: Path) -> None:
    mark = f"approved-{os.getpid()}"
    line = f"setsid sh -c 'sleep 300; : {mark}' & sh -c 'sleep 301; : {mark}'"
    driver = (
        "import asyncio, sys, time\nfrom pathlib import Path\n"
        "from tests.tools.test_process import Bench, shell\n"
        "async def go():\n"
        f"    await Bench(Path(sys.argv[1]), '').use(shell.TOOL, command={line!r}, background=True)\n"
        "    print('begun', flush=True)\n    await asyncio.sleep(300)\n"
        "asyncio.run(go())\n"
    )
    (tmp_path / "work").mkdir()
    argv = [sys.executable, "-c", driver, str(tmp_path / "work")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"begun\n"
        assert len(alive(mark)) >= 2
        run.kill()
        run.wait(10)
    until_gone(mark)
