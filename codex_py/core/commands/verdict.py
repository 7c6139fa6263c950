"""What is known about one simple command."""

from __future__ import annotations

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a command only reads, why, and what it would touch."""

    reading: bool
    why: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    cwd_change: str | None = None
    walled: bool = False
    scripts: tuple[tuple[str, bool], ...] = ()
    """Scripts handed to a shell, with True where a plain `sh` will read them."""
    sets: tuple[str, ...] = ()
    """Variables of the shell it gives a value."""


def ask(why: str, writes: tuple[str, ...] = ()) -> Verdict:
    """Not known to only read."""
    return Verdict(reading=False, why=why, writes=writes)
