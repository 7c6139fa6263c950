"""Pure: JSON for machines that does no harm where it lands in a terminal."""

from __future__ import annotations

import json
from typing import Any

from codex_py.ui.text import harmless


def as_json(data: Any, indent: int | None = None) -> str:
    """Data as JSON, without a newline at its end; a machine reads from it exactly the data."""
    return escaped(json.dumps(data, ensure_ascii=False, indent=indent))


def escaped(text: str) -> str:
    r"""The same JSON, whatever a terminal could obey or cannot show written as `\uXXXX`.

    In JSON such a character stands only within a string, where both are the same.
    """
    if text.isprintable():
        return text
    return "".join(each if harmless(each) else _units(each) for each in text)


def _units(each: str) -> str:
    return json.dumps(each)[1:-1] if each > "\x7f" else f"\\u{ord(each):04x}"
