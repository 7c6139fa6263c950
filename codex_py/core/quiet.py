"""Tells when a model's server has said nothing for long, and how long that is put up with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from codex_py.core.entries import Delta

LONG = 60.0
"""Seconds of silence that are told, or a fifth of the limit where that is shorter."""


class Quiet:
    """Watches one request while it is entered; costs nothing but a timer.

    Each silence is told once, by a `quiet` delta. `limit` is the silence after which the request
    is given up, in seconds; 0: nothing is told.
    """

    def __init__(self, limit: float, say: Callable[[Delta], None]) -> None:
        self._limit, self._say = limit, say
        self._after = min(LONG, limit / 5)
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Quiet:
        self.heard()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def heard(self, wait: float = 0.0) -> None:
        """Something was heard; nothing more is expected for `wait` seconds."""
        self._since = self._loop.time() + wait
        if self._timer is None and self._limit:
            self._timer = self._loop.call_at(self._since + self._after, self._look)

    def _look(self) -> None:
        self._timer = None
        due = self._since + self._after
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._look)
            return
        told = f"nothing new from the server for {self._after:g} s"
        self._say(Delta("quiet", f"{told}; waiting up to {self._limit:g} s of silence"))
