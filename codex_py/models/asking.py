"""How much a model can hold, asked of its server once, when it first matters: not at the start."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codex_py.models.servers import At

LIMIT = 2.0
"""Seconds that a turn waits for the answer; one that comes later counts from then on."""
LEAST = 1_024
"""Tokens below which an answer is not believed."""


class Asking:
    """One question to one server about one model.

    Contract: never raises but when cancelled; the server is asked at most once, unless the
    wait was cancelled.
    """

    def __init__(self, at: Callable[[], At], name: str, guess: int) -> None:
        self.found = 0
        """Tokens that it holds; 0 until it is told."""
        self._at, self._name, self._guess = at, name, guess
        self._asked = False

    async def __call__(self) -> int:
        """Tokens that the model holds; 0 when its server does not say, or not in time."""
        if self._asked:
            return self.found
        self._asked = True
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        def ask() -> None:
            self.found = self._window()
            with contextlib.suppress(RuntimeError):  # the loop may be over already
                loop.call_soon_threadsafe(over.set)

        # A thread that the end of the program does not wait for.
        threading.Thread(target=ask, daemon=True).start()
        try:
            async with asyncio.timeout(LIMIT):
                await over.wait()
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            self._asked = False
            raise
        return self.found

    def _window(self) -> int:
        from codex_py.models.servers import Silent, detected  # late: nothing of it at the start

        try:
            told = detected(self._at(), self._name)
        except Silent:
            return 0
        if told is None:
            return 0
        # What it could take is no promise that it takes so much now.
        window = told.window or min(told.most, self._guess)
        return window if window >= LEAST else 0
