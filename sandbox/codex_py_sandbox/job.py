"""A running command as its caller holds it, and the caller's end of a room."""

from __future__ import annotations

import _socket
import os
import select
import signal
import time
from collections.abc import Sequence

from codex_py_sandbox import _wire
from codex_py_sandbox.values import Event, Exit, SandboxUnavailable

LOST = (
    "the process that watched over the command was killed from outside, by a person or for want "
    "of memory; the command and all it started ended with it"
)


class Job:
    """One running command. `fileno()` becomes readable when it has ended with all its children."""

    def __init__(self, room: Room, name: str, status: int) -> None:
        self._room = room
        self._name = name
        self._status = status
        self._exit: Exit | None = None
        self._killed = False

    def fileno(self) -> int:
        """A descriptor to poll for reading; closed by `collect`."""
        return self._status

    def collect(self) -> Exit | None:
        """How the command ended, or None while it still runs; never blocks."""
        if self._exit is None and select.select([self._status], [], [], 0)[0]:
            line = os.read(self._status, 65536).decode("utf-8", "replace")
            os.close(self._status)
            self._status = -1
            self._room.finished()
            why = None if self._killed else self._room.why() or LOST
            lost = Exit(None, signal.SIGKILL, error=why)
            self._exit = _parse(line) if line else lost
        return self._exit

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait until the command ended; None when `timeout` seconds passed first."""
        if self._exit is None:
            poll = select.poll()
            poll.register(self._status, select.POLLIN)
            if not poll.poll(None if timeout is None else max(0.0, timeout * 1000)):
                return None
        return self.collect()

    def signal(self, number: int) -> None:
        """Send a signal to every process of the command; nothing happens when it has ended."""
        self._killed = self._killed or number == signal.SIGKILL
        self._room.send(f"signal {self._name} {int(number)}")

    def kill_tree(self) -> None:
        """End the command and everything it started, at once."""
        self.signal(signal.SIGKILL)


class Room:
    """The agent's end of one policy's room."""

    def __init__(self, sock: _socket.socket, control: _socket.socket, writes: bool) -> None:
        self.sock = sock
        self.control = control
        self.writes = writes
        self.count = 0
        self.backend = ""
        self.failed: str | None = None

    def send(self, text: str, fds: Sequence[int] = ()) -> None:
        try:
            _wire.send(self.sock, text, fds, wait=False)
        except BlockingIOError:
            _wire.send(self.sock, text, fds)
        except OSError:
            if fds:
                raise SandboxUnavailable(self.why() or "the launcher is gone") from None

    def finished(self) -> None:
        """A command ended: let the launcher look after git's history, without waiting."""
        if self.writes:
            try:
                _wire.send(self.control, "check", wait=False)
            except OSError:
                pass  # the queue is full of checks already, or the session is closed

    def listen(self, timeout: float) -> None:
        """Take in what the room said about itself, waiting up to `timeout` seconds for it."""
        end = time.monotonic() + timeout
        while not self.backend and self.failed is None:
            left = end - time.monotonic()
            if not select.select([self.sock.fileno()], [], [], max(0.0, left))[0]:
                return
            try:
                text, _ = _wire.receive(self.sock)
            except ConnectionResetError:
                continue  # our own unread message came back; what was said follows
            except OSError:
                text = ""
            verb, _, rest = text.partition(" ")
            if verb == "ready":
                self.backend = rest
            else:
                self.failed = rest or "the launcher ended before it was ready"

    def lost(self) -> bool:
        """Whether it is gone, killed from outside or out of memory, or was never ready: what was
        in the way may have passed."""
        self.listen(0)
        if self.failed is not None:
            return True
        poll = select.poll()
        poll.register(self.sock.fileno(), select.POLLHUP)
        return bool(self.backend) and bool(poll.poll(0))

    def why(self) -> str | None:
        self.listen(0)
        return None if self.failed is None else f"the sandbox could not be set up: {self.failed}"


def event(text: str) -> Event:
    kind, target, detail = [*text.split("\t", 2), "", ""][:3]
    return Event(kind, target, detail)


def _parse(line: str) -> Exit:
    """The first process's report: "exit STATUS LATE" or "error ERRNO TEXT", events below."""
    head, _, rest = line.partition("\n")
    events = tuple(event(part) for part in rest.split("\n") if "\t" in part)
    verb, _, body = head.partition(" ")
    if verb != "exit":
        number, _, text = body.partition(" ")
        code = 127 if number == "2" else 126
        return Exit(code, None, events, error=text or "the command could not be started")
    status, _, late = body.partition(" ")
    ended = os.waitstatus_to_exitcode(int(status))
    if ended < 0:
        return Exit(None, -ended, events, timed_out=late == "1")
    return Exit(ended, None, events, timed_out=late == "1")
