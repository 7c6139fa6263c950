"""Telling the person at the terminal: a bell or a notification, and the window's title."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from codex_py.ui.text import one_line

OSC9 = ("iTerm.app", "WezTerm", "ghostty", "kitty", "WarpTerminal")


class Attention:
    """Asks for the person when the window has no focus, and keeps the window's title.

    A terminal that does not report its focus counts as looked at: it gets no bell.
    """

    def __init__(
        self, write: Callable[[str], None], environ: Mapping[str, str], *, wanted: bool = True
    ) -> None:
        self._write = write
        self._wanted = wanted
        self._osc9 = environ.get("TERM_PROGRAM", "") in OSC9
        self._title = ""
        self.focused = True

    def call(self, text: str) -> None:
        """The person is needed: a notification or a bell, unless they are looking."""
        if self.focused or not self._wanted:
            return
        self._write(f"\x1b]9;{one_line(text, 80)}\x07" if self._osc9 else "\a")

    def title(self, text: str) -> None:
        """What the window's title says; written only when it changes."""
        if text != self._title:
            self._title = text
            self._write(f"\x1b]2;{one_line(text, 80)}\x07")

    def begin(self) -> None:
        """Ask the terminal to report its focus, and to remember its title."""
        self._write("\x1b[?1004h\x1b[22;2t")

    def end(self) -> None:
        """Leave the terminal as it was."""
        self._write("\x1b[?1004l\x1b[23;2t")
