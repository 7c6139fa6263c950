"""The approval modes by name; what they mean is in `policy`."""

from __future__ import annotations

from typing import Literal

Mode = Literal["suggest", "auto-edit", "full-auto"]
MODES: tuple[Mode, ...] = ("suggest", "auto-edit", "full-auto")
