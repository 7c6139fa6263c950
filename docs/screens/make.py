"""The pictures of the terminal in docs/: the real program, a scripted model, tmux.

    python docs/screens/make.py       # writes docs/screens/*.svg; needs tmux

Each is what the terminal really showed, exported by rich; only the temporary home folder and the
server's port are written as `/home/ann` and 8000. Run it again when the looks change.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP))

from rich.console import Console  # noqa: E402
from rich.terminal_theme import MONOKAI  # noqa: E402
from rich.text import Text  # noqa: E402

from tests.conftest import Program  # noqa: E402
from tests.server import Server  # noqa: E402
from tests.turns import call, gate, reasoning, text  # noqa: E402
from tests.ui.tui.terminal import Terminal, known, session  # noqa: E402

HERE = Path(__file__).parent
COLUMNS, ROWS = 92, 36
READY = "Ask anything"
FILES = {
    "calc.py": "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return add(a, a)\n",
    "test_calc.py": "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n",
}
PATCH = (
    "*** Begin Patch\n*** Update File: calc.py\n@@\n def add(a, b):\n"
    "-    return a - b\n+    return a + b\n*** End Patch"
)
CHECK = "python3 -c 'from test_calc import test_add; test_add(); print(\"1 passed\")'"


def plan(*done: str) -> dict[str, Any]:
    steps = ("Read the code", "Fix add", "Run the test")
    states = [*done, *["pending"] * (len(steps) - len(done))]
    rows = [{"step": s, "status": t} for s, t in zip(steps, states, strict=True)]
    return call("update_plan", {"plan": rows})


def fixing() -> list[Any]:
    return [
        [
            reasoning("**Looking for the cause**\n\nThe test adds, the function subtracts."),
            call("read_file", {"path": "calc.py"}),
            call("search", {"pattern": "add\\("}),
            plan("completed", "in_progress"),
        ],
        [text("`add` subtracts. I'll change the one line."), call("apply_patch", {"input": PATCH})],
        [call("shell", {"command": CHECK})],
        [plan("completed", "completed", "completed")],
        text("Fixed `add` in `calc.py`: it subtracted. The test passes now."),
    ]


def write(name: str, shown: str) -> None:
    """One screen as SVG, without anything that a viewer would have to fetch."""
    shown = re.sub(r"/tmp/s-\w+/home", "/home/ann", shown)
    shown = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", shown)
    lines = shown.rstrip("\n").split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("\n".join(lines)), no_wrap=True, crop=True)
    svg = console.export_svg(title="codex-py", theme=MONOKAI, unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)
    svg = svg.replace("font-family: Fira Code, monospace", "font-family: monospace")
    svg = svg.replace("<!-- Generated with Rich https://www.textualize.io -->", "")
    (HERE / f"{name}.svg").write_text(svg, "utf-8")
    print(f"docs/screens/{name}.svg")


def answered(term: Terminal, *, first: str = "fix the failing test") -> None:
    term.until("codex-py 0", READY)
    term.type(first)
    term.press("Enter")


def start(program: Program, folder: Path) -> None:
    with Server([]) as server, opened(program, folder, server.url) as term:
        term.until("How much may it do")
        write("start", term.screen(colour=True))


def question(program: Program, folder: Path) -> None:
    known(program)
    with Server(fixing()) as server, opened(program, folder, server.url) as term:
        answered(term)
        term.until("Allow this?", "return a + b")
        write("edit", term.screen(colour=True))
        term.type("y")
        term.until("Run this command?", "Allow this?")
        write("command", term.screen(colour=True))


def work(program: Program, folder: Path) -> None:
    known(program, "full-auto")
    with Server(fixing()) as server, opened(program, folder, server.url) as term:
        answered(term)
        term.until("The test passes now.", "receipt:", READY)
        write("work", term.screen(colour=True))


def queue(program: Program, folder: Path) -> None:
    known(program, "full-auto")
    serve = "python3 -m http.server 8000 --bind 127.0.0.1"
    turns = [
        [call("shell", {"command": serve, "background": True})],
        [call("shell", {"command": "echo reading the page; sleep 60"})],
        [gate(), text("Never shown.")],
    ]
    with Server(turns) as server, opened(program, folder, server.url) as term:
        answered(term, first="serve the folder and look at the page")
        term.until("1 in background", "reading the page")
        for each in ("then write a README", "and commit it"):
            term.type(each)
            term.press("Enter")
            term.until(f"queued: {each}")
        term.type("use port 8080 inste")
        term.until("port 8080 inste")
        write("queue", term.screen(colour=True))
        term.press("Escape", "C-c")


def menu(program: Program, folder: Path) -> None:
    known(program)
    with Server([]) as server, opened(program, folder, server.url) as term:
        term.until("codex-py 0", READY)
        term.type("/re")
        term.until("/review")
        write("menu", term.screen(colour=True))


def opened(program: Program, folder: Path, url: str) -> Any:
    env = {"PATH": f"/usr/bin:/bin:{os.environ['PATH']}"}
    return session(program, folder, url=url, columns=COLUMNS, rows=ROWS, **env)


SCREENS: tuple[Callable[[Program, Path], None], ...] = (start, question, work, queue, menu)


def main() -> None:
    """Make every picture, each in a folder and a home of its own."""
    for screen in SCREENS:
        scratch = Path(tempfile.mkdtemp(prefix="s-"))
        try:
            home = scratch / "home"
            repo = home / "calc"
            repo.mkdir(parents=True)
            for name, words in FILES.items():
                (repo / name).write_text(words)
            for args in (["init", "-qb", "main"], ["add", "."], ["commit", "-qm", "first"]):
                who = ["-c", "user.name=a", "-c", "user.email=a@example.invalid"]
                subprocess.run(["git", *who, *args], cwd=repo, check=True)
            screen(Program(home, repo), scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
