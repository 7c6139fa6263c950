"""The list under the composer: commands after `/`, files after `@`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from codex_py.dataclass import dataclass
from codex_py.ui.text import one_line
from codex_py.ui.tui.fuzzy import best

ROWS = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """One row: the text it puts into the composer, what is shown, and a remark."""

    text: str
    label: str
    note: str = ""


@dataclass(slots=True)
class Menu:
    """The rows now, and which is marked; a choice replaces the draft from `start` to the cursor."""

    rows: Sequence[Choice] = ()
    start: int = 0
    index: int = 0
    note: str = ""

    @property
    def open(self) -> bool:
        """Whether there is something to choose."""
        return bool(self.rows)

    def show(self, rows: Sequence[Choice], start: int, note: str = "") -> None:
        """New rows for what stands at `start`; the mark goes to the first when they changed."""
        if list(rows) != list(self.rows):
            self.index = 0
        self.rows, self.start, self.note = rows, start, note

    def close(self) -> None:
        """No rows."""
        self.rows, self.index, self.note = (), 0, ""

    def move(self, by: int) -> None:
        """The mark goes up or down, and round."""
        self.index = (self.index + by) % len(self.rows)

    def fragments(self, width: int) -> list[tuple[str, str]]:
        """The rows as styled text."""
        first = max(0, min(self.index - ROWS // 2, len(self.rows) - ROWS))
        shown = self.rows[first : first + ROWS]
        wide = max(8, min(max((len(each.label) for each in shown), default=0) + 2, width - 4))
        found: list[tuple[str, str]] = []
        for place, each in enumerate(shown, first):
            label = one_line(each.label, wide)
            if each.note:
                label = label.ljust(wide)
            found.append(("class:chosen" if place == self.index else "class:row", f"  {label}"))
            if each.note and width - wide - 4 > 10:
                found.append(("class:dim", one_line(each.note, width - wide - 4)))
            found.append(("", "\n"))
        if self.note:
            found.append(("class:dim", f"  {one_line(self.note, width - 4)}\n"))
        if found:
            found[-1] = (found[-1][0], found[-1][1].removesuffix("\n"))
        return found


def commands(typed: str, about: Mapping[str, str]) -> list[Choice]:
    """Rows for a half-typed command, `/` included; all of them for `/` alone."""
    names = best(typed[1:], about, 30) if typed[1:] else list(about)
    return [Choice(f"/{name} ", f"/{name}", about[name]) for name in names]


def at_word(before: str) -> tuple[int, str] | None:
    """Where the `@` word that ends at the cursor begins, and what follows its `@`."""
    start = before.rfind("@")
    if start < 0 or (start and not (before[start - 1].isspace() or before[start - 1] in "([")):
        return None
    typed = before[start + 1 :]
    return None if any(each.isspace() for each in typed) else (start, typed)


def files(typed: str, search: Callable[[str], Sequence[str]]) -> list[Choice]:
    """Rows for the files that fit; a folder stays open for more, a file ends with a space."""
    found: list[Choice] = []
    for name in search(typed):
        text = f'@"{name}"' if " " in name else f"@{name}"
        found.append(Choice(text if name.endswith("/") else f"{text} ", name))
    return found
