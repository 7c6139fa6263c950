"""Pure: text made safe and short for a terminal."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codex_py.core.entries import Image, Source

COLUMN = re.compile(r" *\S+(?: \S+)*  +")
"""The first column of a table, as we lay tables out."""
CODES = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def visible(text: str) -> str:
    """Text whose control characters are shown, never obeyed; tabs and newlines stay.

    Bidirectional overrides and other invisible format characters are shown as well.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if harmless(each) else _escaped(each) for each in text)


def harmless(each: str) -> bool:
    """Whether a terminal shows this character and obeys nothing."""
    if each in "\n\t" or each.isprintable():
        return True
    return each in " \u200d\ufe0f"


def _escaped(each: str) -> str:
    number = ord(each)
    if number < 0x20:
        return f"^{chr(number + 64)}"
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def one_line(text: str, width: int = 160) -> str:
    """The text as one visible line of at most `width` characters."""
    flat = " ⏎ ".join(line.strip() for line in text.strip().split("\n"))
    shown = visible(flat.replace("\t", " "))
    if shown.isascii():
        return shown if len(shown) <= width else shown[: width - 1] + "…"
    from codex_py.ui.render.cells import cells, cuts  # late: its tables are large

    if cells(shown) <= width:
        return shown
    return shown[: (cuts(shown, max(1, width - 1)) or [0])[0]] + "…"


def wrapped(text: str, width: int) -> str:
    """The lines broken between words at `width` columns; a table's last column stays one."""
    if all(len(line) <= width and line.isascii() for line in text.split("\n")):
        return text
    from codex_py.ui.render.cells import breaks, cells  # late: its tables are large

    found: list[str] = []
    for line in text.split("\n"):
        if cells(line) <= width:
            found.append(line)
            continue
        table = COLUMN.match(line)
        indent = len(table[0]) if table and width - len(table[0]) >= 24 else 0
        indent = indent or min(len(line) - len(line.lstrip()) + 2, width // 2)
        head, rest = line[:indent], line[indent:]
        cuts = [0, *breaks(rest, max(8, width - indent)), len(rest)]
        parts = [rest[a:b].rstrip() for a, b in itertools.pairwise(cuts)]
        found += [head + parts[0], *(" " * indent + part for part in parts[1:])]
    return "\n".join(found)


def listed(sources: Sequence[Source]) -> list[str]:
    """Sources as lines: a heading, then one each with its number; none without sources."""
    lines = [
        f"{at}. {each.title}{' — ' if each.title else ''}{each.url}"
        for at, each in enumerate(sources, 1)
    ]
    return ["Sources:", *lines] if lines else []


def paint(text: str, style: str, on: bool) -> str:
    """The text in a style when colour is on."""
    return f"\x1b[{CODES[style]}m{text}\x1b[0m" if on else text


def duration(seconds: float) -> str:
    """Seconds for people: `0.4 s`, `12 s`, `2 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def count(number: int) -> str:
    """A count for people: `940`, `12.3k`, `1.2M`."""
    if number < 1_000:
        return str(number)
    if number < 1_000_000:
        return f"{number / 1_000:.1f}k"
    return f"{number / 1_000_000:.1f}M"


def picture(part: Image) -> str:
    """A picture in a line: its name, its size in pixels, about what it costs."""
    size = f" {part.width} x {part.height}" if part.width else ""
    cost = f", about {part.tokens:,} tokens" if part.tokens else ""
    return f"{one_line(part.name or part.media_type, 80)}{size}{cost}"
