"""A question with a few answers: what the live area shows, and what was chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import field
from typing import Literal, Protocol

from codex_py.dataclass import dataclass
from codex_py.ui.text import one_line, wrapped

ROWS = 9
"""Answers shown at once; a longer list moves."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: what it stands for, its words, and the letter that picks it."""

    value: str
    label: str
    key: str = ""
    note: str = ""


class Asked(Protocol):
    """What is asked in the live area, and what the keys do to it."""

    escape: str
    answered: asyncio.Future[str]

    def pick(self, value: str) -> None: ...

    def fragments(self, width: int, unicode: bool) -> list[tuple[str, str]]: ...

    def move(self, by: int) -> None: ...

    def go(self, where: Literal["home", "end", "pageup", "pagedown"]) -> None: ...

    def key(self, text: str) -> bool: ...

    def paste(self, text: str) -> bool: ...

    def rub(self) -> None: ...

    @property
    def taken(self) -> str | None:
        """What Enter answers; None when there is nothing to take."""


@dataclass(slots=True)
class Question:
    """A question being asked. `escape` is the value that Esc gives. Made inside the loop."""

    title: str
    answers: Sequence[Answer]
    escape: str = ""
    index: int = 0
    answered: asyncio.Future[str] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def move(self, by: int) -> None:
        """The mark goes up or down, and round."""
        self.index = (self.index + by) % len(self.answers)

    def go(self, where: Literal["home", "end", "pageup", "pagedown"]) -> None:
        """The mark goes a page, to the first or to the last, and not round."""
        by = {"home": -self.index, "end": len(self.answers), "pageup": -ROWS, "pagedown": ROWS}
        self.index = max(0, min(self.index + by[where], len(self.answers) - 1))

    def paste(self, text: str) -> bool:
        """What is pasted is no answer; returns whether it was taken."""
        del text
        return False

    def rub(self) -> None:
        """Nothing is typed here."""

    @property
    def taken(self) -> str | None:
        """The value under the mark."""
        return self.answers[self.index].value

    def pick(self, value: str) -> None:
        """Answer it."""
        if not self.answered.done():
            self.answered.set_result(value)

    def key(self, text: str) -> bool:
        """A digit or a letter was typed: answer when it picks one. Returns whether it did."""
        if text.isdigit() and 0 < int(text) <= min(len(self.answers), 9):
            self.pick(self.answers[int(text) - 1].value)
            return True
        for each in self.answers:
            if each.key and each.key == text.lower():
                self.pick(each.value)
                return True
        return False

    def fragments(self, width: int, unicode: bool) -> list[tuple[str, str]]:
        """The lines for the live area, as styled text."""
        mark = "›" if unicode else ">"
        found = [("class:question", f"{one_line(self.title, width - 1)}\n")]
        first = max(0, min(self.index - ROWS // 2, len(self.answers) - ROWS))
        for place in range(first, min(first + ROWS, len(self.answers))):
            each = self.answers[place]
            chosen = place == self.index
            head = f"{mark if chosen else ' '} {place + 1}. "
            tail = f" ({each.key})" if each.key else ""
            room = width - len(head) - len(tail) - 1
            # What would be allowed is never left out: a long answer goes on in the next line.
            lines = wrapped(one_line(each.label, 1_000), max(12, room)).split("\n")
            label = f"\n{' ' * len(head)}".join(line.strip() for line in lines)
            found.append(("class:chosen" if chosen else "", f"{head}{label}{tail}"))
            left = room - len(lines[-1]) - 3
            if each.note and left > 12:
                found.append(("class:dim", f" · {one_line(each.note, left)}"))
            found.append(("", "\n"))
        arrows = "↑↓" if unicode else "arrows"
        more = f"; {len(self.answers)} in all" if len(self.answers) > ROWS else ""
        words = f"number, letter or {arrows} Enter; Esc{more}"
        found.append(("class:dim", one_line(words, width - 1)))
        return found
