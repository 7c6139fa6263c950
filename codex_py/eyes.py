"""What a model takes of pictures, and about what they cost it: data, and pure arithmetic."""

from __future__ import annotations

import math

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Eyes:
    """How one model looks at pictures. Sizes in pixels; 0 means: no such limit.

    `count` names the provider's way of counting tokens: `tiles` (of 512 pixels, after scaling
    the picture to 2048 by 768), `patches` (of 32 pixels) or `area` (750 pixels a token, a
    careful guess for models whose way we do not know).
    """

    count: str = "area"
    side: int = 2_048
    """Longest side that is sent; what is larger is scaled down."""
    most: int = 3_000_000
    """Bytes of one picture."""
    base: int = 85
    tile: int = 170
    cap: int = 1_536
    """Patches that are looked at; a larger picture is scaled down to so many."""
    factor: float = 1.0
    """Tokens a patch."""
    detail: str = "auto"
    """How closely the provider is asked to look."""

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The size in which a picture is sent: never larger than it is, and of the same shape."""
        scale = 1.0
        side = 512 if self.detail == "low" and self.count == "tiles" else self.side
        if side:
            scale = min(scale, side / max(width, height))
        if self.count == "tiles" and self.detail != "low":
            scale = min(scale, 768 / min(width * scale, height * scale) * scale)
        size = _scaled(width, height, scale)
        if self.count == "patches" and _patches(*size) > self.cap:
            # As documented: shrink to the budget's area, then to whole patches of one side.
            scale = min(scale, math.sqrt(self.cap * 1_024 / (width * height)))
            across, down = width * scale / 32, height * scale / 32
            scale *= min(max(1, int(each)) / each for each in (across, down) if each >= 1)
            size = _scaled(width, height, scale)
        return size

    def tokens(self, width: int, height: int) -> int:
        """About how many tokens a picture of that size costs: an estimate, never a bill."""
        if self.count == "tiles" and self.detail == "low":
            return self.base
        width, height = self.fit(max(1, width), max(1, height))
        if self.count == "tiles":
            return self.base + self.tile * math.ceil(width / 512) * math.ceil(height / 512)
        if self.count == "patches":
            return math.ceil(self.factor * _patches(width, height))
        return math.ceil(width * height / 750)


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, min(width, round(width * scale))), max(1, min(height, round(height * scale)))


def _patches(width: int, height: int) -> int:
    return math.ceil(width / 32) * math.ceil(height / 32)
