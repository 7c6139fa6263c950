"""Plain lines for what happens: for screen readers and terminals that can do no more."""

from __future__ import annotations

from collections.abc import Callable

from codex_py.core.entries import (
    Assistant,
    Decision,
    Delta,
    Entry,
    ToolCall,
    ToolResult,
    TurnEnded,
    User,
    words,
)
from codex_py.ui.progress import Progress
from codex_py.ui.render.opened import opens
from codex_py.ui.text import visible


class Bare:
    """Turns entries into plain lines; nothing is shown before it is finished."""

    def __init__(self, *, colour: bool = False) -> None:
        self._lines: list[str] = []
        self._progress = Progress(self._lines.append, colour=colour)

    def entry(self, entry: Entry) -> str | None:
        """What to print for an entry; None for nothing."""
        if isinstance(entry, User):
            return f"> {visible(words(entry.parts))}\n{self._told(entry) or ''}"
        if isinstance(entry, Assistant):
            cut = " [cut off]" if entry.partial else ""
            return f"{visible(entry.text.strip())}{cut}\n" if entry.text.strip() else None
        if isinstance(entry, TurnEnded) and entry.reason != "done":
            return f"{entry.reason}{': ' if entry.error else ''}{visible(entry.error)}\n"
        return self._told(entry)

    def delta(self, delta: Delta) -> str | None:
        """What to print for a fragment: only that a request is tried again, or waits for long."""
        return self._told(delta) if delta.of in ("retry", "quiet") else None

    def live(self, most: int = 8) -> str:
        """Nothing: plain terminals are not redrawn."""
        del most
        return ""

    def resize(self, width: int) -> None:
        """Lines are as long as they are."""

    def warm(self) -> None:
        """Nothing to load."""

    def question(
        self, call: ToolCall, decision: Decision, read: Callable[[str], bytes | None] | None = None
    ) -> str:
        """What an allowed call would do."""
        del read
        from codex_py.ui.render.question import dangers  # late: not every turn asks

        effects = decision.effects
        risks = [f"note: {each}" for each in dangers(decision, call)]
        if "command" in effects:
            where = visible(str(effects.get("cwd", ".")))
            told = [f"{call.name}: {visible(str(effects['command']))}", f"in {where}"]
            told += [f"opens: {visible(each)}" for each in opens(effects)]
            return "\n".join([*told, *risks, ""])
        return "\n".join([f"{call.name}: {visible(call.arguments)}", *risks, ""])

    def expand(self, entry: Entry, whole: str = "") -> str:
        """A result in full."""
        text = whole or (words(entry.parts) if isinstance(entry, ToolResult) else "")
        return f"{visible(text)}\n" if text else ""

    def _told(self, event: Entry | Delta) -> str | None:
        self._progress(event)
        text = "".join(self._lines)
        self._lines.clear()
        return text or None
