"""A pseudo-terminal for a process that only talks to one, and what it says without the drawing."""

from __future__ import annotations

import os
import re

ROWS, COLUMNS = 40, 120

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links, colours asked for
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # strings for the terminal itself
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"  # colours, movements
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00\x07\x0e\x0f]"
)


def opened() -> tuple[int, int]:
    """Our end and the process's, both for the caller to close. Raises OSError."""
    import fcntl  # late: few processes have a terminal
    import struct
    import termios

    ours, theirs = os.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    except OSError:
        os.close(ours)
        os.close(theirs)
        raise
    return ours, theirs


def controlling() -> None:
    """Make standard input the controlling terminal of the session that this process leads."""
    import fcntl  # late: as above
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def led(ours: int) -> bool:
    """Whether a session has it as its controlling terminal: only then its keys make signals."""
    try:
        return os.tcgetpgrp(ours) > 0
    except OSError:
        return False


def plain(text: str) -> str:
    """The text without what only a terminal understands: each line as it stood at last."""
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(_rubbed(line.rstrip("\r").rpartition("\r")[2]) for line in lines)


def _rubbed(line: str) -> str:
    """What a line shows once each backspace has taken what stood before it."""
    if "\b" not in line:
        return line
    shown: list[str] = []
    for each in line:
        if each != "\b":
            shown.append(each)
        elif shown:
            shown.pop()
    return "".join(shown)
