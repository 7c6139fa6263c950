"""Collect a command's output in flat memory: head, tail, full size, and the whole in a file."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from typing import BinaryIO

from codex_py.redact import NOTHING, Redactor

ROOM = 36_000
"""Bytes kept for the reader when nothing else is said: half of them head, half tail."""
LIVE = 32_768
"""Bytes shown live before showing is thinned to a piece now and then."""

Spill = Callable[[], tuple[str, BinaryIO]]


class Collected:
    """Bytes as they come, known secrets taken out. Up to `room` are kept; beyond that all go to a
    spill file.

    A spill file that cannot be written (a full disk) loses only the middle of the output and
    is said in `spill_error`.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        spill: Spill | None,
        room: int = ROOM,
        clean: Redactor = NOTHING,
    ) -> None:
        self.half = max(1, room // 2)
        self.size = 0
        self.full = ""
        self.spill_error = ""
        self._head = bytearray()
        self._tail = bytearray()
        self._say = say
        self._spill = spill
        self._file: BinaryIO | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._said_at = 0.0
        self._clean = clean.stream()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._take(self._clean(data))

    def _take(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > 2 * self.half and self._file is None and self._spill is not None:
            self._open()
        if self._file is not None:
            self._write(data)
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
        if self._file is not None:
            self._file.close()
            self._file = None

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

    def _open(self) -> None:
        assert self._spill is not None
        try:
            self.full, self._file = self._spill()
        except OSError as error:
            self._spill, self.spill_error = None, error.strerror or str(error)
            return
        self._write(bytes(self._head) + bytes(self._tail))

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            self.spill_error = error.strerror or str(error)
            self._file.close()
            self._file, self._spill = None, None

    def _show(self, data: bytes) -> None:
        now = time.monotonic()
        if self.size > LIVE and now - self._said_at < 0.1:
            return
        self._said_at = now
        text = self._decoder.decode(data[-2_000:] if self.size > LIVE else data)
        if text:
            self._say(text)
