"""A picture small enough for a terminal: as PNG, or as Sixel text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from codex_py.pictures.encode import flat

if TYPE_CHECKING:
    from PIL.Image import Image

COLOURS = 64


def thumbnail(image: Image, width: int, height: int, form: str) -> tuple[dict[str, Any], bytes]:
    """The picture within so many pixels, `form` being `png` or `sixel`."""
    small = flat(image)
    small.thumbnail((width, height))
    size = {"width": small.width, "height": small.height}
    if form == "sixel":
        return size, sixel(small)
    into = io.BytesIO()
    small.info.clear()
    small.save(into, "PNG")
    return size, into.getvalue()


def sixel(image: Image) -> bytes:
    """The picture as a Sixel sequence: six rows of pixels a band, a colour at a time."""
    few = image.quantize(COLOURS)
    palette = few.getpalette() or []
    pixels = few.tobytes()
    width, height = few.size
    out = [f'\x1bP0;1;0q"1;1;{width};{height}']
    for number in sorted(set(pixels)):
        red, green, blue = (
            round(each * 100 / 255) for each in palette[number * 3 : number * 3 + 3]
        )
        out.append(f"#{number};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        rows = [pixels[y * width : (y + 1) * width] for y in range(top, min(top + 6, height))]
        for number in sorted(set(b"".join(rows))):
            bits = [
                sum(1 << place for place, row in enumerate(rows) if row[x] == number)
                for x in range(width)
            ]
            out.append(f"#{number}{_runs(bits)}$")
        out.append("-")
    out.append("\x1b\\")
    return "".join(out).encode("ascii")


def _runs(bits: list[int]) -> str:
    found: list[str] = []
    place = 0
    while place < len(bits):
        end = place
        while end < len(bits) and bits[end] == bits[place]:
            end += 1
        sign, count = chr(63 + bits[place]), end - place
        found.append(f"!{count}{sign}" if count > 3 else sign * count)
        place = end
    return "".join(found)
