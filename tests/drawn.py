"""Pictures that tests make, with content they know."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image

WHITE, RED, GREEN, BLUE = (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)


def quarters(width: int = 80, height: int = 60) -> Image.Image:
    """Red, green, blue and white quarters: top left, top right, bottom left, bottom right."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """A picture's bytes."""
    into = io.BytesIO()
    image.save(into, form, **options)
    return into.getvalue()


def opened(data: bytes) -> Image.Image:
    """The picture in some bytes."""
    found = Image.open(io.BytesIO(data))
    found.load()
    return found


def png_claiming(width: int, height: int, rows: int = 1) -> bytes:
    """A PNG whose head claims a size that its few bytes of zeros do not hold."""

    def chunk(name: bytes, body: bytes) -> bytes:
        whole = name + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes((width * 3 + 1) * rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def camera() -> Any:
    """EXIF as a phone writes it: turned a quarter, with a place and a maker."""
    found = Image.Exif()
    found[0x0112] = 6
    found[0x010F] = "SecretMaker"
    found.get_ifd(0x8825)[1] = "N"
    found.get_ifd(0x8825)[2] = (52.0, 31.0, 12.5)
    return found
