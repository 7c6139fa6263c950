"""The kept interpreter: its state, what it shows, and how it ends and begins again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codex_py.agent import open_agent
from codex_py.core.entries import Decision, Image, ToolCall, ToolResult, words
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output
from codex_py.host import Host, Undeclared, open_host
from codex_py.host.confine import Ground
from codex_py.host.interpreter import program, spoken
from codex_py.launch import Launch
from codex_py.redact import Redactor
from codex_py.settings import Settings
from codex_py.tools import builtin

builtin("replace")
from codex_py.tools import python, screenshot  # noqa: E402  # pydantic is loaded as the program does

Use = Callable[..., Output]


class Desk:
    """Runs code as a turn does, on one event loop, confined where anything can confine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ground = Ground(str(folder), (str(folder),), str(folder.parent / "own"))
        self.host: Host = open_host(ground, os.environ, timeout=60)
        self.mode = "workspace-write" if self.host.confines else ""
        self.loop = asyncio.new_event_loop()
        self.blobs: dict[str, bytes] = {}
        self.said: list[str] = []

    def use(self, code: str, timeout: int | None = None) -> Output:
        params = python.TOOL.parse(json.dumps({"code": code, "timeout": timeout}))
        return self.loop.run_until_complete(python.run(params, self.call(params)))  # type: ignore[arg-type]

    def call(self, params: Any) -> Call:
        effects = self.host.resolved(python.effects(params, self.host))
        return Call("c1", self.host.under(effects, self.mode), self.mode, self.said.append, self.keep,
                    lambda name: (Path(name), open(os.devnull, "wb", buffering=0)), lambda _: None)  # fmt: skip

    def keep(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        self.blobs[name] = data
        return name

    def text(self, code: str, timeout: int | None = None) -> str:
        return words(self.use(code, timeout).parts)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "work"
    (folder / ".venv" / "bin").mkdir(parents=True)
    # The project's own Python: ours, so that it has Pillow and, where installed, matplotlib.
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    if os.path.exists(f"{sys.prefix}/pyvenv.cfg"):
        for name in ("lib", "pyvenv.cfg"):
            (folder / ".venv" / name).symlink_to(f"{sys.prefix}/{name}")
    made = Desk(folder)
    yield made
    made.host.close()
    made.loop.run_until_complete(asyncio.sleep(0))
    made.loop.close()


def test_state_lasts_values_and_errors_are_told(desk: Desk) -> None:
    assert desk.text("x = 20\nprint('printed')\nx + 2") == "printed\n22"
    assert desk.text("x += 1; _") == "22"
    assert desk.text("def f():\n    return x\nf()") == "21"
    failed = desk.use("f()\n1 / 0")
    assert not failed.ok
    assert words(failed.parts).startswith(
        'Traceback (most recent call last):\n  File "<call 4>", line 2'
    )
    assert words(failed.parts).endswith("ZeroDivisionError: division by zero")
    assert "SyntaxError" in desk.text("def :")
    assert desk.text("x") == "21"  # nothing of that cost the state
    assert desk.text("y = 1") == "(no output)"
    assert desk.text("class Table:\n    columns = 2\n    __module__ = 'pandas.core'\n"
                     "    def to_string(self, **given): return f'a b {sorted(given)}'\nTable()"
                     ) == "a b ['line_width', 'max_cols', 'max_rows']"  # fmt: skip
    assert desk.text("import subprocess; subprocess.run(['cat'], check=True); input()").endswith(
        "EOFError: EOF when reading a line"
    )
    assert "x" * 100 in desk.text("print('x' * 200_000)")
    assert desk.use("print('x' * 200_000)").full
    # A child of the code's own does not answer in its place.
    desk.text("import os, time; parent = os.getpid()")
    forked = "if os.fork(): time.sleep(0.5)\n'parent' if os.getpid() == parent else 'child'"
    assert desk.text(forked) == "'parent'"
    assert "2\n" in "".join(desk.said) or desk.said


def test_a_crash_an_end_and_a_time_out_are_said_and_it_begins_anew(desk: Desk) -> None:
    for code, why in (
        ("import os; os._exit(3)", "The interpreter ended with code 3."),
        ("import ctypes; ctypes.string_at(0)", "The interpreter crashed (signal 11)."),
        ("raise SystemExit(0)", "The code ended the interpreter."),
    ):
        assert desk.text("kept = 1; kept") .endswith("1")  # fmt: skip
        lost = desk.use(code)
        assert not lost.ok
        assert words(lost.parts).startswith(f"{why} Variables are gone"), code
        assert "A fresh interpreter" in desk.text("'kept' in globals()")
    late = desk.use("print('first', flush=True)\nimport time; time.sleep(60)", 1)
    assert not late.ok
    assert words(late.parts).startswith("Timed out after 1 s.") and words(late.parts).endswith(
        "first"
    )
    assert desk.text("2").endswith("\n2")


def test_a_cancelled_call_ends_the_interpreter(desk: Desk) -> None:
    params = python.TOOL.parse(
        json.dumps({"code": "import time; print('on', flush=True); time.sleep(60)"})
    )

    async def run() -> None:
        started = asyncio.Event()
        call = desk.call(params)
        heard = Call(
            call.call_id,
            call.host,
            call.confined,
            lambda _: started.set(),
            call.keep,
            call.spill,
            call.digest_seen,
        )
        task = asyncio.create_task(python.run(params, heard))  # type: ignore[arg-type]
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    desk.loop.run_until_complete(run())
    assert "A fresh interpreter: the call was interrupted" in desk.text("1")


def test_what_it_draws_and_writes_comes_back_as_pictures(desk: Desk) -> None:
    made = desk.use(
        "from PIL import Image\nimage = Image.new('RGB', (30, 20), 'red')\nimage.save('a.png')\nimage"
    )
    images = [part for part in made.parts if isinstance(part, Image)]
    assert [(part.name, part.width, part.height) for part in images] == [("a.png", 30, 20)]  # once
    assert desk.blobs[images[0].blob] == (desk.folder / "a.png").read_bytes()
    assert "a.png: shown 30 x 20, about 1 tokens" in words(made.parts)
    assert not any(isinstance(part, Image) for part in desk.use("1 + 1").parts)
    by_program = desk.use(
        "import subprocess, sys\nsubprocess.run(['cp', 'a.png', 'b.png'], check=True)"
    )
    assert [part.name for part in by_program.parts if isinstance(part, Image)] == ["b.png"]
    wrong = desk.text("open('c.png', 'w').write('no picture'); None")
    assert "c.png cannot be shown: it is no picture" in wrong
    many = desk.use("for n in range(9): Image.new('RGB', (9, 9), (n, 0, 0)).save(f'm{n}.png')")
    assert sum(isinstance(part, Image) for part in many.parts) == 6
    assert "3 more pictures" in words(many.parts)


def test_code_that_changes_the_driver_shows_no_more_pictures_either(desk: Desk) -> None:
    raised = "import sys\nsys._getframe(1).f_globals['MOST'] = 99\nfrom PIL import Image\n"
    draw = "for n in range(9): Image.new('RGB', (9, 9), (n, 0, 0)).save(f'm{n}.png')"
    many = desk.use(raised + draw)
    shown = [part.name for part in many.parts if isinstance(part, Image)]
    assert shown == [f"m{n}.png" for n in range(6)]
    assert "3 more pictures are not shown" in words(many.parts)
    for pictures in ("'no list'", "[1, None, {'name': 1}] * 9", "None"):
        odd = desk.use(
            f"driver = sys._getframe(1).f_globals\n"
            f"driver['_pictures'] = lambda *_: ({pictures}, {{}})\n'said'"
        )
        assert words(odd.parts).startswith("'said'")
        assert not any(isinstance(part, Image) for part in odd.parts)


def test_figures_come_back_as_pictures(desk: Desk) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed here")
    drawn = desk.use(
        "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]); plt.show()\nprint(plt.get_backend())"
    )
    images = [part for part in drawn.parts if isinstance(part, Image)]
    assert [(part.name, part.width) for part in images] == [("figure 1", 640)]
    assert "agg" in words(drawn.parts).lower()
    assert not any(isinstance(part, Image) for part in desk.use("plt.get_fignums()").parts)


def test_it_is_confined_as_commands_are(desk: Desk) -> None:
    if not desk.mode:
        pytest.skip("nothing confines here")
    outside = desk.folder.parent / "outside.txt"
    if desk.host.confinement != "landlock":
        desk.text(f"open({str(outside)!r}, 'w')")  # its /tmp is its own
        assert not outside.exists()
    assert "Error" in desk.text("open('/usr/outside.txt', 'w')")
    assert not os.path.exists("/usr/outside.txt")
    assert "Error" in desk.text("import socket; socket.create_connection(('192.0.2.1', 80), 2)")
    assert desk.text("open('inside.txt', 'w').write('x')") == "1"
    assert (desk.folder / "inside.txt").read_text() == "x"


def test_known_secrets_are_taken_out_of_all_it_prints(desk: Desk, tmp_path: Path) -> None:
    desk.host = desk.host.without_keys(frozenset(), Redactor(["sk-abcdefgh-12345678"]))
    params = python.TOOL.parse(
        "{\"code\": \"for _ in range(4000): print('sk-abcdefgh-' + '12345678')\"}"
    )
    call = desk.call(params)
    whole = tmp_path / "whole"
    call = replace(call, spill=lambda _: (whole, open(whole, "wb", buffering=0)))  # noqa: SIM115
    told = words(desk.loop.run_until_complete(python.run(params, call)).parts)  # type: ignore[arg-type]
    for text in (told, whole.read_text(), "".join(desk.said)):
        assert "[redacted]" in text and "12345678" not in text


def test_only_the_declared_code_runs_and_the_command_tells_all_of_it(desk: Desk) -> None:
    params = python.TOOL.parse('{"code": "print(1)\\nEOF"}')
    command = python.effects(params, desk.host).command  # type: ignore[arg-type]
    assert command == ".venv/bin/python <<'EOF_'\nprint(1)\nEOF\nEOF_"
    assert program(str(desk.folder.parent)) == "python3"
    other = python.TOOL.parse('{"code": "print(2)"}')
    call = desk.call(params)
    with pytest.raises(Undeclared):
        desk.loop.run_until_complete(python.run(other, call))  # type: ignore[arg-type]
    assert spoken("1", "/") == "python3 <<'EOF'\n1\nEOF"
    for wrong in ('{"code": " "}', '{"code": "a\\u0000"}'):
        with pytest.raises(ToolError):
            python.effects(python.TOOL.parse(wrong), desk.host)  # type: ignore[arg-type]


def test_only_local_pages_are_rendered(desk: Desk) -> None:
    (desk.folder / "page.html").write_text("<p>x")
    (desk.folder.parent / "private.html").write_text("<p>y")
    (desk.folder / "link.html").symlink_to(desk.folder.parent / "private.html")
    for page, why in (
        ("https://example.com/", "Only files"), ("http://localhost.example.com/", "Only files"),
        ("http://127.0.0.1@example.com/", "Only files"), ("chrome://version", "Only files"),
        ("data://x", "Only files"), ("gone.html", "no file"), ("link.html", "leads out of the workspace"),
        ("http://localhost/'$(id)'", "percent-encoded"), ("http://10.0.0.1\\@localhost/", "percent-encoded"),
        ("view-source:page.html", "no file"),
    ):  # fmt: skip
        params = screenshot.TOOL.parse(json.dumps({"page": page}))
        with pytest.raises(ToolError, match=why):
            screenshot.effects(params, desk.host)  # type: ignore[arg-type]
    wide = screenshot.TOOL.parse('{"page": "page.html", "width": 9999}')
    with pytest.raises(ToolError, match="16 to 4096"):
        screenshot.effects(wide, desk.host)  # type: ignore[arg-type]
    params = screenshot.TOOL.parse('{"page": "page.html", "width": 320}')
    found = screenshot.effects(params, desk.host)  # type: ignore[arg-type]
    assert found.confined and found.command is not None
    assert f"--window-size=320,800 'file://{desk.folder}/page.html'" in found.command


def test_no_browser_is_said_clearly(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.folder / "page.html").write_text("<p>x")
    params = screenshot.TOOL.parse('{"page": "page.html"}')
    host = Host(desk.host.cwd, desk.host.roots, {"PATH": str(desk.folder)}, desk.host.confined)
    effects = host.resolved(screenshot.effects(params, host))  # type: ignore[arg-type]
    call = Call(
        "c",
        host.under(effects),
        "",
        print,
        desk.keep,
        lambda name: (Path(name), sys.stdout.buffer),
        lambda _: None,
    )  # type: ignore[arg-type]
    with pytest.raises(ToolError, match="No Chromium or Chrome is installed"):
        asyncio.run(screenshot.run(params, call))  # type: ignore[arg-type]


def test_after_a_yes_it_is_confined_all_the_same(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other commands that were allowed run as the person would run them; this one does not."""
    turns = [
        {"call": "python", "arguments": {"code": "open('made.txt', 'w').write('x')"}},
        {"text": "ok"},
    ]
    (tmp_path / "script.json").write_text(json.dumps(turns))
    monkeypatch.setenv("HOME", str(tmp_path))
    asked: list[Decision] = []

    async def yes(call: ToolCall, decision: Decision) -> Decision:
        asked.append(decision)
        return Decision(verdict="allow", by="user")

    settings = Settings(home=tmp_path / "state", model=f"scripted/{tmp_path}/script.json")
    agent = open_agent(settings, Launch(str(repo)), yes)

    async def run() -> bool:
        try:
            await agent.run("go")
            return agent.kit.host.confines
        finally:
            await agent.close()

    wanted = "workspace-write" if asyncio.run(run()) else ""
    assert [each.confined for each in asked] == [wanted]
    decided = next(entry for entry in agent.session.entries if isinstance(entry, Decision))
    result = next(entry for entry in agent.session.entries if isinstance(entry, ToolResult))
    assert (decided.confined, result.data["confined"], result.ok) == (wanted, wanted, True)
    assert (repo / "made.txt").read_text() == "x"
