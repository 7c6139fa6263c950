"""Processes that go on beside the turns, as servers and watchers do; all end with the session."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Protocol

from codex_py.effects import Effects
from codex_py.host import terminal
from codex_py.host.output import Collected
from codex_py.host.processes import GONE, GRACE, PIECE, Ended, Running
from codex_py.host.whole import Whole
from codex_py.redact import NOTHING, Redactor

MOST = 16
"""Processes that may run at once."""
ROOM = 32_000
"""Bytes of unread output that are kept: half from its beginning, half from its end."""
RECENT = 16_000
"""Bytes of the newest output that are kept for the person."""
BURST, PAUSE = 4 << 20, 0.1
"""Bytes read in one go, and the seconds until the next, from a process that floods us."""
CALM = 0.3
"""Seconds without output after which a waiting reader is told what came."""
FULL = 2.0
"""Seconds that a process has to take what is written to it."""


class Start(Protocol):
    """Starts a command; the descriptors stay the caller's.

    A `stdin` that is a terminal becomes its controlling one.
    """

    def __call__(self, command: str, cwd: str, out: int, stdin: int) -> Running: ...


class Process:
    """One process that goes on: what it is, what it said, and its input.

    Contract: output is read as it comes and kept in a file as `whole` says; memory stays flat.
    """

    def __init__(
        self,
        number: int,
        command: str,
        cwd: str,
        confined: str,
        whole: Whole,
        clean: Redactor = NOTHING,
        terminal: bool = False,
    ) -> None:
        self.number, self.command, self.cwd, self.confined = number, command, cwd, confined
        """How it is confined; empty when it runs as the user would run it."""
        self.terminal = terminal
        """Input and output are a terminal of its own."""
        self.opened = Effects()
        """What was opened to it beyond what confines it."""
        self.ended: Ended | None = None
        self.told = False
        """The model knows that it ended."""
        self.asked = False
        """Somebody stopped it."""
        self.size = 0
        """Bytes of output so far."""
        self.whole = whole
        """The file that holds the whole output."""
        self.heard: Callable[[Process], None] = lambda _: None
        """Told when it has ended."""
        self._clean = clean.stream()
        self._began = time.monotonic()
        self._over = 0.0
        self._unread = _unread()
        self._recent = bytearray()
        self._news = asyncio.Event()
        self._input = self._output = -1
        self._running: Running | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        return (self._over or time.monotonic()) - self._began

    @property
    def name(self) -> str:
        """What the person is asked about: number and command."""
        shown = " ".join(self.command.split())
        return f"process {self.number} (`{shown[:57] + '…' if len(shown) > 58 else shown}`)"

    def begin(self, start: Start) -> None:
        """Start it. Raises OSError when it cannot be started."""
        if self.terminal:
            self._output, out = terminal.opened()
            self._input, theirs = os.dup(self._output), os.dup(out)
        else:
            theirs, self._input = os.pipe2(os.O_CLOEXEC)
            self._output, out = os.pipe2(os.O_CLOEXEC)
        try:
            self._running = start(self.command, self.cwd, out, theirs)
        except BaseException:
            self._shut()
            raise
        finally:
            os.close(theirs)
            os.close(out)
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._output, self._pump)
        loop.add_reader(self._running.fileno(), self._end)

    async def write(self, text: str) -> None:
        """Write to its input; a lone ^C interrupts it, a lone ^D ends its input.

        A terminal does both by itself, wherever they stand, unless its process has it otherwise.
        Raises OSError when it has ended, closed its input, or does not take it.
        """
        if self._running is None or self.ended is not None:
            raise BrokenPipeError(32, "the process has ended")
        if text == "\x03" and not (self.terminal and terminal.led(self._output)):
            return self._running.signal(signal.SIGINT)
        if self._input < 0:
            raise BrokenPipeError(32, "the input of the process is closed")
        if text == "\x04" and not self.terminal:
            return self._close_input()
        data = memoryview(text.encode("utf-8", "replace"))
        until = time.monotonic() + FULL
        while data:
            try:
                data = data[os.write(self._input, data) :]
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError(110, "the process does not read its input") from None
                await asyncio.sleep(0.02)
            except OSError:
                self._close_input()
                raise BrokenPipeError(32, "the process closed its input") from None
        return None

    async def settle(self, seconds: float) -> None:
        """Wait until it ended, or said something and fell quiet; at most so long."""
        until = time.monotonic() + seconds
        while self.ended is None:
            left = until - time.monotonic()
            if left <= 0:
                return
            wait = min(left, CALM) if self._unread.size else left
            self._news.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._news.wait()
            except TimeoutError:
                return

    def take(self) -> Collected:
        """The output since the last time; that is kept no longer."""
        found, self._unread = self._unread, _unread()
        return found

    def recent(self) -> str:
        """The newest output, whether or not the model has read it."""
        text = self._recent.decode("utf-8", "replace")
        return terminal.plain(text) if self.terminal else text

    async def stop(self) -> None:
        """Ask it to end, kill it after a while, and wait until its whole tree is gone."""
        if self._running is None or self.ended is not None:
            return
        self.asked = True
        self._running.signal(signal.SIGTERM)
        for patience in (GRACE, GONE):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await asyncio.shield(self._gone)
                return
            await self._running.end()

    def _pump(self) -> None:
        for _ in range(BURST // PIECE):
            try:
                data = os.read(self._output, PIECE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                return self._shut_output()
            self._take_in(data)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._output)
        loop.call_later(PAUSE, self._listen)
        return None

    def _listen(self) -> None:
        if self._output >= 0:
            asyncio.get_running_loop().add_reader(self._output, self._pump)

    def _take_in(self, data: bytes, last: bool = False) -> None:
        data = self._clean(data, last=last)
        self.whole.write(data)
        self.size += len(data)
        self._unread.feed(data)
        self._recent += data[-RECENT:]
        if len(self._recent) > 4 * RECENT:
            del self._recent[:-RECENT]
        self._news.set()

    def _end(self) -> None:
        """It is gone with all it started: take what is left of its output."""
        assert self._running is not None
        asyncio.get_running_loop().remove_reader(self._running.fileno())
        while self._output >= 0:
            try:
                data = os.read(self._output, PIECE)
            except OSError:  # nothing more, or the other end of its terminal is closed
                break
            if not data:
                break
            self._take_in(data)
        self._take_in(b"", last=True)
        self._over = time.monotonic()
        self.ended = self._running.collect(self.recent()[-8_000:])
        self._shut()
        self._news.set()
        if not self._gone.done():
            self._gone.set_result(None)
        self.heard(self)

    def forget(self) -> None:
        """Let go of it: the session is over, and what runs in it ends with it."""
        if self.ended is None and self._running is not None:
            _unwatch(self._running.fileno())
        self._shut()

    def _shut(self) -> None:
        self._close_input()
        self._shut_output()
        self.whole.close()

    def _shut_output(self) -> None:
        if self._output >= 0:
            _unwatch(self._output)
            os.close(self._output)
            self._output = -1

    def _close_input(self) -> None:
        if self._input >= 0:
            os.close(self._input)
            self._input = -1


class Background:
    """The processes of a session, by number; used on one event loop."""

    def __init__(self) -> None:
        self.processes: dict[int, Process] = {}
        self.changed: Callable[[Process], None] = lambda _: None
        """Told when one began or ended."""
        self._count = 0

    @property
    def running(self) -> list[Process]:
        """Those that have not ended."""
        return [each for each in self.processes.values() if each.ended is None]

    def start(
        self,
        start: Start,
        command: str,
        cwd: str,
        confined: str,
        whole: Callable[[int], Whole],
        clean: Redactor = NOTHING,
        terminal: bool = False,
    ) -> Process:
        """Start one more. Raises OSError when it cannot be started or there are too many."""
        if len(self.running) >= MOST:
            raise OSError(11, f"{MOST} processes run already: stop one first")
        number = self._count + 1
        process = Process(number, command, cwd, confined, whole(number), clean, terminal)
        process.begin(start)
        process.heard = lambda ended: self.changed(ended)
        self._count = number
        self.processes[number] = process
        self.changed(process)
        return process

    def close(self) -> None:
        """The session is over."""
        self.changed = lambda _: None
        for each in self.processes.values():
            each.forget()

    def news(self) -> list[Process]:
        """Those that ended and the model does not know it yet; from now on it does."""
        found = [each for each in self.processes.values() if each.ended and not each.told]
        for each in found:
            each.told = True
        return found


def _unwatch(fd: int) -> None:
    with contextlib.suppress(RuntimeError):  # the loop may be over already
        asyncio.get_running_loop().remove_reader(fd)


def _unread() -> Collected:
    return Collected(lambda _: None, None, ROOM)
