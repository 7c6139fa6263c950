"""Pure: a picture's bytes without what is not picture: place, camera, texts, what follows it."""

from __future__ import annotations

import struct
import zlib


class CutOff(ValueError):
    """The file ends before the picture does."""


def strip(data: bytes, kind: str) -> bytes:
    """The same pixels, bit by bit, and nothing else. Raises CutOff.

    Of an animation the first frame is left. Takes `png`, `jpeg` and `webp`.
    """
    try:
        return {"png": _png, "jpeg": _jpeg, "webp": _webp}[kind](data)
    except (struct.error, IndexError):
        raise CutOff from None


def _png(data: bytes) -> bytes:
    kept = [data[:8]]
    place = 8
    while True:
        size, name = struct.unpack(">I4s", data[place : place + 8])
        end = place + 12 + size
        if end > len(data):
            raise CutOff
        if name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"sRGB"):
            kept.append(data[place:end])
        if name == b"IEND":
            return b"".join(kept)
        place = end


def whole(data: bytes) -> bool:
    """Whether a PNG holds all the rows that its head promises: decoders leave the rest black."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    wanted = height * (1 + (width * bits + 7) // 8)
    if interlaced:
        wanted = height * width * bits // 8
    packed = zlib.decompressobj()
    place, found = 8, 0
    while place + 8 <= len(data) and found < wanted:
        size, name = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + size] if name == b"IDAT" else b""
        while body and found < wanted:
            found += len(packed.decompress(body, 1 << 20))
            body = packed.unconsumed_tail
        place += 12 + size
    return bool(found >= wanted)


ADOBE = 0xEE
"""APP14: says how colours are coded, so it belongs to the picture."""


def _jpeg(data: bytes) -> bytes:
    kept = [b"\xff\xd8"]
    place = 2
    while True:
        while data[place] == 0xFF and data[place + 1] == 0xFF:
            place += 1
        if data[place] != 0xFF:
            raise CutOff
        marker = data[place + 1]
        if marker == 0xD9:
            kept.append(b"\xff\xd9")
            return b"".join(kept)
        size = struct.unpack(">H", data[place + 2 : place + 4])[0]
        end = place + 2 + size
        if marker == 0xDA:
            end = _after_scan(data, end)
        if end > len(data):
            raise CutOff
        text = marker == 0xFE or (0xE0 <= marker <= 0xEF and marker not in (0xE0, ADOBE))
        if not text:
            kept.append(data[place:end])
        place = end


def _after_scan(data: bytes, place: int) -> int:
    """Where the next marker is that belongs to no scan."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            raise CutOff
        following = data[place + 1]
        if following == 0 or 0xD0 <= following <= 0xD7:
            place += 2
        elif following == 0xFF:
            place += 1
        else:
            return place


def _webp(data: bytes) -> bytes:
    whole = struct.unpack("<I", data[4:8])[0] + 8
    if whole > len(data):
        raise CutOff
    kept: list[bytes] = []
    place = 12
    while place + 8 <= whole:
        name, size = struct.unpack("<4sI", data[place : place + 8])
        end = place + 8 + size + (size & 1)
        chunk = data[place:end]
        if name == b"VP8X":
            # Flags of what is left out are taken back: colour profile, EXIF, XMP.
            chunk = chunk[:8] + bytes([chunk[8] & ~0b0010_1100]) + chunk[9:]
        if name in (b"VP8X", b"VP8 ", b"VP8L", b"ALPH"):
            kept.append(chunk)
        place = end
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
