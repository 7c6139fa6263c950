"""Pure: a list of sessions that grows while it is looked at, narrowed by what is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from codex_py.core.shelf import Card
from codex_py.dataclass import dataclass
from codex_py.ui.cards import age, cost, short, title
from codex_py.ui.render.cells import cells
from codex_py.ui.text import one_line

ROWS = 12
"""Sessions seen at once, where the screen has room."""
NARROW, BARE = 80, 44
"""Columns below which a cost is only its money, and below which only age and words are shown."""


@dataclass(frozen=True, slots=True)
class Row:
    """A session as a line: what stands in it, and what a filter looks at."""

    path: str
    age: str
    folder: str
    branch: str
    cost: str
    title: str
    sought: str


def row(card: Card, now: float) -> Row:
    """The line of a session; nothing in it is obeyed by a terminal."""
    folder, branch = one_line(short(card.cwd), 400), one_line(card.branch, 200)
    words = one_line(title(card), 400)
    sought = f"{card.id}\n{folder}\n{branch}\n{words}\n{one_line(card.words, 400)}".lower()
    return Row(card.path, age(card.changed, now), folder, branch, cost(card), words, sought)


class Sifter:
    """The rows read so far, what is typed, and where the mark stands.

    `wants` says that more rows should be read: the mark is near the end of what fits. Rows are
    only ever added at the end, so that the mark stays on its session. `height` is asked for the
    rows there is room for.
    """

    def __init__(self, heading: str, height: Callable[[], int] = lambda: ROWS) -> None:
        self.heading, self.typed, self.mark = heading, "", 0
        self.filtering = self.done = False
        self.moved: Callable[[], None] = lambda: None
        """Told after each key: perhaps more is wanted."""
        self._height = height
        self._rows: list[Row] = []
        self._left: list[Row] = []
        self._wide = {"age": 0, "folder": 0, "branch": 0, "cost": 0}

    @property
    def rows(self) -> int:
        """Rows seen at once."""
        return max(1, min(ROWS, self._height()))

    @property
    def wants(self) -> bool:
        """Whether what was read does not reach a page beyond the one that is seen."""
        return not self.done and len(self._left) <= self.mark + 2 * self.rows

    @property
    def taken(self) -> str | None:
        """The log under the mark; None when nothing fits."""
        return self._left[self.mark].path if self.mark < len(self._left) else None

    def add(self, rows: Sequence[Row], *, done: bool) -> None:
        """More rows were read; `done` when they were the last."""
        self.done = done
        self._rows += rows
        self._left += [each for each in rows if self._fits(each)]
        for name in self._wide:
            widest = max((cells(getattr(each, name)) for each in rows), default=0)
            self._wide[name] = max(self._wide[name], widest)

    def move(self, by: int) -> None:
        """The mark goes up or down, and stays in the list."""
        self.mark = max(0, min(self.mark + by, len(self._left) - 1))
        self.moved()

    def go(self, where: Literal["home", "end", "pageup", "pagedown"]) -> None:
        """The mark goes a page, to the first, or to the last that was read."""
        far = len(self._rows)
        by = {"home": -far, "end": far, "pageup": -self.rows, "pagedown": self.rows}
        self.move(by[where])

    def key(self, text: str) -> bool:
        """A key: j and k move until a filter was begun, by `/` or by any other character."""
        if not text.isprintable():
            return False
        if not self.filtering and text in ("j", "k"):
            self.move(1 if text == "j" else -1)
            return True
        self._sift("" if text == "/" and not self.filtering else self.typed + text)
        self.filtering = True
        return True

    def paste(self, text: str) -> bool:
        """What was pasted is typed at once."""
        self.filtering = True
        return self.key(" ".join(text.split())[:200])

    def rub(self) -> None:
        """Backspace: a character less; without any the filter ends."""
        self.filtering = bool(self.typed)
        self._sift(self.typed[:-1])

    def _sift(self, typed: str) -> None:
        self.typed, self.mark = typed, 0
        self._left = [each for each in self._rows if self._fits(each)]
        self.moved()

    def _fits(self, row: Row) -> bool:
        return all(word in row.sought for word in self.typed.lower().split())

    def fragments(self, width: int, unicode: bool) -> list[tuple[str, str]]:
        """The list as styled text; no line is wider than the screen."""
        asked = f"{self.heading} /{self.typed}" if self.filtering else self.heading
        found = [("class:question", f"{one_line(asked, width - 1)}\n")]
        sign, rows = "›" if unicode else ">", self.rows
        first = max(0, min(self.mark - rows // 2, len(self._left) - rows))
        for at, each in enumerate(self._left[first : first + rows], first):
            chosen = at == self.mark
            text = self._line(each, width - 3)
            style = "class:chosen" if chosen else ""
            found.append((style, f"{sign if chosen else ' '} {text}\n"))
        more = "" if self.done else "+"
        arrows = "↑↓" if unicode else "arrows"
        told = f"{len(self._left)} of {len(self._rows)}{more}"
        told += ", reading on" if self.wants else ""
        words = f"{told}; {arrows} j k, type to filter, Enter, Esc"
        return [*found, ("class:dim", one_line(words, width - 1))]

    def _line(self, each: Row, room: int) -> str:
        """Columns as wide as their widest cell, within their share of the screen; words last."""
        table = [(each.age, self._wide["age"])]
        if room >= BARE:
            folder = min(self._wide["folder"], max(10, room // 5))
            branch = min(self._wide["branch"], max(8, room // 6))
            narrow = room < NARROW
            price = each.cost.partition(" ")[2] or each.cost if narrow else each.cost
            costly = min(self._wide["cost"], 8 if narrow else 16)
            table += [(_end(each.folder, folder), folder), (each.branch, branch), (price, costly)]
        columns = [_filled(text, wide) for text, wide in table if wide]
        used = sum(cells(text) + 2 for text in columns)
        return "".join(f"{text}  " for text in columns) + one_line(each.title, max(1, room - used))


def _filled(text: str, width: int) -> str:
    """The text in a column of so many cells."""
    cut = one_line(text, width)
    return cut + " " * (width - cells(cut))


def _end(path: str, width: int) -> str:
    """A path, or when it is too wide its last name, which tells most."""
    return path if cells(path) <= width else path.rstrip("/").rpartition("/")[2]
