"""A list in the terminal to choose from: type to narrow it, Enter takes, Esc leaves."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from codex_py.ui.text import one_line, visible

ROWS = 12
"""Lines of the list that are seen at once."""


def pick(title: str, rows: Sequence[str]) -> int | None:
    """Ask on the terminal; returns the place of the line taken, None for none."""
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        return _numbered(title, rows)
    return _listed(title, rows)


def _numbered(title: str, rows: Sequence[str]) -> int | None:
    """The same where nothing can be redrawn."""
    told = [visible(title), *(f"{at}: {visible(row)}" for at, row in enumerate(rows[:50], 1))]
    sys.stderr.write("\n".join(told) + "\nnumber: ")
    sys.stderr.flush()
    said = sys.stdin.readline().strip()
    return int(said) - 1 if said.isdigit() and 0 < int(said) <= min(len(rows), 50) else None


class Choice:
    """What is typed, what is left of the list, and where the mark stands."""

    def __init__(self, rows: Sequence[str]) -> None:
        self._rows = [visible(row) for row in rows]
        self.typed, self.mark = "", 0

    @property
    def left(self) -> list[int]:
        """Places of the lines in which every word typed occurs."""
        wanted = self.typed.lower().split()
        return [
            place
            for place, row in enumerate(self._rows)
            if all(word in row.lower() for word in wanted)
        ]

    def move(self, by: int) -> None:
        """The mark goes up or down, and stays in the list."""
        self.mark = max(0, min(self.mark + by, len(self.left) - 1))

    def type(self, text: str) -> None:
        """What is typed is longer, or with an empty text shorter by one."""
        self.typed = self.typed + text if text else self.typed[:-1]
        self.mark = 0

    @property
    def taken(self) -> int | None:
        """The place under the mark."""
        left = self.left
        return left[self.mark] if self.mark < len(left) else None

    def lines(self, title: str, width: int) -> list[tuple[str, str]]:
        """The list as styled text."""
        left = self.left
        found = [("bold", one_line(f"{visible(title)} {self.typed}", width - 1) + "\n")]
        first = max(0, min(self.mark - ROWS // 2, len(left) - ROWS))
        for at in range(first, min(first + ROWS, len(left))):
            chosen = at == self.mark
            text = one_line(self._rows[left[at]], width - 3)
            found.append(("reverse" if chosen else "", f"{'>' if chosen else ' '} {text}\n"))
        told = f"{len(left)} of {len(self._rows)}; type to narrow, Enter takes, Esc leaves"
        return [*found, ("", one_line(told, width - 1))]


def _listed(title: str, rows: Sequence[str]) -> int | None:
    from prompt_toolkit.application import Application  # late: only where a person chooses
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.keys import Keys
    from prompt_toolkit.layout import FormattedTextControl, Layout, Window
    from prompt_toolkit.output.defaults import create_output

    choice, keys = Choice(rows), KeyBindings()
    output = create_output(stdout=sys.stderr)

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        if choice.taken is not None:
            event.app.exit(result=choice.taken)

    @keys.add("escape", eager=True)
    @keys.add("c-c")
    @keys.add("c-d")
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result=None)

    for name, by in (("up", -1), ("down", 1), ("pageup", -ROWS), ("pagedown", ROWS)):
        keys.add(name)(lambda _, by=by: choice.move(by))
    keys.add("backspace")(lambda _: choice.type(""))

    @keys.add(Keys.Any)
    def _(event: KeyPressEvent) -> None:
        if event.data.isprintable():
            choice.type(event.data)

    def shown() -> StyleAndTextTuples:
        return [*choice.lines(title, output.get_size().columns)]

    window = Window(FormattedTextControl(shown), wrap_lines=False, dont_extend_height=True)
    app: Application[int | None] = Application(
        Layout(window), key_bindings=keys, output=output, erase_when_done=True
    )
    return app.run()
