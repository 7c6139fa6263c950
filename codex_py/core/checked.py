"""The entry of a required check."""

from __future__ import annotations

from typing import ClassVar

from codex_py.core.entry import Entry
from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Entry):
    """A required check that the harness ran, confined, once the model said it was done."""

    kind: ClassVar[str] = "checked"
    command: str
    ok: bool = False
    exit_code: int | None = None
    timed_out: bool = False
    output: str = ""
    seconds: float = 0.0
    full: str = ""
    """File beside the log that holds the whole output, when `output` was cut."""
    confined: str = ""
