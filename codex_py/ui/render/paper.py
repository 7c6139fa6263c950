"""What is printed on: its width, its colours, its signs; styled text becomes lines of ANSI."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from codex_py.ui.render.cells import breaks, cells, cuts, ending
from codex_py.ui.render.safe import one_row, safe
from codex_py.ui.render.theme import SYNTAX, styles

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

NARROWEST = 10
LINK_ID = re.compile("\x1b\\]8;id=[^;]*;")
SIGNS = {
    "ok": ("✓", "+"),
    "bad": ("✗", "x"),
    "note": ("•", "*"),
    "user": ("›", ">"),
    "now": ("▸", ">"),
    "retry": ("↻", "~"),
    "quote": ("▌ ", "| "),
    "bullet": ("• ", "* "),
    "rule": ("─", "-"),
    "more": ("…", "..."),
    "under": ("└ ", "` "),
    "dot": (" · ", " - "),
    "done": ("☑", "[x]"),
    "todo": ("☐", "[ ]"),
    "thought": ("∴", "~"),
}


class Paper:
    """One way of printing. Every Text made here is already safe; every line fits the width."""

    def __init__(
        self, width: int, *, colour: bool, unicode: bool, theme: str = "ansi", links: bool = False
    ) -> None:
        self.width = max(NARROWEST, width)
        self.colour = colour
        self.unicode = unicode
        self.theme = theme
        self.links = links and colour
        self.styles = styles(theme)
        self.syntax = SYNTAX.get(theme, "ansi_light")
        self._console: Console | None = None

    def resized(self, width: int) -> Paper:
        """The same paper of another width."""
        return Paper(
            width, colour=self.colour, unicode=self.unicode, theme=self.theme, links=self.links
        )

    @property
    def console(self) -> Console:
        """Rich's console, made when first needed; it never reads the environment."""
        if self._console is None:
            from rich.console import Console  # late: costs a tenth of a second
            from rich.theme import Theme  # late: as above

            self._console = Console(
                file=io.StringIO(),
                width=self.width,
                color_system="256" if self.colour else None,
                theme=Theme(self.styles, inherit=False),
                force_terminal=True,
                legacy_windows=False,
                highlight=False,
                _environ={},
            )
        return self._console

    def sign(self, name: str) -> str:
        """A sign, in ASCII where need be."""
        return SIGNS[name][0 if self.unicode else 1]

    def text(self, words: str = "", style: str = "", *, prose: bool = False) -> Text:
        """Safe text in a style."""
        from rich.text import Text  # late: costs a tenth of a second

        return Text(safe(words, unicode=self.unicode, prose=prose), style=style, tab_size=4)

    def row(self, words: str, style: str = "") -> Text:
        """Safe text of one line: newlines in it are shown."""
        from rich.text import Text  # late: costs a tenth of a second

        return Text(one_row(words, unicode=self.unicode), style=style, tab_size=4)

    def joined(self, *parts: Text | tuple[str, str] | str) -> Text:
        """Parts in a row; words, or words and their style, are made safe."""
        whole = self.text()
        for part in parts:
            if isinstance(part, str):
                whole.append_text(self.text(part))
            elif isinstance(part, tuple):
                whole.append_text(self.text(*part))
            else:
                whole.append_text(part)
        return whole

    def wrap(self, text: Text, first: Text | None = None, rest: Text | None = None) -> list[Text]:
        """Lines broken between words, the first and the others with their own beginnings."""
        return self._begun(text, first, rest, fold=False)

    def fold(self, text: Text, first: Text | None = None, rest: Text | None = None) -> list[Text]:
        """Lines broken where the width ends, as code is; spaces stay."""
        return self._begun(text, first, rest, fold=True)

    def crop(self, text: Text, width: int = 0) -> Text:
        """A text of one line that fits, with a mark when something is left out."""
        text = text.copy()
        text.expand_tabs(4)
        most = width or self.width
        if cells(text.plain) <= most:
            return text
        more = self.sign("more")
        return self.beginning(text, max(1, most - len(more))).append(more)

    def beginning(self, text: Text, room: int) -> Text:
        """The beginning of a text, at most `room` cells."""
        return text.divide(cuts(text.plain, room)[:1])[0]

    def ending(self, text: Text, room: int) -> Text:
        """The end of a text, at most `room` cells."""
        start = ending(text.plain, room)
        return text.divide([start])[-1] if start else text

    def ansi(self, lines: Iterable[Text]) -> str:
        """The lines as text for a terminal, each ended by a newline."""
        return "".join(f"{self._painted(line)}\n" for line in lines)

    def _begun(
        self, text: Text, first: Text | None, rest: Text | None, *, fold: bool
    ) -> list[Text]:
        first = first if first is not None else self.text()
        rest = rest if rest is not None else self.text(" " * cells(first.plain))
        room = self.width - max(cells(first.plain), cells(rest.plain))
        if room < NARROWEST // 2:
            rest, room = self.text(), self.width
            if first.plain:
                text, first = self.joined(first, text), rest
        lines = self._broken(text, room, fold=fold)
        told = [self.joined(first if at == 0 else rest, line) for at, line in enumerate(lines)]
        return told or [first.copy()]

    def _broken(self, text: Text, room: int, *, fold: bool) -> list[Text]:
        found: list[Text] = []
        for line in text.split("\n", allow_blank=True):
            line.expand_tabs(4)
            if cells(line.plain) <= room:
                found.append(line)
                continue
            parts = line.divide((cuts if fold else breaks)(line.plain, room))
            if not fold:
                for part in parts:
                    part.rstrip()
            found += parts
        return found

    def _painted(self, line: Text) -> str:
        if not self.colour:
            return line.plain.rstrip(" ")
        if not line.plain.strip(" "):
            return ""
        console = self.console
        told = []
        # Rich leaves out the style of a text that has no spans.
        for text, style, _ in (line if line.spans else self.joined(line)).render(console):
            look = console.get_style(style) if isinstance(style, str) else style
            told.append(look.render(text, color_system=console._color_system) if look else text)
        painted = "".join(told)
        # Rich numbers links at random; the same entry must always look the same.
        return LINK_ID.sub("\x1b]8;;", painted) if self.links else painted
