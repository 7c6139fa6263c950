"""Which servers of the local model run: told by a file and a lock that ends with its holder."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from codex_py.core.errors import ModelError
from codex_py.dataclass import dataclass

GLANCE = 0.1
"""Seconds between two tries for a lock that somebody else has."""
PATIENCE = 2.0
"""Seconds of waiting after which something is amiss, or worth a word."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server answers, and to which key."""

    url: str
    """Ends in /v1."""
    key: str
    pid: int


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
        if at is not None and lives(folder):
            found.append((folder, at))
    return found


def end(folder: Path) -> bool:
    """End the server of a folder, asking first; whether there was one."""
    at = address(folder)
    if at is None or not lives(folder):
        return False
    for each, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(at.pid, each)
        began = time.monotonic()
        while lives(folder) and time.monotonic() - began < seconds:
            time.sleep(GLANCE)
        if not lives(folder):
            break
    (folder / "server.json").unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def locked(handle: int) -> bool:
    """Take the lock of an open file; false when somebody else has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


async def locked_soon(handle: int) -> None:
    """Others hold the lock of life for a glance only, when they ask whether a server lives."""
    began = time.monotonic()
    while not locked(handle):
        if time.monotonic() - began > PATIENCE:
            raise ModelError("the local model's server does not end", fault="server")
        await asyncio.sleep(GLANCE)


def lives(folder: Path) -> bool:
    """Whether a server holds the lock of life, which ends with it however it ends."""
    if not (folder / "alive").exists():
        return False
    with opened(folder / "alive") as handle:
        return not locked(handle)


def answers(at: Address) -> bool:
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
