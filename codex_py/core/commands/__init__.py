"""Reads a shell command line and says, part by part, what it would do."""

from __future__ import annotations

from codex_py.core.commands.line import Line, Part

__all__ = ["Line", "Part", "dangers", "read_line"]


def read_line(command: str) -> Line:
    """Take a command line apart, as bash would run it without a terminal or start-up files.

    Never raises, whatever the text. What it cannot read with certainty is said to be not
    understood; it never guesses in favour of running something unasked.
    """
    from codex_py.core.commands.walk import read  # late: loads the shell grammar

    return read(command)


def dangers(line: Line) -> tuple[str, ...]:
    """Say in plain words what in the line could destroy work; empty when nothing is known to.

    It is used to word questions. It is not a list of everything harmful and decides nothing.
    """
    from codex_py.core.commands.danger import dangers as found  # late: rarely needed

    return found(line)
