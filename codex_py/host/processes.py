"""Start a command, stream its output, time it out, end its whole tree."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import Protocol

from codex_py.dataclass import dataclass
from codex_py.host.output import Collected
from codex_py.host.terminal import controlling

PIECE = 1 << 16
DRAIN = 0.25
"""Seconds to wait for a closed pipe after the command itself ended."""
GONE = 5.0
"""Seconds a killed tree has to be gone."""
GRACE = 2.0
"""Seconds between asking a process group to end and killing it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code, or the signal that killed it."""

    code: int | None
    signal: int | None = None
    notes: tuple[str, ...] = ()
    """What the confinement said: refused paths and addresses, limits hit."""
    denied: tuple[Mapping[str, str], ...] = ()


class Running(Protocol):
    """A started process. `fileno` becomes readable when it ended; `end` kills its tree."""

    def fileno(self) -> int: ...

    def collect(self, stderr_tail: str) -> Ended: ...

    def signal(self, number: int) -> None: ...

    async def end(self) -> None: ...


class Launch(Protocol):
    """Starts a shell command with its output going to a descriptor."""

    def __call__(
        self, command: str, cwd: str, out: int, *, wall: float | None = None
    ) -> Running: ...


@dataclass(frozen=True, slots=True)
class Ran:
    """One finished command. Sizes in bytes, times in seconds."""

    ended: Ended
    timed_out: bool
    seconds: float
    head: str
    tail: str
    size: int
    full: str
    lost: str = ""
    """What of a long output is not in the file `full`."""


async def run(launch: Launch, command: str, cwd: str, *, seconds: float, output: Collected) -> Ran:
    """Run a command to its end or its time-out. Cancelling ends the whole tree first.

    Raises OSError when it cannot be started.
    """
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    reader, writer = os.pipe2(os.O_CLOEXEC)
    with contextlib.suppress(OSError):
        _grow(reader)
    try:
        running = launch(command, cwd, writer)
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    os.set_blocking(reader, False)
    closed, over = loop.create_future(), loop.create_future()
    watched = running.fileno()
    loop.add_reader(reader, _pump, reader, output, closed, loop)
    loop.add_reader(watched, _done, watched, over, loop)
    timed_out = False
    try:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(over)
        except TimeoutError:
            timed_out = True
            await _stop(running, over)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                await asyncio.shield(closed)
    except BaseException:
        await asyncio.shield(_stop(running, over))
        loop.remove_reader(watched)
        running.collect("")
        raise
    finally:
        loop.remove_reader(reader)
        os.close(reader)
        output.close()
    loop.remove_reader(watched)
    ended = running.collect((output.tail() or output.head())[-8_000:])
    return Ran(
        ended=ended,
        timed_out=timed_out,
        seconds=round(time.monotonic() - began, 3),
        head=output.head(),
        tail=output.tail(),
        size=output.size,
        full=output.whole.path,
        lost=output.whole.lost,
    )


async def _stop(running: Running, over: asyncio.Future[None]) -> None:
    """End the tree and wait until it is gone."""
    await running.end()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GONE):
            await asyncio.shield(over)


def _grow(pipe: int) -> None:
    import fcntl  # late: absent where there is no such call

    fcntl.fcntl(pipe, getattr(fcntl, "F_SETPIPE_SZ", 1031), 1 << 20)


def _pump(
    pipe: int, output: Collected, closed: asyncio.Future[None], loop: asyncio.AbstractEventLoop
) -> None:
    for _ in range(32):
        try:
            data = os.read(pipe, PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            loop.remove_reader(pipe)
            if not closed.done():
                closed.set_result(None)
            return
        output.feed(data)


def _done(fd: int, over: asyncio.Future[None], loop: asyncio.AbstractEventLoop) -> None:
    loop.remove_reader(fd)
    if not over.done():
        over.set_result(None)


class Plain:
    """A command run as the user would run it, in a process group of its own."""

    def __init__(
        self,
        command: str,
        cwd: str,
        out: int,
        env: Mapping[str, str],
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self._process = subprocess.Popen(
            [shell(), "-c", command],
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=controlling if os.isatty(stdin) else None,
        )
        self._pid = self._process.pid
        self._fd = _watch(self._process)

    def fileno(self) -> int:
        """Readable once the command ended."""
        return self._fd

    def collect(self, stderr_tail: str) -> Ended:
        """How it ended; what is left of its group is ended too."""
        del stderr_tail
        self.signal(signal.SIGKILL)
        code = self._process.wait()
        os.close(self._fd)
        return Ended(code, None) if code >= 0 else Ended(None, -code)

    async def end(self) -> None:
        """Ask the group to end, kill it after a while."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, GRACE)
        self.signal(signal.SIGKILL)
        self._process.wait()

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)


def _watch(process: subprocess.Popen[bytes]) -> int:
    """A descriptor that becomes readable when the process ended."""
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(process.pid)
    import threading  # late: only where the system has no descriptor for a process

    reader, writer = os.pipe()

    def wait() -> None:
        process.wait()
        os.close(writer)

    threading.Thread(target=wait, daemon=True).start()
    return reader


def shell() -> str:
    """The shell that runs command lines: bash where there is one."""
    for path in ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"):
        if os.path.exists(path):
            return path
    return "/bin/sh"


QUIET = {
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GH_PAGER": "cat",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "CODEX_PY": "1",
}
"""Variables of every command: no pager, no colour, no questions."""


def environment(own: Mapping[str, str], hidden: frozenset[str]) -> dict[str, str]:
    """The user's environment for an approved command: all of it but our own keys."""
    values = {own[name] for name in hidden if own.get(name)}
    kept = {
        name: text
        for name, text in own.items()
        if name not in hidden and text not in values and not starts_code(name)
    }
    return {**kept, **QUIET}


def starts_code(name: str) -> bool:
    """Whether bash runs or defines what this variable holds, before the command itself."""
    return name in ("BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS") or name.startswith("BASH_FUNC_")


def capture(
    argv: list[str], cwd: str, env: Mapping[str, str], given: bytes, limit: int, wall: float = 30.0
) -> tuple[int, str, str, bool]:
    """Run one of our own programs: exit code, output, errors, and whether it was cut.

    Blocks; call it from a thread. At `limit` bytes or after `wall` seconds it is killed.
    """
    import threading  # late: only for our own programs

    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        errors: list[bytes] = []
        feeder = threading.Thread(target=_feed, args=(process, given), daemon=True)
        listener = threading.Thread(
            target=lambda pipe: errors.append(pipe.read(8_000)), args=(process.stderr,), daemon=True
        )
        timer = threading.Timer(wall, process.kill)
        for thread in (feeder, listener, timer):
            thread.start()
        out = process.stdout.read(limit + 1)
        cut = len(out) > limit
        if cut:
            process.kill()
        code = process.wait()
        timer.cancel()
        listener.join(1)
        feeder.join(1)
    cut = cut or code == -signal.SIGKILL
    error = b"".join(errors).decode("utf-8", "replace")
    return code, out[:limit].decode("utf-8", "replace"), error, cut


def _feed(process: subprocess.Popen[bytes], given: bytes) -> None:
    assert process.stdin
    with contextlib.suppress(OSError):
        process.stdin.write(given)
    with contextlib.suppress(OSError):
        process.stdin.close()
