"""Pure: the styles of each theme, by what they mean; none names black or white."""

from __future__ import annotations

from codex_py.core.errors import UsageError

COMMON = {
    "dim": "dim",
    "bold": "bold",
    "user": "bold",
    "heading": "bold",
    "heading.top": "bold underline",
    "strong": "bold",
    "em": "italic",
    "struck": "strike",
    "code": "cyan",
    "link": "underline blue",
    "quote": "dim italic",
    "ok": "green",
    "bad": "red",
    "warn": "yellow",
    "info": "dim",
    "verb": "bold",
    "ask": "bold yellow",
    "added": "green",
    "removed": "red",
    "added.word": "bold underline green",
    "removed.word": "bold underline red",
    "number": "dim",
}

THEMES: dict[str, dict[str, str]] = {
    "ansi": COMMON,
    "dark": COMMON
    | {
        "added": "on color(22)",
        "removed": "on color(52)",
        "added.word": "bold on color(28)",
        "removed.word": "bold on color(88)",
        "code": "color(116)",
        "link": "underline color(111)",
    },
    "light": COMMON
    | {
        "added": "on color(194)",
        "removed": "on color(224)",
        "added.word": "bold on color(157)",
        "removed.word": "bold on color(217)",
        "code": "color(24)",
        "link": "underline color(25)",
        "warn": "color(130)",
        "ask": "bold color(130)",
    },
    "colour-blind": COMMON
    | {
        "ok": "blue",
        "bad": "bold yellow",
        "added": "blue",
        "removed": "yellow",
        "added.word": "bold underline blue",
        "removed.word": "bold underline yellow",
    },
}
"""`ansi` uses the terminal's own 16 colours and is readable on any background."""

SYNTAX = {"dark": "ansi_dark"}
"""The highlighting of code by theme; otherwise the one of plain, unlit colours."""


def styles(name: str) -> dict[str, str]:
    """The styles of a theme. Raises UsageError for a name that is none."""
    if name not in THEMES:
        raise UsageError(f"theme {name!r} is not one of {', '.join(sorted(THEMES))}")
    return THEMES[name]
