"""The local model's server: one process for all sessions of a user, found by a file and a lock."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from codex_py.core.errors import ModelError

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
GLANCE = 0.1
"""Seconds between two tries for a lock that another session has."""
PATIENCE = 2.0
"""Seconds of waiting after which the user is told why."""

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


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server answers, and to which key."""

    url: str
    """Ends in /v1."""
    key: str
    pid: int


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
        with _opened(folder / "turn") as handle:
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
        while not _locked(handle):
            if not told and time.monotonic() - began > PATIENCE:
                told = True
                self.tell("another session is using the local model; waiting for it…")
            await asyncio.sleep(GLANCE)

    async def _there(self, folder: Path) -> Address:
        """The running server's address, or a new one's. The turn must be held."""
        if _lives(folder):
            found = await self._loaded(folder)
            if found is not None:
                return found
            await asyncio.to_thread(end, folder)
        return await self._start(folder)

    async def _loaded(self, folder: Path) -> Address | None:
        """The address of a server that lives: perhaps it is still loading for a dead session."""
        began, told = time.monotonic(), False
        while _lives(folder) and time.monotonic() - began < READY:
            found = address(folder)
            if found is not None:
                if found != self.known and not await asyncio.to_thread(_answers, found):
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
            with _opened(folder / "alive") as alive:
                await _locked_soon(alive)
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


def private(folder: Path) -> None:
    """Make a folder that is the user's alone. Raises ModelError where it cannot be."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for each in (folder, folder.parent):
        found = each.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise ModelError(f"{each} is not a folder of yours", fault="request")
        if stat.S_IMODE(found.st_mode) & 0o077:
            each.chmod(0o700)


def address(folder: Path) -> Address | None:
    """Where the server of a folder answers, when it has said so."""
    try:
        told = json.loads((folder / "server.json").read_text("utf-8"))
        return Address(f"{told['url']}/v1", str(told["key"]), int(told["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def running(models: Path) -> list[tuple[Path, Address]]:
    """The servers that run, with their folders."""
    found = []
    for folder in sorted((models / "run").glob("*")):
        at = address(folder)
        if at is not None and _lives(folder):
            found.append((folder, at))
    return found


def end(folder: Path) -> bool:
    """End the server of a folder, asking first; whether there was one."""
    at = address(folder)
    if at is None or not _lives(folder):
        return False
    for each, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(at.pid, each)
        began = time.monotonic()
        while _lives(folder) and time.monotonic() - began < seconds:
            time.sleep(GLANCE)
        if not _lives(folder):
            break
    (folder / "server.json").unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Take the lock of an open file; false when somebody else has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


async def _locked_soon(handle: int) -> None:
    """Others hold the lock of life for a glance only, when they ask whether a server lives."""
    began = time.monotonic()
    while not _locked(handle):
        if time.monotonic() - began > PATIENCE:
            raise ModelError("the local model's server does not end", fault="server")
        await asyncio.sleep(GLANCE)


def _lives(folder: Path) -> bool:
    """Whether a server holds the lock of life, which ends with it however it ends."""
    if not (folder / "alive").exists():
        return False
    with _opened(folder / "alive") as handle:
        return not _locked(handle)


def _answers(at: Address) -> bool:
    """Whether the server answers to its key."""
    import urllib.request  # late: once a session

    asked = urllib.request.Request(
        f"{at.url}/models", headers={"Authorization": f"Bearer {at.key}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=20) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


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
