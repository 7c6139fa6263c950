"""The sessions of a home, read from the newest on as far as somebody looks."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from itertools import islice

from codex_py.core.shelf import FEW, Card, Shelf
from codex_py.ui.sifter import Row, Sifter, row

MORE = 256
"""Sessions that are looked at in one go, after the first few."""


class Newest:
    """Reads a shelf piece by piece. Each method may be called from any thread."""

    def __init__(self, shelf: Shelf, fits: Callable[[Card], bool]) -> None:
        self.done = False
        self._shelf, self._fits = shelf, fits
        self._cards = shelf.cards()
        self._lock = threading.Lock()
        self._began = False

    def first(self) -> list[Row]:
        """The newest that fit; none only when no session does."""
        found = self.more()
        while not (found or self.done):
            found = self.more()
        return found

    def more(self) -> list[Row]:
        """Those that fit among the next; sets `done` when there are no more."""
        with self._lock:
            size = MORE if self._began else FEW
            self._began, now = True, time.time()
            read = list(islice(self._cards, size))
            self.done = len(read) < size
            return [row(each, now) for each in read if self._fits(each)]

    def close(self) -> None:
        """Remember what was read, for the next time."""
        with self._lock:
            self._shelf.save()


@contextlib.asynccontextmanager
async def reading(
    sifter: Sifter, newest: Newest, redraw: Callable[[], None]
) -> AsyncIterator[None]:
    """While the list is looked at, more is read whenever it wants more."""
    task = asyncio.create_task(_feed(sifter, newest, redraw))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _feed(sifter: Sifter, newest: Newest, redraw: Callable[[], None]) -> None:
    moved = asyncio.Event()
    sifter.moved = moved.set
    while not newest.done:
        if not sifter.wants:
            await moved.wait()
        moved.clear()
        if sifter.wants:
            sifter.add(await asyncio.to_thread(newest.more), done=newest.done)
            redraw()
