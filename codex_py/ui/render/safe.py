"""Pure: any text made harmless for a terminal: what would act on it is shown instead."""

from __future__ import annotations

import unicodedata

from codex_py.ui.render.cells import EMOJI_STYLE, JOINER, emoji
from codex_py.ui.text import visible

PLAIN = {
    "‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "•": "*", "→": "->",
    "←": "<-", "✓": "v", "✗": "x", "\u00a0": " ",
}  # fmt: skip
"""What a terminal without Unicode shows for common signs."""


def safe(text: str, *, unicode: bool = True, prose: bool = False) -> str:
    """The text with control, format and bidirectional characters shown as escapes.

    Newlines and tabs stay. In prose every kind of space stays as well; in commands, names and
    diffs an unusual space is shown, since it means something else to a program. Without
    `unicode` the result is ASCII.
    """
    bare = text.replace("\n", "").replace("\t", "")
    if bare.isascii() and bare.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    if not unicode:
        return "".join(_ascii(each) for each in text)
    if bare.isprintable():
        return text
    return "".join(_kept(text, at, prose) for at in range(len(text)))


def _kept(text: str, at: int, prose: bool) -> str:
    each = text[at]
    if each in "\n\t" or each.isprintable() or each == EMOJI_STYLE:
        return each
    if each == JOINER:
        # Only between emoji: elsewhere it hides, and programs differ on how wide it is.
        inside = 0 < at < len(text) - 1
        return each if inside and emoji(text[at + 1]) and _joined(text[at - 1]) else "\\u200d"
    if prose and unicodedata.category(each) == "Zs":
        return each
    return each if _new(each) else visible(each)


def _joined(each: str) -> bool:
    return emoji(each) or each == EMOJI_STYLE


def _new(each: str) -> bool:
    """Characters that are newer than this Python's tables: emoji and Chinese."""
    if unicodedata.category(each) != "Cn":
        return False
    return "\U0001f300" <= each <= "\U0001faff" or "\U00020000" <= each <= "\U0003fffd"


def _ascii(each: str) -> str:
    if " " <= each <= "~" or each in "\n\t":
        return each
    if each in PLAIN:
        return PLAIN[each]
    number = ord(each)
    if number < 0x20:
        return visible(each)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def one_row(text: str, *, unicode: bool = True) -> str:
    """The text as one line: newlines are shown, a tab becomes a space."""
    mark = " ⏎ " if unicode else " \\n "
    flat = mark.join(line.strip() for line in text.strip().split("\n"))
    return safe(flat.replace("\t", " "), unicode=unicode)
