"""The status line: model, mode with what confines commands, folder and branch, context, cost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codex_py.dataclass import dataclass
from codex_py.ui.text import count, one_line

if TYPE_CHECKING:
    from codex_py.core.entries import Entry, Usage


@dataclass(frozen=True, slots=True)
class Facts:
    """What the status line tells. `window` is the model's context in tokens, 0 when unknown."""

    model: str
    mode: str
    confinement: str | None
    """What confines commands, empty for nothing; None while it is not known."""
    cwd: str
    branch: str = ""
    used: int = 0
    window: int = 0
    usage: Usage | None = None
    money: str = ""
    budget: str = ""
    """How much of the tightest budget is used, in words; empty when none is set."""
    queued: int = 0
    background: int = 0
    hint: str = ""


def line(facts: Facts, width: int, dot: str) -> list[tuple[str, str]]:
    """The facts as styled text of at most `width` columns; the least needed are left out first."""
    if facts.hint:
        return [("class:warn", one_line(facts.hint, width))]
    parts = _parts(facts)
    while len(parts) > 1 and sum(len(text) + 3 for _, _, text in parts) > width:
        parts.remove(max(parts, key=lambda part: part[0]))
    found: list[tuple[str, str]] = []
    for _, style, text in parts:
        found += [("class:dim", f" {dot} ")] if found else []
        found.append((style, one_line(text, width)))
    return found


def _parts(facts: Facts) -> list[tuple[int, str, str]]:
    """Rank (high goes first when room is short), style and text of each fact."""
    badge, style = mode_badge(facts.mode, facts.confinement)
    parts = [(2, "", facts.model), (0, style, badge)]
    where = short(facts.cwd) + (f" ({facts.branch})" if facts.branch else "")
    parts.append((5, "class:dim", where))
    if facts.used and facts.window:
        share = min(100, round(100 * facts.used / facts.window))
        parts.append((3, "class:warn" if share >= 80 else "class:dim", f"context {share}%"))
    elif facts.used:
        parts.append((3, "class:dim", f"context {count(facts.used)}"))
    if facts.usage is not None and (facts.usage.input or facts.usage.output):
        spent = f"{count(facts.usage.input)} in, {count(facts.usage.output)} out"
        parts.append((6, "class:dim", spent))
    if facts.money:
        parts.append((4, "class:dim", facts.money))
    if facts.budget:
        used = int(facts.budget.partition("%")[0])
        parts.append((2, "class:warn" if used >= 75 else "class:dim", facts.budget))
    if facts.queued:
        parts.append((1, "class:warn", f"{facts.queued} queued"))
    if facts.background:
        parts.append((1, "class:warn", f"{facts.background} in background"))
    return parts


def mode_badge(mode: str, confinement: str | None) -> tuple[str, str]:
    """The mode with what it means for commands, and its style."""
    if mode == "full-auto" and confinement is None:
        return mode, "class:dim"
    if mode == "full-auto":
        if confinement:
            return f"full-auto [confined: {confinement}]", "class:free"
        return "full-auto [cannot confine: asks]", "class:warn"
    return f"{mode} [commands ask]", "class:ask"


def short(path: str) -> str:
    """A folder for people: `~` for home, the middle left out when long."""
    home = os.path.expanduser("~")
    if path == home or path.startswith(home + "/"):
        path = "~" + path[len(home) :]
    return path if len(path) <= 32 else f"…{path[-31:]}"


def branch(cwd: str) -> str:
    """The branch of the repository a folder lies in, read from its files; empty without one."""
    folder = os.path.realpath(cwd)
    while not os.path.exists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
    place = os.path.join(folder, ".git")
    try:
        if os.path.isfile(place):
            with open(place, encoding="utf-8") as file:
                told = file.read(4_096).removeprefix("gitdir:").strip()
            place = os.path.join(folder, told)
        with open(os.path.join(place, "HEAD"), encoding="utf-8") as file:
            head = file.read(4_096).strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else head[:8]


def context_used(entries: Sequence[Entry]) -> int:
    """Tokens of the newest request and its answer: what the context holds now."""
    from codex_py.core.entries import Compacted, Sampled  # late: loaded with the agent

    for entry in reversed(entries):
        if isinstance(entry, Compacted):
            return entry.after
        if isinstance(entry, Sampled) and entry.usage.input and not entry.purpose:
            return entry.usage.input + entry.usage.output
    return 0
