"""A table in columns; where columns would be too narrow to read, one line for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from codex_py.ui.render.paper import Paper

if TYPE_CHECKING:
    from rich.text import Text

LEAST = 6
"""Cells of width a column needs."""

Cell = tuple["Text", str]
"""Its words, and left, center or right."""


def table(rows: Sequence[Sequence[Cell]], paper: Paper) -> list[Text]:
    """The lines of a table whose first row is its head."""
    if not rows or not rows[0]:
        return []
    widest = [
        max((row[at][0].cell_len for row in rows if at < len(row)), default=0)
        for at in range(len(rows[0]))
    ]
    if sum(min(each, LEAST) for each in widest) + 3 * len(widest) > paper.width:
        return _listed(rows, paper)
    return _columns(rows, paper)


def _columns(rows: Sequence[Sequence[Cell]], paper: Paper) -> list[Text]:
    from rich import box  # late: costs a tenth of a second
    from rich.segment import Segment  # late: as above
    from rich.table import Table  # late: as above

    drawn = Table(
        box=box.SIMPLE_HEAD if paper.unicode else box.ASCII2,
        header_style="strong",
        border_style="dim",
        show_edge=False,
        pad_edge=False,
    )
    for words, align in rows[0]:
        drawn.add_column(words, justify=_justify(align), overflow="fold", min_width=1)
    for row in rows[1:]:
        drawn.add_row(*(words for words, _ in row))
    options = paper.console.options.update(width=paper.width)
    told: list[Text] = []
    for line in Segment.split_lines(paper.console.render(drawn, options)):
        whole = paper.text()
        for segment in line:
            whole.append(segment.text, segment.style)
        whole.rstrip()
        told += paper.fold(whole)
    return told


def _listed(rows: Sequence[Sequence[Cell]], paper: Paper) -> list[Text]:
    told: list[Text] = []
    for row in rows[1:] or rows:
        if told:
            told.append(paper.text())
        for (name, _), (words, _) in zip(rows[0], row, strict=False):
            label = name.copy()
            label.stylize("strong")
            told += paper.wrap(paper.joined(label, ": ", words) if rows[1:] else label)
    return told


def _justify(align: str) -> Any:
    return align if align in ("left", "center", "right") else "left"
