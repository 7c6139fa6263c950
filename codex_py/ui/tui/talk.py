"""One question to the person at a time: a list to pick from, or a line to write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from codex_py.ui.tui.question import Answer, Asked, Question

CALM = 0.6
"""Seconds without a key before a question that interrupts someone's typing takes letters."""


class Talk:
    """What is being asked now. Questions wait for one another."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.question: Asked | None = None
        self.writing = ""
        """What is being asked for in the composer; empty when it holds a message."""
        self.typed_at = 0.0
        self._changed = changed
        self._lock = asyncio.Lock()
        self._text: asyncio.Future[str | None] | None = None
        self._shown_at = 0.0

    async def choose(
        self, title: str, answers: Sequence[Answer], escape: str = "", index: int = 0
    ) -> str:
        """Ask; returns the value of the answer, or `escape`."""
        return await self.ask(lambda: Question(title, answers, escape, index))

    async def ask(self, make: Callable[[], Asked]) -> str:
        """Ask what is made when its turn comes; returns what was taken, or its `escape`."""
        async with self._lock:
            self.question = make()
            self._shown_at = time.monotonic()
            self._changed()
            try:
                return await self.question.answered
            finally:
                self.question = None
                self._changed()

    async def write(self, title: str) -> str | None:
        """Ask for a line in the composer; None when Esc was pressed."""
        async with self._lock:
            self.writing = title
            self._text = asyncio.get_running_loop().create_future()
            self._changed()
            try:
                return await self._text
            finally:
                self.writing, self._text = "", None
                self._changed()

    def written(self, text: str | None) -> None:
        """The line is there."""
        if self._text is not None and not self._text.done():
            self._text.set_result(text)

    def key(self, text: str) -> bool:
        """A key was typed at a question; False when it belongs to the message being typed."""
        now = time.monotonic()
        if self._shown_at - self.typed_at < CALM and now - max(self.typed_at, 0) < CALM:
            self.typed_at = now
            return False
        if self.question is not None:
            self.question.key(text)
        return True

    @property
    def settled(self) -> bool:
        """Whether Enter may answer: the person was not in the middle of typing."""
        now = time.monotonic()
        return self._shown_at - self.typed_at >= CALM or now - self.typed_at >= CALM
