"""Pictures by their bytes: which kind, how large; nothing is decoded here."""

from __future__ import annotations

import struct

from codex_py.dataclass import dataclass

LARGEST = 50_000_000
"""Bytes of a picture file that will be read."""
PIXELS = 64_000_000
"""Pixels of a picture that will be decoded."""
SUFFIXES = {
    "png": (".png", ".apng"),
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "gif": (".gif",),
    "webp": (".webp",),
    "bmp": (".bmp", ".dib"),
    "tiff": (".tif", ".tiff"),
    "heic": (".heic", ".heif"),
    "svg": (".svg",),
    "pdf": (".pdf",),
}
"""The kinds we know, with the ends of their files' names."""
PICTURES = tuple(end for ends in SUFFIXES.values() for end in ends)
SENT = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
"""Kinds that are sent as they are; the others become one of them."""


class NotAnImage(ValueError):
    """The bytes are no picture we can send; the message says why, in words for one line."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture file says it is. Sizes in pixels; 0 where only decoding can tell."""

    kind: str
    width: int = 0
    height: int = 0

    @property
    def media_type(self) -> str:
        """As servers name it."""
        return "image/svg+xml" if self.kind == "svg" else f"image/{self.kind}"


def inspect(data: bytes, name: str = "") -> Picture:
    """What kind of picture these bytes are. Raises NotAnImage for anything else.

    Judged by content; a name whose end promises another kind is refused as well. Nothing is
    decoded, so what follows the head may still be broken.
    """
    if not data:
        raise NotAnImage("it is empty")
    if len(data) > LARGEST:
        raise NotAnImage(f"it has {len(data):,} bytes; at most {LARGEST:,} are read")
    try:
        found = _inspect(data)
    except (struct.error, IndexError):
        found = None
    promised = promise(name)
    if found is None:
        named = f"named {promised.upper()} but " if promised else ""
        raise NotAnImage(
            f"it is {named}no picture we know (PNG, JPEG, WebP, GIF, BMP, TIFF, HEIC, SVG, PDF), "
            "or it is cut off"
        )
    if promised and promised != found.kind:
        raise NotAnImage(
            f"it is named {promised.upper()} but holds {found.kind.upper()}; give it the right name"
        )
    if found.width * found.height > PIXELS or max(found.width, found.height) > 65_535:
        raise NotAnImage(too_many(found.width, found.height))
    return found


def too_many(width: int, height: int) -> str:
    """Why a picture of that size is not decoded."""
    return (
        f"it has {width:,} x {height:,} = {width * height:,} pixels; at most {PIXELS:,} are decoded"
    )


def promise(name: str) -> str:
    """The kind that the end of a file's name promises; empty for none we know."""
    lower = name.lower()
    return next((kind for kind, ends in SUFFIXES.items() if lower.endswith(ends)), "")


EXTRA = {"heic": "pillow_heif", "svg": "resvg_py", "pdf": "pypdfium2"}
"""Kinds that need an optional package, and its module."""


def lacking(kind: str) -> str:
    """What is missing here to decode a kind; empty when nothing is."""
    from importlib.util import find_spec  # late: hardly any picture needs it

    if kind not in EXTRA or find_spec(EXTRA[kind]) is not None:
        return ""
    return (
        f"{kind.upper()} needs an optional package; install it with: "
        "pip install 'codex-py[pictures]'"
    )


def _inspect(data: bytes) -> Picture | None:
    head = data[:16]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Picture("png", *struct.unpack(">II", data[16:24]))
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Picture("gif", *struct.unpack("<HH", data[6:10]))
    if head.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp(data)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if head.startswith(b"BM") and len(data) > 26:
        width, height = struct.unpack("<ii", data[18:26])
        return Picture("bmp", abs(width), abs(height))
    if head.startswith((b"II*\0", b"MM\0*")):
        return Picture("tiff")
    if data[4:8] == b"ftyp" and data[8:12] in (
        b"heic",
        b"heix",
        b"heim",
        b"heis",
        b"mif1",
        b"msf1",
    ):
        return Picture("heic")
    if head.startswith(b"%PDF-"):
        return Picture("pdf")
    text = data[:4_096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text:
        return Picture("svg")
    return None


def _webp(data: bytes) -> Picture | None:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return Picture("webp", width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        bits = struct.unpack("<I", data[21:25])[0]
        return Picture("webp", (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return Picture("webp", width, height)
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
            return Picture("jpeg", width, height)
        place += 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
    return None
