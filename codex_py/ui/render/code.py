"""Lines of code, highlighted when the language is known and colour is on."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from codex_py.ui.render.paper import Paper

if TYPE_CHECKING:
    from rich.text import Text

LONGEST = 1_000
"""Longer lines are shown plain: some lexers take very long over them."""
BREATH = 150
"""Words of code after which whoever draws may do something else: a millisecond or two."""
GROUP = 8
"""Lines handed on together."""


def highlighted(
    lines: Sequence[str], language: str, paper: Paper, before: Sequence[str] = ()
) -> list[Text]:
    """One text a line. `before` are the lines that came before, for the lexer only."""
    return [line for group in slowly(lines, language, paper, before) for line in group]


def slowly(
    lines: Sequence[str], language: str, paper: Paper, before: Sequence[str] = ()
) -> Iterator[list[Text]]:
    """The same a few lines at a time, and nothing at all now and then while the lexer works."""
    found: list[Text] = []
    plain = not paper.colour or not language or not lines
    if not plain and all(len(line) <= LONGEST for line in (*before, *lines)):
        found = yield from _lexed(lines, language, paper, before)
    for at in range(0, len(lines), GROUP):
        if found:
            yield found[at : at + GROUP]
        else:
            yield [paper.text(line) for line in lines[at : at + GROUP]]


def _lexed(
    lines: Sequence[str], language: str, paper: Paper, before: Sequence[str]
) -> Generator[list[Text], None, list[Text]]:
    """Returns the lines; empty when they cannot be told apart."""
    from pygments.lexers import get_lexer_by_name  # late: costs some hundredths of a second
    from pygments.util import ClassNotFound
    from rich.syntax import Syntax

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=True, tabsize=4)
    except ClassNotFound:
        return []
    look = Syntax.get_theme(paper.syntax).get_style_for_token
    source = paper.text("\n".join([*before, *lines]))
    source.expand_tabs(4)
    whole, at, words = source.plain, 0, 0
    for token, piece in lexer.get_tokens(whole):
        end = at + len(piece)
        if whole[at:end] != piece and piece.strip():
            return []  # Some lexers change the text; then it is shown as it is.
        if piece.strip():
            # The lexer ends the text with a newline of its own: no style may reach into it.
            source.stylize(look(token), at, end)
        at, words = end, words + 1
        if words % BREATH == 0:
            yield []
    if at < len(whole.rstrip()):
        return []
    return list(source.split("\n", allow_blank=True))[-len(lines) :]
