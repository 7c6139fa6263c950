"""A claim as it was found in a message, before it is judged."""

from __future__ import annotations

import re
from dataclasses import field

from codex_py.core.receipt.message.language import Kind, Language, Rule
from codex_py.core.receipt.message.prose import Clause
from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A claim as worded; places are in the whole message."""

    kind: str
    text: str
    start: int
    end: int
    rule: Rule | None
    clause: Clause | None
    groups: dict[str, str] = field(default_factory=dict)
    tool: Kind | None = None
    target: str = ""
    """The file, name or flag it is about."""


def estimate(
    language: Language, clause: Clause, match: re.Match[str], groups: dict[str, str]
) -> bool:
    """Whether the figure of a match says itself that it is a guess, or stands in code."""
    name = next((key for key in ("number", "number2", "count", "name") if key in groups), "")
    if not name:
        return False
    before, after = clause.text[: match.start(name)], clause.text[match.end(name) :]
    inside = before.count("`") % 2 == 1
    return inside or bool(language.rough.search(before) or language.rough_after.search(after))
