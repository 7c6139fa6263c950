"""The whole output of a command in a file; of one beyond a limit, its head and its tail."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

MOST = 256 << 20
"""Bytes of one output that are kept when nothing else is said."""
PIECE = 1 << 20

Spill = Callable[[], tuple[str, BinaryIO]]
"""Makes the file: its path, and the file, unbuffered."""


class Whole:
    """Takes an output as it comes; the file is made with the first byte.

    Contract: never raises OSError. At most about `most` bytes lie in the file once it is closed,
    half of them head and half tail, with a line between that says what is missing. When the disk
    is full, half of what was written is given back, so that the session's log has room.
    """

    def __init__(self, spill: Spill | None, most: int = MOST) -> None:
        self.path = ""
        """Where the file is, once there is one."""
        self._spill = spill
        self._half = max(1, most // 2)
        self._size = 0
        self._error = "" if most else "output_file_mb is 0"
        self._file: BinaryIO | None = None
        self._ring: BinaryIO | None = None
        """What came after the head, in a file without a name, written round and round."""

    @property
    def lost(self) -> str:
        """What is not in the file and why; empty when it holds all."""
        if self._error:
            kept = f"; its beginning is in {self.path}" if self.path else ""
            return f"the whole output could not be kept: {self._error}{kept}"
        missing = self._size - 2 * self._half
        if missing <= 0:
            return ""
        tail = "" if self._ring is None else ", once it has ended,"
        return (
            f"of the whole output {self.path} holds the first and{tail} the last "
            f"{_spoken(self._half)}; {missing:,} bytes between them were not kept"
        )

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._error or self._spill is None or not data:
            return
        try:
            if self._file is None:
                self.path, self._file = self._spill()
            room = max(0, self._half - self._size)
            if room:
                _all(self._file, data[:room])
            self._size += len(data)
            if len(data) > room:
                self._round(data[room:])
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """No more bytes will come: the tail goes behind the head."""
        try:
            if self._file is not None and self._ring is not None:
                self._join(self._file, self._ring)
        except OSError as error:
            self._fail(error)
        self._spill = None
        self._shut()

    def _round(self, data: bytes) -> None:
        """Write where the ring goes on; what is older than `half` bytes is written over."""
        if self._ring is None:
            import tempfile  # late: hardly any output is so long

            folder = os.path.dirname(self.path)
            self._ring = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        start = self._size - len(data) - self._half
        if len(data) > self._half:
            start += len(data) - self._half
            data = data[-self._half :]
        at = start % self._half
        self._ring.seek(at)
        _all(self._ring, data[: self._half - at])
        if len(data) > self._half - at:
            self._ring.seek(0)
            _all(self._ring, data[self._half - at :])

    def _join(self, file: BinaryIO, ring: BinaryIO) -> None:
        after = self._size - self._half
        begin = 0
        if after > self._half:
            begin = after % self._half
            _all(file, f"\n[… {after - self._half:,} bytes were not kept …]\n".encode())
        for start, end in ((begin, min(after, self._half)), (0, begin)):
            ring.seek(start)
            while start < end and (data := ring.read(min(PIECE, end - start))):
                _all(file, data)
                start += len(data)

    def _fail(self, error: OSError) -> None:
        self._error = error.strerror or str(error)
        try:
            if self._file is not None:
                self._file.truncate(self._file.tell() // 2)
        except OSError:
            pass  # what is there stays there
        self._shut()

    def _shut(self) -> None:
        for each in (self._file, self._ring):
            try:
                if each is not None:
                    each.close()
            except OSError as error:
                self._error = self._error or error.strerror or str(error)
        self._file = self._ring = None


def _all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _spoken(size: int) -> str:
    return f"{size >> 20:,} MB" if size >= 1 << 20 else f"{size:,} bytes"
