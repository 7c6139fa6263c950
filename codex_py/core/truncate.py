"""Pure: long text becomes its head, its tail and a note of what is missing."""

from __future__ import annotations

LIMIT = 40_000
"""Characters of a tool result shown to a model unless told otherwise."""


def truncate(text: str, limit: int = LIMIT) -> str:
    """At most about `limit` characters: whole lines of head and tail around a note."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return join(_head(text[:half]), _tail(text[-half:]), len(text), "characters")


def join(
    head: str, tail: str, size: int, unit: str = "bytes", where: str = "", lost: str = ""
) -> str:
    """Head and tail around one line that states the full size and where the whole is kept.

    `lost` says what of the whole was not kept.
    """
    left_out = max(0, size - len(head) - len(tail))
    kept = f"; {lost}" if lost else f"; whole output: {where}" if where else ""
    note = f"[… {left_out:,} of {size:,} {unit} left out here{kept} …]"
    first = head if not head or head.endswith("\n") else head + "\n"
    return f"{first}{note}\n{tail}"


def _head(text: str) -> str:
    cut = text.rfind("\n", len(text) * 3 // 4)
    return text[: cut + 1] if cut >= 0 else text


def _tail(text: str) -> str:
    cut = text.find("\n", 0, len(text) // 4)
    return text[cut + 1 :] if cut >= 0 else text
