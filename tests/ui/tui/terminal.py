"""A real terminal for tests: tmux, asked what its screen shows."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Program


class Terminal:
    """One tmux pane of its own server."""

    def __init__(self, folder: Path) -> None:
        self._socket = f"{tempfile.mkdtemp(dir=folder)}/tmux"

    def tmux(self, *args: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *args],
            capture_output=True,
            text=True,
            timeout=20,
        )
        return done.stdout

    def start(self, command: str, columns: int, rows: int) -> None:
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "-s", "t", command)
        self.tmux("set-option", "-g", "history-limit", "50000")

    def type(self, text: str) -> None:
        """Keys as they are, never taken for key names."""
        self.tmux("send-keys", "-t", "t", "-l", "--", text)

    def press(self, *names: str) -> None:
        """Keys by name: Enter, Escape, C-c, Up."""
        self.tmux("send-keys", "-t", "t", *names)

    def paste(self, text: str) -> None:
        """As the person's terminal would, in brackets."""
        self.tmux("set-buffer", "--", text)
        self.tmux("paste-buffer", "-p", "-t", "t")

    def resize(self, columns: int, rows: int) -> None:
        self.tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    def screen(self, *, colour: bool = False) -> str:
        """What is shown now."""
        return self.tmux("capture-pane", "-p", *(["-e"] if colour else []), "-t", "t")

    def whole(self) -> str:
        """What is shown and what was scrolled away, long lines joined."""
        return self.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "t")

    def until(self, *texts: str, gone: str = "", seconds: float = 40) -> str:
        """Wait for all the texts on the screen, and until `gone` is not there."""
        pause, end = threading.Event(), time.monotonic() + seconds
        while True:
            shown = self.screen()
            if all(text in shown for text in texts) and not (gone and gone in shown):
                return shown
            if time.monotonic() > end:
                raise AssertionError(f"no {texts} (gone: {gone!r}) on the screen:\n{shown}")
            pause.wait(0.05)


@contextmanager
def session(
    program: Program,
    folder: Path,
    *args: str,
    url: str,
    columns: int = 100,
    rows: int = 30,
    **env: str,
) -> Iterator[Terminal]:
    """The interactive program in a terminal; skipped, loudly, where there is no tmux."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: the terminal tests did not run")
    told = {
        "OPENAI_API_KEY": "sk-test-0123456789abcdef",
        "OPENAI_BASE_URL": url,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        **env,
    }
    full = {**program.env(**told), "TERM": env.get("TERM", "screen-256color")}
    words = ["env", "-i", *(f"{name}={value}" for name, value in full.items())]
    words += [sys.executable, "-m", "codex_py", *args]
    line = f"cd {shlex.quote(str(program.cwd))}; {shlex.join(words)}; code=$?; stty -a; echo EXIT $code; cat"
    terminal = Terminal(folder)
    terminal.start(line, columns, rows)
    try:
        yield terminal
    finally:
        terminal.tmux("kill-server")


def known(program: Program, mode: str = "suggest") -> None:
    """Settings of a person who was here before."""
    state = program.home / "state"
    state.mkdir(exist_ok=True)
    path = os.path.realpath(program.cwd)
    (state / "config.toml").write_text(
        f'approval_mode = "{mode}"\n[projects."{path}"]\ntrust_level = "trusted"\n'
    )
