"""A process that is spoken with: requests and answers go over a socket that is its stdin."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from typing import Protocol

from codex_py.host.output import Collected
from codex_py.host.processes import GONE, PIECE, Ended, Running

LARGEST = 96 << 20
"""Bytes of one answer."""


class Start(Protocol):
    """Starts a command; the descriptors stay the caller's."""

    def __call__(self, command: str, cwd: str, out: int, stdin: int) -> Running: ...


class Gone(Exception):
    """The process ended, or said what cannot be an answer; the message says which."""


class Held:
    """One such process, on one event loop. `close` ends its whole tree.

    Contract: what it prints goes to whatever `listen` names; what it answers is bounded.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.output = Collected(lambda _: None, None)
        self.ended: Ended | None = None
        self._running: Running | None = None
        self._out = -1
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._over: asyncio.Future[None] = loop.create_future()

    async def begin(self, start: Start, line: str, cwd: str) -> None:
        """Start it. Raises OSError when it cannot be started."""
        ours, theirs = socket.socketpair()
        self._out, out = os.pipe2(os.O_CLOEXEC)
        try:
            self._running = start(line, cwd, out, theirs.fileno())
        except BaseException:
            ours.close()
            os.close(self._out)
            raise
        finally:
            theirs.close()
            os.close(out)
        os.set_blocking(self._out, False)
        self.loop.add_reader(self._out, self._pump)
        self.loop.add_reader(self._running.fileno(), self._end)
        self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=LARGEST)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._running is not None and self.ended is None

    def listen(self, output: Collected) -> None:
        """From now on what it prints goes there."""
        self.output = output

    async def send(self, data: bytes) -> None:
        """Write to it. Raises Gone."""
        assert self._writer is not None
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, RuntimeError):
            raise Gone("it has ended") from None

    async def receive(self, mark: bytes) -> bytes:
        """The next answer, up to a mark and without it. Raises Gone."""
        assert self._reader is not None
        try:
            data = await self._reader.readuntil(mark)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Gone("it has ended") from None
        except asyncio.LimitOverrunError:
            raise Gone(f"it answered with more than {LARGEST:,} bytes") from None
        self._pump()
        return data[: -len(mark)]

    async def gone(self) -> Ended | None:
        """Wait a while for its end; how it ended, None when it has not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GONE):
                await asyncio.shield(self._over)
        return self.ended

    async def close(self) -> None:
        """End it with all that it started, and wait until it is gone."""
        if self._running is not None and self.ended is None:
            await self._running.end()
            await self.gone()
        self.forget()

    def forget(self) -> None:
        """Kill it and let go of its descriptors, without waiting; for a loop about to end."""
        if self._running is not None and self.ended is None:
            with contextlib.suppress(RuntimeError):
                self.loop.remove_reader(self._running.fileno())
            with contextlib.suppress(OSError):
                self._running.signal(signal.SIGKILL)
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None
        self._shut()

    def _pump(self) -> None:
        for _ in range(64):
            if self._out < 0:
                return
            try:
                data = os.read(self._out, PIECE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                return self._shut()
            self.output.feed(data)

    def _shut(self) -> None:
        if self._out >= 0:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self.loop.remove_reader(self._out)
            os.close(self._out)
            self._out = -1

    def _end(self) -> None:
        assert self._running is not None
        self.loop.remove_reader(self._running.fileno())
        self._pump()
        self.ended = self._running.collect("")
        if not self._over.done():
            self._over.set_result(None)
