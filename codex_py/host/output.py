"""Collect a command's output in flat memory: head, tail, full size, and the whole in a file."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable

from codex_py.host.whole import MOST, Spill, Whole
from codex_py.redact import NOTHING, Redactor

ROOM = 36_000
"""Bytes kept for the reader when nothing else is said: half of them head, half tail."""
LIVE = 32_768
"""Bytes shown live before showing is thinned to a piece now and then."""


class Collected:
    """Bytes as they come, known secrets taken out. Up to `room` are kept; beyond that all go to a
    spill file, of which `most` bytes are kept.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        spill: Spill | None,
        room: int = ROOM,
        clean: Redactor = NOTHING,
        most: int = MOST,
    ) -> None:
        self.half = max(1, room // 2)
        self.size = 0
        self.whole = Whole(spill, most)
        self._head = bytearray()
        self._tail = bytearray()
        self._say = say
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._said_at = 0.0
        self._clean = clean.stream()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._take(self._clean(data))

    def _take(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > 2 * self.half:
            if self.size - len(data) <= 2 * self.half:
                self.whole.write(bytes(self._head) + bytes(self._tail))
            self.whole.write(data)
        self._show(data)
        room = self.half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data[-self.half :]
            if len(self._tail) > 4 * self.half:
                del self._tail[: -self.half]

    def close(self) -> None:
        """No more bytes will come."""
        self._take(self._clean(b"", last=True))
        self.whole.close()

    @property
    def cut(self) -> bool:
        """Whether the middle was left out."""
        return self.size > 2 * self.half

    def head(self) -> str:
        """The whole output when it was short, else its beginning."""
        data = self._head if self.cut else self._head + self._tail
        return data.decode("utf-8", "replace")

    def tail(self) -> str:
        """The end of a long output; empty when `head` holds all."""
        return self._tail[-self.half :].decode("utf-8", "replace") if self.cut else ""

    def _show(self, data: bytes) -> None:
        now = time.monotonic()
        if self.size > LIVE and now - self._said_at < 0.1:
            return
        self._said_at = now
        text = self._decoder.decode(data[-2_000:] if self.size > LIVE else data)
        if text:
            self._say(text)
