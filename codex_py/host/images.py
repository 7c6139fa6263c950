"""Pictures by their bytes: which kind, how large, and whether they are whole enough to send."""

from __future__ import annotations

import struct
from dataclasses import dataclass

LARGEST = 20_000_000
"""Bytes of a picture that will be sent."""


class NotAnImage(ValueError):
    """The bytes are no picture we can send; the message says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture file is. Sizes in pixels."""

    media_type: str
    width: int
    height: int


def inspect(data: bytes) -> Picture:
    """What kind of picture these bytes are. Raises NotAnImage for anything else.

    Takes PNG, JPEG, GIF and WebP, by content; file names do not count.
    """
    if not data:
        raise NotAnImage("it is empty")
    if len(data) > LARGEST:
        raise NotAnImage(f"it has {len(data):,} bytes; at most {LARGEST:,} can be sent")
    try:
        found = _inspect(data)
    except (struct.error, IndexError):
        found = None
    if found is None:
        raise NotAnImage("it is not a PNG, JPEG, GIF or WebP picture, or it is cut off")
    if not 0 < found.width <= 30_000 or not 0 < found.height <= 30_000:
        raise NotAnImage(f"its size of {found.width} x {found.height} pixels cannot be sent")
    return found


def _inspect(data: bytes) -> Picture | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        if b"IEND" not in data[-16:]:
            return None
        return Picture("image/png", *struct.unpack(">II", data[16:24]))
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Picture("image/gif", *struct.unpack("<HH", data[6:10]))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        if struct.unpack("<I", data[4:8])[0] + 8 > len(data):
            return None
        return _webp(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data) if b"\xff\xd9" in data[-64:] else None
    return None


def _webp(data: bytes) -> Picture | None:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return Picture("image/webp", width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        bits = struct.unpack("<I", data[21:25])[0]
        return Picture("image/webp", (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return Picture("image/webp", width, height)
    return None


FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG markers that carry the picture's size."""


def _jpeg(data: bytes) -> Picture | None:
    place = 2
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker in FRAMES:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return Picture("image/jpeg", width, height)
        place += 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
    return None
