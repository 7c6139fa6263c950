"""`codex-py redo`: the other way round of `codex-py undo`."""

from __future__ import annotations

from codex_py.ui.undo import redo as main

__all__ = ["main"]
