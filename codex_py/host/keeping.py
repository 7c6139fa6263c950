"""Asks the keeper, a process of ours, what the files hold before and after each step."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from codex_py import snapshots
from codex_py.dataclass import dataclass
from codex_py.host import gitfolder
from codex_py.snapshots.store import workspace
from codex_py.snapshots.sweep import abandon

LATER = 0.03
"""Seconds after a turn began that the keeper starts: the first request goes first."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept: of which workspace, where, and within which bounds. Sizes in bytes."""

    home: str
    cwd: str
    roots: tuple[str, ...]
    most_files: int = 400_000
    largest_file: int = 16 << 20
    disk: int = 8 << 30
    wait: float = 30.0
    """Seconds a step waits for the first snapshot."""
    watch: bool = True
    """Hear from the kernel what changed; without, everything is looked at around each step."""

    @property
    def store(self) -> str:
        """The folder where this workspace is kept."""
        return workspace(self.home, self.cwd)


def _index(cwd: str) -> str:
    """Where Git says what is staged; empty without a repository. It is only read."""
    found = gitfolder.find(cwd)
    return str(found.own / "index") if found else ""


@dataclass(frozen=True, slots=True)
class Kept:
    """The tree before a step, or why there is none (empty when that was said before)."""

    tree: str = ""
    why: str = ""
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a step changed."""

    changes: str = ""
    total: int = 0
    files: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    why: str = ""


class Keeper:
    """The keeper of a session, started when first needed. `close` ends it.

    Contract: `before` returns with a tree only once all that the step may change is kept.
    Neither call raises: what cannot be kept is said in `why`, once.
    """

    def __init__(self, keeping: Keeping) -> None:
        self.keeping = keeping
        self._pid = 0
        self._name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
        self._to = self._from = -1
        self._pending = b""
        self._lock = asyncio.Lock()
        self._told: set[str] = set()
        self._left: tuple[str, ...] = ()
        self._broken = ""
        self._timer: asyncio.TimerHandle | None = None

    def begin_soon(self) -> None:
        """Start in a moment, beside the first request."""
        if not self._pid and not self._broken and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATER, self.begin)

    def begin(self) -> None:
        """Start now; the first snapshot is taken while the model thinks."""
        if self._pid or self._broken:
            return
        try:
            self._spawn()
        except OSError as error:
            self._broken = f"its keeper cannot be started ({error.strerror})"

    def _spawn(self) -> None:
        inner, self._to = os.pipe2(os.O_CLOEXEC)
        self._from, outer = os.pipe2(os.O_CLOEXEC)
        actions = [
            (os.POSIX_SPAWN_DUP2, inner, 0),
            (os.POSIX_SPAWN_DUP2, outer, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        script = os.path.dirname(os.path.abspath(snapshots.__file__))
        argv = [sys.executable, "-I", "-S", "-E", script]
        try:
            self._pid = os.posix_spawn(sys.executable, argv, {}, file_actions=actions, setpgroup=0)
        finally:
            os.close(inner)
            os.close(outer)
        os.set_blocking(self._from, False)
        keeping = self.keeping
        self._send(
            {
                "folder": keeping.store,
                "name": self._name,
                "roots": keeping.roots,
                "own": keeping.home,
                "limit": keeping.largest_file,
                "most": keeping.most_files,
                "disk": keeping.disk,
                "watch": keeping.watch,
                "index": _index(keeping.cwd),
            }
        )

    async def before(self, call_id: str, paths: Sequence[str], whole: bool) -> Kept:
        """Keep what a step may change: the paths, or with `whole` the workspace as well."""
        found = await self._ask("before", call_id, paths, whole)
        why = self._once(str(found.get("why", "")))
        return Kept(str(found.get("tree", "")), why, self._news(found))

    async def after(self, call_id: str, paths: Sequence[str], whole: bool) -> Found:
        """What the step changed since."""
        found = await self._ask("after", call_id, paths, whole)
        return Found(
            str(found.get("changes", "")),
            int(found.get("total", 0)),
            tuple((str(path), str(kind)) for path, kind in found.get("files", ())),
            tuple(found.get("lost", ())),
            self._news(found),
            self._once(str(found.get("why", ""))),
        )

    def _news(self, found: dict[str, Any]) -> tuple[str, ...]:
        """The folders left out, when they are others than before."""
        left = tuple(str(each) for each in found.get("left", ()))
        told, self._left = (() if left == self._left else left), left or self._left
        return told

    def _once(self, why: str) -> str:
        if why in self._told:
            return ""
        self._told.add(why)
        return why

    async def _ask(self, do: str, call: str, paths: Sequence[str], whole: bool) -> dict[str, Any]:
        asked = {"do": do, "call": call, "paths": list(paths), "all": whole}
        asked["wait"] = self.keeping.wait
        # A cancelled step must not leave its answer to the next question.
        return await asyncio.shield(self._locked(asked))

    async def _locked(self, asked: dict[str, Any]) -> dict[str, Any]:
        async with self._lock:
            self.begin()
            if not self._broken:
                try:
                    self._send(asked)
                    found: dict[str, Any] = json.loads(await self._line())
                    return found
                except (OSError, ValueError):
                    self._broken = "its keeper has ended"
            return {"why": self._broken}

    def _send(self, data: dict[str, Any]) -> None:
        text = json.dumps(data, separators=(",", ":")).encode() + b"\n"
        while text:
            text = text[os.write(self._to, text) :]

    async def _line(self) -> bytes:
        while b"\n" not in self._pending:
            await self._readable()
            with contextlib.suppress(BlockingIOError):
                piece = os.read(self._from, 1 << 16)
                if not piece:
                    raise BrokenPipeError
                self._pending += piece
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._from, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._from)

    def close(self) -> None:
        """End the keeper, whatever it does: all it wrote is appended, or renamed when whole."""
        if self._timer is not None:
            self._timer.cancel()
        self._broken = self._broken or "it was closed"
        if not self._pid:
            return
        os.close(self._to)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._from)
        self._pid = 0
        abandon(self.keeping.store, self._name)
