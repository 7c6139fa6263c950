"""Environment variables that may be set for one command without changing what it does."""

from __future__ import annotations

import re

from codex_py.core.commands.words import Word

HARMLESS = re.compile(
    r"LANG|LANGUAGE|LC_[A-Z]+|TZ|NO_COLOR|CLICOLOR|CLICOLOR_FORCE|FORCE_COLOR|COLUMNS|LINES|TERM",
    re.ASCII,
)
VALUE = re.compile(r"[\w@+-]*(?:\.[\w@+-]+)?", re.ASCII)
ZONE = re.compile(r"[A-Za-z_]+(?:/[A-Za-z_]+)?|UTC[+-]?\d*", re.ASCII)


def unsettling(name: str, value: Word) -> str:
    """Why setting this variable must be asked about; empty when it is harmless."""
    if not HARMLESS.fullmatch(name):
        return f"{name}= may change what the program does"
    allowed = ZONE if name == "TZ" else VALUE
    if not value.plain or not allowed.fullmatch(value.text):
        return f"{name} is given an unusual value"
    return ""
