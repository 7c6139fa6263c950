"""Amounts a person writes: money and spans of time."""

from __future__ import annotations

import re
from typing import Any

from codex_py.core.errors import UsageError

MONEY = re.compile(r"\$?(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})")
SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+(?:\.\d+)?)s?)?")


def money(value: Any, where: str) -> str:
    """US dollars as an exact decimal, from `0.50`, `$2` or a number; empty for 0.

    Raises UsageError that begins with `where`.
    """
    text = repr(value) if isinstance(value, float) else str(value).strip()
    found = MONEY.fullmatch(text) if not isinstance(value, bool) else None
    if found is None:
        raise UsageError(f"{where} must be an amount in US dollars such as 0.50, not {value!r}")
    number = found.group(1)
    return number if number.strip("0.") else ""


def span(value: Any, where: str) -> float:
    """Seconds, from a number or text such as `90`, `90s`, `10m`, `1h30m`. Raises UsageError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    found = SPAN.fullmatch(value.strip()) if isinstance(value, str) and value.strip() else None
    if found is None:
        raise UsageError(f"{where} must be a time such as 90, 10m or 1h30m, not {value!r}")
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
