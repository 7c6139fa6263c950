"""Pixels become bytes that a model takes: no larger than it looks at, and nothing but picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

SHARP = 3_000_000
"""Bytes up to which pixels are kept exactly, as PNG; above them JPEG does."""


def flat(image: Image) -> Image:
    """RGB, what is transparent as white."""
    from PIL import Image as made  # late: the child alone loads Pillow

    if image.mode == "RGB":
        return image
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        ground = made.new("RGB", image.size, "white")
        ground.paste(clear, mask=clear.getchannel("A"))
        return ground
    return image.convert("RGB")


def encoded(image: Image, photo: bool, most: int) -> tuple[bytes, str]:
    """The picture's bytes, at most so many, and their kind. A `photo` becomes JPEG at once."""
    from PIL.Image import Resampling  # late: the child alone loads Pillow

    clean = image.convert("RGBA") if image.mode in ("P", "LA", "PA") else image
    clean = clean.copy()
    clean.info.clear()
    if not photo:
        data = _saved(clean, "PNG")
        if len(data) <= min(SHARP, most):
            return data, "png"
    clean = flat(clean)
    clean.info.clear()
    while True:
        for quality in (90, 75, 50):
            data = _saved(clean, "JPEG", quality=quality)
            if len(data) <= most:
                return data, "jpeg"
        smaller = (max(1, clean.width * 2 // 3), max(1, clean.height * 2 // 3))
        if smaller == clean.size:
            return data, "jpeg"
        clean = clean.resize(smaller, Resampling.LANCZOS)


def _saved(image: Image, form: str, **options: int) -> bytes:
    into = io.BytesIO()
    image.save(into, form, **options)
    return into.getvalue()
