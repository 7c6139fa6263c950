"""The saved record that every kind of entry is."""

from __future__ import annotations

from typing import ClassVar

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A saved record. The session stamps `n` (line number and id) and `at` (UTC seconds)."""

    kind: ClassVar[str] = ""
    n: int = -1
    at: float = 0.0
