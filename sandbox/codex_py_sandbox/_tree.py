"""Watching over a tree of processes without a PID namespace, and ending all of it."""

from __future__ import annotations

import os
import select
import time

from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as sig

    from codex_py_sandbox._meta import Steward
else:
    import _signal as sig

END = sig.SIGRTMIN + 3
FORWARDED = (sig.SIGHUP, sig.SIGINT, sig.SIGQUIT, sig.SIGTERM, sig.SIGUSR1, sig.SIGUSR2)


def supervise(main: int, deadline: float | None, steward: Steward | None) -> tuple[int, bool]:
    """Wait for `main`, passing signals on: its wait status and whether time ran out.

    Meanwhile the `steward` answers what its filter asks.
    """
    told = [sig.SIGCHLD, END, *FORWARDED]
    signals = lx.signal_fd(told)
    poll = select.poll()
    poll.register(signals, select.POLLIN)
    if steward:
        poll.register(steward.fd, select.POLLIN)
    while True:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return sig.SIGKILL, False
            if pid == main:
                return status, False
            if pid == 0:
                break
        left = 3600.0 if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return sig.SIGKILL, True
        for fd, happened in poll.poll(left * 1000):
            if fd != signals:
                assert steward
                if happened & select.POLLIN:
                    steward.hear()
                else:
                    poll.unregister(fd)
                continue
            number, sent = lx.signalled(signals)
            if number == END:
                return sig.SIGKILL, False
            # What the terminal made, as by ^C, went to whom it concerns already.
            for pid in descendants() if number != sig.SIGCHLD and sent else ():
                _kill(pid, number)


def descendants() -> list[int]:
    """Every process below us, nearest first."""
    out: list[int] = []
    queue = [os.getpid()]
    for pid in queue:
        try:
            with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
                found = [int(word) for word in file.read().split()]
        except OSError:
            if pid == os.getpid():
                return _descendants_slowly()
            continue
        out += found
        queue += found
    return out


def _descendants_slowly() -> list[int]:
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(name))
    out: list[int] = []
    queue = [os.getpid()]
    for pid in queue:
        out += parents.get(pid, [])
        queue += parents.get(pid, [])
    return out


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def end_descendants() -> None:
    """Kill every descendant, faster than a chain of forks can run away, until there is none."""
    while True:
        for pid in descendants():
            _kill(pid, sig.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def tasks(uid: int) -> int:
    """How many threads the user runs now."""
    count = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count
