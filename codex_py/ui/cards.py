"""Pure: sessions as lines of a list."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from decimal import Decimal

from codex_py.core.codec import usage_of
from codex_py.core.entries import Usage
from codex_py.core.money import revived, spoken, whole
from codex_py.core.policy import inside
from codex_py.core.shelf import Card
from codex_py.ui.text import count, one_line


def project(cwd: str) -> str:
    """The project a folder lies in: its repository, or else itself."""
    from codex_py.host.git import find_root  # late: only where sessions are looked for

    real = os.path.realpath(cwd)
    return str(find_root(real) or real)


def here(card: Card, project: str) -> bool:
    """Whether a session belongs to a project."""
    return inside(card.cwd, (project,))


def tokens(card: Card) -> Usage:
    """All tokens of a session."""
    return sum((usage_of(each) for each in card.spent.values()), Usage())


def money(card: Card) -> Decimal | None:
    """US dollars of a session as its log has them; None when a part has no known price."""
    return whole(revived(each) for each in card.spent.values()).total


def cost(card: Card) -> str:
    """What a session used: tokens, and money where it is known."""
    used = tokens(card)
    if not (used.input or used.output):
        return ""
    spent = money(card)
    told = "" if spent is None else f" {spoken(spent)}"
    return f"{count(used.input + used.output)}{told}"


def age(at: float, now: float) -> str:
    """How long ago: `now`, `5 min`, `3 h`, `2 d`, else the date."""
    seconds = max(0.0, now - at)
    if seconds < 60:
        return "now"
    for size, unit, most in ((60, "min", 60), (3_600, "h", 48), (86_400, "d", 30)):
        if seconds / size < most:
            return f"{int(seconds // size)} {unit}"
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def short(path: str) -> str:
    """A folder for people."""
    own = os.path.expanduser("~")
    return f"~{path[len(own) :]}" if inside(path, (own,)) else path


def title(card: Card) -> str:
    """What a session is called: its name, else how it begins."""
    return card.name or card.words or "(no message)"


def rows(cards: Sequence[Card], *, folders: bool) -> list[str]:
    """One line for each session: id, age, folder, branch, cost, title; columns aligned."""
    now = time.time()
    table = [
        (
            each.id[:8],
            age(each.changed, now),
            *((one_line(short(each.cwd), 40),) if folders else ()),
            one_line(each.branch, 20),
            cost(each),
            one_line(title(each), 200),
        )
        for each in cards
    ]
    wide = [max((len(row[at]) for row in table), default=0) for at in range(6 if folders else 5)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row[:-1], wide[:-1], strict=True) if width
        )
        + f"  {row[-1]}"
        for row in table
    ]
