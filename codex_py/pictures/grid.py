"""A labelled grid over a view, in pixels of the original."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from codex_py.pictures.steps import Impossible

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from codex_py.pictures.view import View

MOST = 200
"""Lines of one grid."""
COLOUR = (255, 0, 128)


def drawn(view: View, every: float) -> tuple[Image, int]:
    """A copy with a line at each multiple of `every` original pixels, and how many there are.

    Raises Impossible for more lines than anybody can read.
    """
    from PIL import ImageDraw, ImageFont  # late: the child alone has Pillow loaded

    image = view.image.convert("RGB")
    width, height = image.size
    corners = [view.origin(x, y) for x in (0, width) for y in (0, height)]
    low = [min(each[axis] for each in corners) for axis in (0, 1)]
    high = [max(each[axis] for each in corners) for axis in (0, 1)]
    marks = [_marks(low[axis], high[axis], every) for axis in (0, 1)]
    count = len(marks[0]) + len(marks[1])
    if count > MOST:
        raise Impossible(f"grid {every:g} would draw {count} lines: at most {MOST}")
    image = image.copy()
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(10, min(24, max(width, height) // 60)))
    for mark in marks[0]:
        line = (view.at(mark, low[1]), view.at(mark, high[1]))
        draw.line(line, fill=COLOUR)
        _label(draw, font, f"{mark:g}", line, (width, height))
    for mark in marks[1]:
        line = (view.at(low[0], mark), view.at(high[0], mark))
        draw.line(line, fill=COLOUR)
        _label(draw, font, f"{mark:g}", line, (width, height))
    return image, count


def _marks(low: float, high: float, every: float) -> list[float]:
    first, last = math.ceil(low / every - 1e-9), math.floor(high / every + 1e-9)
    if last - first > MOST:
        raise Impossible(f"grid {every:g} would draw too many lines: at most {MOST}")
    return [number * every for number in range(first, last + 1)]


def _label(
    draw: ImageDraw,
    font: object,
    text: str,
    line: tuple[tuple[float, float], tuple[float, float]],
    size: tuple[int, int],
) -> None:
    """The number where the line enters the picture, on white so that it can be read."""
    x = min(max(line[0][0], 0), size[0] - 1) + 2
    y = min(max(line[0][1], 0), size[1] - 1) + 2
    left, top, right, bottom = draw.textbbox((x, y), text, font=font)  # type: ignore[arg-type]
    shift_x = min(0.0, size[0] - right - 1)
    shift_y = min(0.0, size[1] - bottom - 1)
    box = (left + shift_x - 1, top + shift_y - 1, right + shift_x + 1, bottom + shift_y + 1)
    draw.rectangle(box, fill="white")
    draw.text((x + shift_x, y + shift_y), text, fill=COLOUR, font=font)  # type: ignore[arg-type]
