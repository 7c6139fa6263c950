"""Lines of code, highlighted when the language is known and colour is on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from codex_py.ui.render.paper import Paper

if TYPE_CHECKING:
    from rich.text import Text

LONGEST = 1_000
"""Longer lines are shown plain: some lexers take very long over them."""


def highlighted(
    lines: Sequence[str], language: str, paper: Paper, before: Sequence[str] = ()
) -> list[Text]:
    """One text a line. `before` are the lines that came before, for the lexer only."""
    plain = [paper.text(line) for line in lines]
    if not paper.colour or not language or not lines:
        return plain
    if any(len(line) > LONGEST for line in (*before, *lines)):
        return plain
    return _lexed(lines, language, paper, before) or plain


def _lexed(lines: Sequence[str], language: str, paper: Paper, before: Sequence[str]) -> list[Text]:
    from rich.syntax import Syntax  # late: costs a tenth of a second

    source = paper.text("\n".join([*before, *lines]))
    source.expand_tabs(4)
    drawn = Syntax("", language, theme=paper.syntax, tab_size=4).highlight(source.plain)
    # Some lexers change the text; then it is shown as it is.
    if drawn.plain.rstrip("\n") != source.plain.rstrip("\n"):
        return []
    for span in drawn.spans:
        if drawn.plain[span.start : span.end].strip():
            # The lexer ends the text with a newline of its own: no style may reach into it.
            source.stylize(span.style, span.start, span.end)
    return list(source.split("\n", allow_blank=True))[-len(lines) :]
