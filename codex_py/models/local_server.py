"""The local model's server: one process for all sessions of a user, found by a file and a lock."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from codex_py.core.errors import ModelError
from codex_py.dataclass import dataclass
from codex_py.models.local_running import (
    GLANCE,
    PATIENCE,
    Address,
    address,
    answers,
    end,
    lives,
    locked,
    locked_soon,
    opened,
    private,
)

KEPT = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE",
)  # fmt: skip
"""What the server needs of the environment; keys and tokens are not among it."""
CONTEXT = 8192
"""Tokens a conversation may have, unless told otherwise."""
READY = 180.0
"""Seconds that loading may take."""
IDLE = 600.0
"""Seconds after which a server that nobody uses ends."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served, and how."""

    model: Path
    folder: Path
    """Where the log, the saved states and the folders of running servers are."""
    context: int = CONTEXT
    """Tokens a conversation may have."""
    threads: int = 0
    """0: as many as there are cores for us."""
    gpu_layers: int = 0
    idle: float = IDLE

    def run(self) -> Path:
        """The folder of the one server that serves this, by all that it depends on."""
        try:
            there = self.model.stat()
        except OSError as error:
            raise ModelError(
                f"{self.model} cannot be read: {error.strerror}", fault="request"
            ) from None
        told = [str(self.model), there.st_size, there.st_mtime_ns, self.context, self.threads]
        told += [self.gpu_layers, sys.executable]
        name = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
        return self.folder / "run" / name


class LocalServer:
    """The server that all sessions of the user share.

    Contract: `turn` gives its address to one session at a time, starting it when it does not
    run; whoever ends, however they end, the next one gets its turn. It listens on 127.0.0.1,
    answers to the key alone, which stands in a file that only the user can read, and ends by
    itself when it was not used for `idle` seconds.
    """

    def __init__(self, serving: Serving, environ: Mapping[str, str], tell: Tell) -> None:
        self.serving = serving
        self.environ = environ
        self.tell = tell
        self.known: Address | None = None

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.serving.folder / "server.log"

    @property
    def cache(self) -> Path:
        """Where the server saves what it has read."""
        return self.serving.folder / "cache"

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Address]:
        """Hold the server for one answer. Raises ModelError when it cannot be started."""
        folder = self.serving.run()
        private(folder)
        self.cache.mkdir(mode=0o700, exist_ok=True)
        with opened(folder / "turn") as handle:
            await self._wait(handle)
            try:
                yield await self._there(folder)
            finally:
                os.utime(handle)

    def used(self) -> None:
        """Say that the server is still wanted, without a turn."""
        os.utime(self.serving.run() / "turn")

    async def _wait(self, handle: int) -> None:
        began, told = time.monotonic(), False
        while not locked(handle):
            if not told and time.monotonic() - began > PATIENCE:
                told = True
                self.tell("another session is using the local model; waiting for it…")
            await asyncio.sleep(GLANCE)

    async def _there(self, folder: Path) -> Address:
        """The running server's address, or a new one's. The turn must be held."""
        if lives(folder):
            found = await self._loaded(folder)
            if found is not None:
                return found
            await asyncio.to_thread(end, folder)
        return await self._start(folder)

    async def _loaded(self, folder: Path) -> Address | None:
        """The address of a server that lives: perhaps it is still loading for a dead session."""
        began, told = time.monotonic(), False
        while lives(folder) and time.monotonic() - began < READY:
            found = address(folder)
            if found is not None:
                if found != self.known and not await asyncio.to_thread(answers, found):
                    return None
                self.known = found
                return found
            if not told:
                told = True
                self.tell("the local model is being loaded…")
            await asyncio.sleep(GLANCE)
        return None

    async def _start(self, folder: Path) -> Address:
        for name in ("server.json", "warm"):
            (folder / name).unlink(missing_ok=True)
        ours, theirs = os.pipe()
        try:
            with opened(folder / "alive") as alive:
                await locked_soon(alive)
                starter = self._spawn(alive, theirs)
            os.close(theirs)
            theirs = -1
            assert starter.stdin is not None
            with contextlib.suppress(OSError), starter.stdin as pipe:
                pipe.write(json.dumps(self._told(folder)).encode() + b"\n")
            await asyncio.to_thread(starter.wait)
            why = await self._hello(ours)
        finally:
            for each in (ours, theirs):
                if each >= 0:
                    with contextlib.suppress(OSError):
                        os.close(each)
        found = address(folder)
        if found is None:
            why = why or _last_line(self.log) or "it ended without a word"
            raise ModelError(
                f"the local model could not be started: {why} (log: {self.log})", fault="server"
            )
        self.known = found
        return found

    def _spawn(self, alive: int, answer: int) -> subprocess.Popen[bytes]:
        env = {name: value for name, value in self.environ.items() if name in KEPT}
        # Spinning threads starve the rest of the machine, and themselves.
        env["OMP_WAIT_POLICY"] = "passive"
        with self.log.open("wb") as log:
            # -P and the folder keep a repository's own modules from being imported.
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "codex_py.models.local_child", str(alive)],
                stdin=subprocess.PIPE, stdout=answer, stderr=log, pass_fds=(alive,),
                cwd=self.serving.folder, env=env, start_new_session=True,
            )  # fmt: skip

    def _told(self, folder: Path) -> dict[str, object]:
        return {
            "model": str(self.serving.model),
            "name": self.serving.model.stem,
            "key": secrets.token_urlsafe(32),
            "context": self.serving.context,
            "threads": self.serving.threads or cores(),
            "gpu_layers": self.serving.gpu_layers,
            "cache": f"{self.cache}{os.sep}",
            "folder": str(folder),
            "idle": self.serving.idle,
        }

    async def _hello(self, handle: int) -> str:
        """Wait until the new server is ready, telling how far it is; why it is not, or nothing."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        pipe = os.fdopen(os.dup(handle), "rb", 0)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        began, told = time.monotonic(), 0
        try:
            async with asyncio.timeout(READY):
                while line := await reader.readline():
                    said = json.loads(line)
                    if "percent" not in said:
                        return str(said.get("error", ""))
                    if said["percent"] >= told + 20 and time.monotonic() - began > 1:
                        told = said["percent"]
                        self.tell(f"loading the local model… {told} %")
        except (TimeoutError, ValueError):
            return "it did not get ready"
        finally:
            transport.close()
        return ""


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
