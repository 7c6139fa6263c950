"""Pure: folds over a turn's entries that say when to warn the model and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from codex_py.core import loops
from codex_py.core.entries import Entry
from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one turn or run may use (core/budget.py). Zero and None mean no limit."""

    max_steps: int = 0
    """Requests of one turn: samples, summaries, and the retries before them."""
    repeats: int = loops.TO_STOP
    """The same thing with the same outcome this many times stops the turn."""
    max_cost: Decimal | None = None
    """US dollars of one run."""
    max_tokens: int = 0
    """Tokens of one run, input and output, cached ones too."""
    max_time: float = 0.0
    """Seconds of one turn."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a turn must end now."""

    reason: Literal["limit", "stuck"]
    text: str


def check(turn: Sequence[Entry], limits: Limits) -> Stop | None:
    """Whether a turn goes round in circles; asked before each sample."""
    for loop in loops.found(turn) if limits.repeats else ():
        if loop.count >= limits.repeats:
            return Stop("stuck", f"stopped: {loop.what}. Tried: {loop.tried}")
    return None


def warning(turn: Sequence[Entry]) -> str:
    """A note for the model when its newest call repeats itself; empty when all is well."""
    for loop in loops.found(turn):
        if loop.newest and loop.count >= loops.TO_WARN:
            return loop.note
    return ""
