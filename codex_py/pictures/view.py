"""A picture in the child that decodes it, with where its pixels lie in the original."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from codex_py.dataclass import dataclass
from codex_py.pictures.grid import drawn
from codex_py.pictures.steps import Impossible, Step

if TYPE_CHECKING:
    from PIL.Image import Image

ROOM = 40_000_000
"""Pixels that a step may make."""
Matrix = tuple[float, float, float, float, float, float]
SAME: Matrix = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class View:
    """Pixels as they are now. `matrix` takes a point of the original to its place here."""

    image: Image
    matrix: Matrix = SAME
    note: str = ""

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the original is now."""
        a, b, c, d, e, f = self.matrix
        return a * x + b * y + c, d * x + e * y + f

    def origin(self, x: float, y: float) -> tuple[float, float]:
        """Which point of the original is here."""
        a, b, c, d, e, f = self.matrix
        whole = a * e - b * d
        return (e * (x - c) - b * (y - f)) / whole, (a * (y - f) - d * (x - c)) / whole

    def moved(self, image: Image, step: Matrix, note: str = "") -> View:
        """The view after a step that moves pixels."""
        return View(image, _after(step, self.matrix), note)


def _after(second: Matrix, first: Matrix) -> Matrix:
    a, b, c, d, e, f = second
    g, h, i, j, k, m = first
    return (
        a * g + b * j,
        a * h + b * k,
        a * i + b * m + c,
        d * g + e * j,
        d * h + e * k,
        d * i + e * m + f,
    )


def apply(image: Image, steps: Sequence[Step], others: Sequence[Image]) -> tuple[View, list[str]]:
    """All steps in order; a line for each with its result's size. Raises Impossible.

    `others` are the pictures that `beside` and `diff` name, in their order.
    """
    view = View(image)
    waiting = list(others)
    told: list[str] = []
    for step in steps:
        if step.name in ("beside", "diff"):
            view = (_beside if step.name == "beside" else _diff)(view, waiting.pop(0))
        else:
            view = DO[step.name](view, step)
        size = f"{view.image.width} x {view.image.height}"
        told.append(f"{step} -> {size}{f' ({view.note})' if view.note else ''}")
        view = replace(view, note="")
    return view, told


def where(view: View) -> str:
    """One line that ties the pixels shown to those of the original."""
    a, b, _, d, e, _ = view.matrix
    width, height = view.image.size
    left, top = view.origin(0, 0)
    right, bottom = view.origin(width, height)
    if b == d == 0 and a > 0 and e > 0:
        scale = f"; 1 original pixel is {a:.4g} shown" if abs(a - 1) > 1e-9 else ""
        return f"shows original x {left:g} to {right:g}, y {top:g} to {bottom:g}{scale}"
    return (
        f"top left is original {left:.4g},{top:.4g}; bottom right is original "
        f"{right:.4g},{bottom:.4g}"
    )


def _crop(view: View, step: Step) -> View:
    x, y, width, height = step.numbers
    corners = [view.at(px, py) for px in (x, x + width) for py in (y, y + height)]
    left, right = min(each[0] for each in corners), max(each[0] for each in corners)
    top, bottom = min(each[1] for each in corners), max(each[1] for each in corners)
    box = (
        max(0, math.floor(left + 1e-6)),
        max(0, math.floor(top + 1e-6)),
        min(view.image.width, math.ceil(right - 1e-6)),
        min(view.image.height, math.ceil(bottom - 1e-6)),
    )
    if box[0] >= box[2] or box[1] >= box[3]:
        seen = where(view)
        raise Impossible(f"`{step}` lies outside the picture, which {seen}")
    cut = (left, top) < (-1e-6, -1e-6) or left < -1e-6 or top < -1e-6
    cut = cut or right > view.image.width + 1e-6 or bottom > view.image.height + 1e-6
    note = "cut at the picture's edge" if cut else ""
    return view.moved(view.image.crop(box), (1, 0, -box[0], 0, 1, -box[1]), note)


def _zoom(view: View, step: Step) -> View:
    factor = step.numbers[0]
    width = max(1, round(view.image.width * factor))
    height = max(1, round(view.image.height * factor))
    return scaled(view, width, height)


def scaled(view: View, width: int, height: int) -> View:
    """The same view in another size, resampled well."""
    from PIL.Image import Resampling  # late: the child alone has Pillow loaded

    _room(width, height)
    old = view.image.size
    image = view.image.resize((width, height), Resampling.LANCZOS, reducing_gap=3.0)
    return view.moved(image, (width / old[0], 0, 0, 0, height / old[1], 0))


def _rotate(view: View, step: Step) -> View:
    from PIL.Image import Resampling, Transpose  # late: as above

    degrees = step.numbers[0] % 360
    width, height = view.image.size
    if degrees == 0:
        return view
    if degrees == 90:
        return view.moved(view.image.transpose(Transpose.ROTATE_270), (0, -1, height, 1, 0, 0))
    if degrees == 180:
        turned = view.image.transpose(Transpose.ROTATE_180)
        return view.moved(turned, (-1, 0, width, 0, -1, height))
    if degrees == 270:
        return view.moved(view.image.transpose(Transpose.ROTATE_90), (0, 1, 0, -1, 0, width))
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    wide, high = abs(width * cos) + abs(height * sin), abs(width * sin) + abs(height * cos)
    _room(math.ceil(wide), math.ceil(high))
    fill = "white" if view.image.mode == "RGB" else 255
    turned = view.image.rotate(-degrees, Resampling.BICUBIC, expand=True, fillcolor=fill)
    middle_x, middle_y = turned.width / 2, turned.height / 2
    return view.moved(
        turned,
        (
            cos,
            -sin,
            middle_x - cos * width / 2 + sin * height / 2,
            sin,
            cos,
            middle_y - sin * width / 2 - cos * height / 2,
        ),
    )


def _flip(view: View, step: Step) -> View:
    from PIL.Image import Transpose  # late: as above

    width, height = view.image.size
    if step.word == "h":
        turned = view.image.transpose(Transpose.FLIP_LEFT_RIGHT)
        return view.moved(turned, (-1, 0, width, 0, 1, 0))
    turned = view.image.transpose(Transpose.FLIP_TOP_BOTTOM)
    return view.moved(turned, (1, 0, 0, 0, -1, height))


def _grey(view: View, step: Step) -> View:
    del step
    return replace(view, image=view.image.convert("L").convert("RGB"))


def _contrast(view: View, step: Step) -> View:
    factor = step.numbers[0]
    return replace(view, image=view.image.point(lambda v: round((v - 128) * factor + 128)))


def _invert(view: View, step: Step) -> View:
    del step
    return replace(view, image=view.image.point(lambda v: 255 - v))


def _threshold(view: View, step: Step) -> View:
    level = step.numbers[0]
    black = view.image.convert("L").point(lambda v: 255 if v >= level else 0)
    return replace(view, image=black.convert("RGB"))


def _edges(view: View, step: Step) -> View:
    from PIL import ImageFilter  # late: as above

    del step
    found = view.image.convert("L").filter(ImageFilter.FIND_EDGES)
    return replace(view, image=found.convert("RGB"))


def _grid(view: View, step: Step) -> View:
    image, lines = drawn(view, step.numbers[0])
    return replace(view, image=image, note=f"{lines} lines, labelled in original pixels")


def _beside(view: View, other: Image) -> View:
    from PIL import Image as made  # late: as above

    gap = 8
    width, height = view.image.width + gap + other.width, max(view.image.height, other.height)
    _room(width, height)
    both = made.new("RGB", (width, height), "white")
    both.paste(view.image, (0, 0))
    both.paste(other, (view.image.width + gap, 0))
    note = f"the other, {other.width} x {other.height}, begins at shown x {view.image.width + gap}"
    return replace(view, image=both, note=note)


def _diff(view: View, other: Image) -> View:
    from PIL import ImageChops  # late: as above
    from PIL.Image import Resampling

    note = ""
    if other.size != view.image.size:
        note = f"the other was {other.width} x {other.height} and was scaled; "
        other = other.resize(view.image.size, Resampling.LANCZOS)
    apart = ImageChops.difference(view.image, other)
    strongest = apart.getchannel(0)
    for channel in (1, 2):
        strongest = ImageChops.lighter(strongest, apart.getchannel(channel))
    counts = strongest.histogram()
    pixels = apart.width * apart.height
    if counts[0] == pixels:
        return replace(view, image=apart, note=f"{note}no pixel differs")
    share = (pixels - counts[0]) / pixels
    clear = sum(counts[26:]) / pixels
    left, top, right, bottom = apart.getbbox() or (0, 0, *apart.size)
    ends = [view.origin(left, top), view.origin(right, bottom)]
    xs, ys = sorted(each[0] for each in ends), sorted(each[1] for each in ends)
    note += (
        f"{_percent(share)} of the pixels differ, {_percent(clear)} by more than a tenth; all "
        f"within original x {xs[0]:g} to {xs[1]:g}, y {ys[0]:g} to {ys[1]:g}; black is equal"
    )
    return replace(view, image=apart, note=note)


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.1 else f"{100 * share:.0f}%"


def _room(width: int, height: int) -> None:
    if width * height > ROOM:
        raise Impossible(f"{width:,} x {height:,} pixels would be too many; crop first")


DO: dict[str, Callable[[View, Step], View]] = {
    "crop": _crop,
    "zoom": _zoom,
    "rotate": _rotate,
    "flip": _flip,
    "grey": _grey,
    "contrast": _contrast,
    "invert": _invert,
    "threshold": _threshold,
    "edges": _edges,
    "grid": _grid,
    "page": lambda view, _: view,
}
"""Every step but the two that need another picture."""
