"""A unified diff drawn: line numbers, colours, and marks on the words that differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codex_py.dataclass import dataclass
from codex_py.ui.render.paper import Paper

if TYPE_CHECKING:
    from rich.text import Text

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
WORD = re.compile(r"\w+|\s+|[^\w\s]")
WIDEST = 400
"""Characters of a line beyond which its words are not compared."""
PAIRS = 20
"""Changed lines in a row beyond which words are not compared."""
ALIKE = 0.4
"""Lines less alike than this are replaced, not changed: no marks."""

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a hunk: its mark (blank, `-`, `+` or `…`), its number, the words that differ."""

    mark: str
    number: int
    text: str
    words: tuple[Range, ...] = ()


def drawn(diff: str, paper: Paper, indent: str = "  ") -> list[Text]:
    """The lines of a unified diff, or of the one sentence that stands for one."""
    if not HUNK.search(diff):
        told = [line for line in diff.strip().split("\n") if line and line[:4] not in HEADS]
        return [each for line in told for each in paper.wrap(paper.joined(indent, (line, "dim")))]
    rows = parsed(diff)
    wide = len(str(max(row.number for row in rows)))
    return [each for row in rows for each in _row(row, wide, paper, indent)]


HEADS = ("--- ", "+++ ")


def parsed(diff: str) -> list[Row]:
    """The rows of a unified diff of one file; a diff cut off anywhere is read as far as it goes."""
    rows: list[Row] = []
    old = new = left = right = 0
    for line in diff.removesuffix("\n").split("\n"):
        if left <= 0 and right <= 0:
            if found := HUNK.match(line):
                old, new = int(found[1]), int(found[3])
                left, right = int(found[2] or 1), int(found[4] or 1)
                if rows:
                    rows.append(Row("…", old, ""))
            continue
        mark, text = line[:1], line[1:]
        if mark == "-":
            rows.append(Row("-", old, text))
            old, left = old + 1, left - 1
        elif mark == "+":
            rows.append(Row("+", new, text))
            new, right = new + 1, right - 1
        elif mark != "\\":
            rows.append(Row(" ", new, text))
            old, new, left, right = old + 1, new + 1, left - 1, right - 1
    return _marked(rows)


def _marked(rows: list[Row]) -> list[Row]:
    """The same rows with the differing words of lines that were changed."""
    told: list[Row] = []
    at = 0
    while at < len(rows):
        gone = _run(rows, at, "-")
        come = _run(rows, at + len(gone), "+")
        if gone and len(gone) == len(come) <= PAIRS:
            pairs = [words(a.text, b.text) for a, b in zip(gone, come, strict=True)]
            told += [Row(a.mark, a.number, a.text, p[0]) for a, p in zip(gone, pairs, strict=True)]
            told += [Row(b.mark, b.number, b.text, p[1]) for b, p in zip(come, pairs, strict=True)]
        else:
            told += [*gone, *come] or [rows[at]]
        at += len(gone) + len(come) or 1
    return told


def _run(rows: Sequence[Row], start: int, mark: str) -> list[Row]:
    stop = start
    while stop < len(rows) and rows[stop].mark == mark:
        stop += 1
    return list(rows[start:stop])


def words(old: str, new: str) -> tuple[tuple[Range, ...], tuple[Range, ...]]:
    """Where two lines differ, word by word, as places in each; none when they are unlike."""
    if max(len(old), len(new)) > WIDEST:
        return (), ()
    from difflib import SequenceMatcher  # late: not every entry is a diff

    a, b = WORD.findall(old), WORD.findall(new)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    codes = matcher.get_opcodes()
    same = sum(len("".join(a[i:j])) for tag, i, j, _, _ in codes if tag == "equal")
    if 2 * same < ALIKE * (len(old) + len(new)):
        return (), ()
    gone = tuple(_place(a, i, j) for tag, i, j, _, _ in codes if tag != "equal" and i < j)
    come = tuple(_place(b, i, j) for tag, _, _, i, j in codes if tag != "equal" and i < j)
    return gone, come


def _place(parts: Sequence[str], start: int, stop: int) -> Range:
    before = len("".join(parts[:start]))
    return before, before + len("".join(parts[start:stop]))


def _row(row: Row, wide: int, paper: Paper, indent: str) -> list[Text]:
    if row.mark == "…":
        return [paper.joined(indent, (" " * (wide - 1) + paper.sign("more"), "dim"))]
    style = {"-": "removed", "+": "added"}.get(row.mark, "")
    body, at = paper.text("", ""), 0
    for start, stop in row.words:
        body.append_text(paper.text(row.text[at:start], style))
        body.append_text(paper.text(row.text[start:stop], f"{style}.word"))
        at = stop
    body.append_text(paper.text(row.text[at:], style))
    number = (f"{indent}{row.number:>{wide}} ", "number")
    first = paper.joined(number, (f"{row.mark} ", style))
    rest = paper.joined((" " * (len(indent) + wide + 1), ""), ("  ", style))
    return paper.fold(body, first, rest)
