"""Entries and deltas become finished blocks of text for an append-only terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from codex_py.core.entries import (
    Assistant,
    Compacted,
    Decision,
    Delta,
    Entry,
    Reasoning,
    Resumed,
    Sampled,
    ToolCall,
    ToolResult,
    TurnEnded,
    User,
)
from codex_py.ui.render.live import Live
from codex_py.ui.render.paper import Paper
from codex_py.ui.render.stream import Block, Cutter
from codex_py.ui.render.theme import THEMES

if TYPE_CHECKING:
    from rich.text import Text

    from codex_py.ui.render.markdown import Markdown
    from codex_py.ui.render.question import Read

__all__ = ["LIVE", "THEMES", "Renderer"]

LIVE = 8
"""Lines of the live area, unless told otherwise."""


class Renderer:
    """Turns what happens into text to print, in the order in which it is handed over.

    Contract: every text returned is whole lines, each ended by a newline and no wider than the
    width; the only control sequences in it are our own colours (none without `colour`) and,
    with `links`, OSC 8 addresses of http and https. None means there is nothing to print.
    Without `unicode` all of it is ASCII. `theme` is one of THEMES; UsageError otherwise.
    """

    def __init__(
        self,
        width: int,
        colour: bool,
        unicode: bool,
        theme: str = "ansi",
        *,
        links: bool = False,
    ) -> None:
        self._paper = Paper(width, colour=colour, unicode=unicode, theme=theme, links=links)
        self._drawer: Markdown | None = None
        self._live = Live()
        self._decisions: dict[str, Decision] = {}
        self._asked: set[str] = set()
        """Calls whose change was drawn in a question: it is not drawn again."""
        self._cutter = Cutter()
        self._streamed: list[str] = []
        """Text of deltas that no Assistant entry has claimed yet."""
        self._thoughts: list[str] = []
        """Reasoning of deltas that was not printed yet."""
        self._thought = ""
        """Reasoning that was printed before its entry came."""
        self._printed = False
        """Something of the streamed text was printed."""
        self._last = ""
        """What kind of thing was printed last: decides on blank lines."""

    def warm(self) -> None:
        """Load what drawing needs, ahead of time; may run in another thread."""
        from codex_py.ui.render.markdown import Markdown  # late: what this is about

        self._drawer = Markdown()
        for block in (Block("text", ("warm *up*",)), Block("code", ("x",), language="python")):
            for lines in self._drawer.draw(block, self._paper):
                self._paper.ansi(lines)

    def resize(self, width: int) -> None:
        """From now on lines are at most this wide; what was printed stays as it is."""
        self._paper = self._paper.resized(width)

    def pieces(self, event: Entry | Delta) -> Iterator[str]:
        """What to print of an event, in pieces of which each takes a moment to draw.

        They must be taken to the end before the next event is handed over.
        """
        if isinstance(event, Entry):
            yield from self._entry(event)
        elif event.of == "retry":
            yield self._retried(event.text)
        elif event.of in ("quiet", "summary"):
            return  # the line that spins says it
        elif event.of == "text":
            yield self._think()
            self._streamed.append(event.text)
            yield from self._blocks(self._cutter.feed(event.text))
        else:
            if event.of == "reasoning":
                self._thoughts.append(event.text)
            self._live.take(event)

    def delta(self, delta: Delta) -> str | None:
        """Take a fragment; returns the blocks that it completes."""
        return "".join(self.pieces(delta)) or None

    def live(self, most: int = LIVE) -> str:
        """What is not finished, at most so many lines; empty when all is printed."""
        return self._paper.ansi(self._live.lines(self._cutter.tail(), most, self._paper))

    def flush(self) -> str | None:
        """The rest of the streamed text, complete or not: a message ended or was cut off."""
        told = "".join(self._blocks(self._cutter.flush()))
        self._cutter = Cutter()
        return told or None

    def cut_off(self) -> str:
        """The calls that have no result and will get none, for their turn is over."""
        told = self._spaced("tool", self._paper.ansi(self._live.cut_off(self._paper)))
        self._live = Live()
        return told

    def entry(self, entry: Entry) -> str | None:
        """What to print of an entry; None also when its deltas have shown it already."""
        return "".join(self.pieces(entry)) or None

    def _entry(self, entry: Entry) -> Iterator[str]:
        match entry:
            case Assistant():
                yield from self._message(entry)
            case Reasoning():
                yield self._reasoning(entry)
            case ToolCall():
                yield self.flush() or ""
                self._live.calls[entry.call_id] = entry
            case ToolResult():
                yield self.flush() or ""
                yield self._result(entry)
            case _:
                yield self._other(entry)

    def expand(self, entry: Entry, whole: str = "") -> str:
        """All of an entry. `whole` is the text of the file that a result's `full` names."""
        from codex_py.ui.render.expand import expanded  # late: only when asked for

        return self._paper.ansi(expanded(entry, whole, self._paper))

    def question(self, call: ToolCall, decision: Decision, read: Read | None = None) -> str:
        """What saying yes to a call would do, and why it is asked; the choices are not drawn.

        `read` gives the bytes of a file by the path as the call spells it, None if there is
        none; without it an edit is shown as its arguments.
        """
        from codex_py.ui.render.question import question  # late: not every turn asks

        if read is not None:
            self._asked.add(call.call_id)
        return self._paper.ansi(question(call, decision, self._paper, read))

    def _message(self, entry: Assistant) -> Iterator[str]:
        streamed = "".join(self._streamed)
        text = entry.text.strip()
        if streamed.strip() and streamed.strip().startswith(text):
            at = streamed.index(text) + len(text)
            self._streamed = [streamed[at:]] if streamed[at:].strip() else []
            yield "" if self._streamed else self.flush() or ""
        else:
            # What was kept is not what was streamed: the log is the truth.
            yield self.flush() or ""
            if self._printed and streamed.strip():
                yield self._said("the message as it was kept:", "warn")
            self._streamed = []
            cutter = Cutter()
            yield self._think()
            yield from self._blocks(cutter.feed(text))
            yield from self._blocks(cutter.flush())
        if not self._streamed:
            self._printed = False
        if entry.partial:
            yield self._said("[cut off]", "warn")

    def _reasoning(self, entry: Reasoning) -> str:
        if self._thought and _dense(entry.summary) in _dense(self._thought):
            return ""
        self._thoughts = []
        return self._thinking(entry.summary)

    def _think(self) -> str:
        """Reasoning so far, printed once the answer begins: it came before."""
        if not self._thoughts:
            return ""
        text, self._thoughts = "".join(self._thoughts), []
        self._thought += text
        self._live.sampled()
        return self._thinking(text)

    def _thinking(self, summary: str) -> str:
        from codex_py.ui.render.told import thought  # late: loads with the first entry

        if not summary.strip():
            return ""
        return self._spaced("thought", self._paper.ansi(thought(summary, self._paper)))

    def _result(self, entry: ToolResult) -> str:
        from codex_py.ui.render.calls import result  # late: loads with the first entry

        call = self._live.ended(entry.call_id)
        decision = self._decisions.pop(entry.call_id, None)
        brief = entry.call_id in self._asked
        self._asked.discard(entry.call_id)
        told = result(entry, call, decision, self._paper, brief=brief)
        return self._spaced("tool", self._paper.ansi(told))

    def _other(self, entry: Entry) -> str:
        from codex_py.ui.render.told import told  # late: loads with the first entry

        before = ""
        if isinstance(entry, (Sampled, TurnEnded, User, Compacted)):
            before = self.flush() or ""
            self._streamed, self._thoughts, self._thought = [], [], ""
            self._printed = False
            self._live.sampled()
        if isinstance(entry, (TurnEnded, Resumed)):
            before += self.cut_off()
        if isinstance(entry, Decision):
            self._decisions[entry.call_id] = entry
            self._live.decided(entry.call_id, allowed=entry.verdict == "allow")
        return before + self._spaced(entry.kind, self._paper.ansi(told(entry, self._paper)))

    def _retried(self, why: str) -> str:
        void = "; what is above of this answer is void" if self._printed else ""
        self._cutter = Cutter()
        self._streamed, self._thoughts, self._thought = [], [], ""
        self._printed = False
        self._live.sampled()
        return self._said(f"{self._paper.sign('retry')} {why}{void}", "warn")

    def _blocks(self, blocks: Iterable[Block]) -> Iterator[str]:
        for block in blocks:
            if self._drawer is None:
                from codex_py.ui.render.markdown import Markdown  # late: not every answer has any

                self._drawer = Markdown()
            for lines in self._drawer.draw(block, self._paper):
                yield self._shown(lines)

    def _shown(self, lines: list[Text]) -> str:
        told = self._paper.ansi(lines)
        if told:
            going_on, self._printed = self._printed and self._last == "assistant", True
            return told if going_on else self._spaced("assistant", told.lstrip("\n"))
        return ""

    def _said(self, text: str, style: str) -> str:
        return self._spaced("note", self._paper.ansi(self._paper.wrap(
            self._paper.text(text, style))))  # fmt: skip

    def _spaced(self, kind: str, told: str) -> str:
        """A blank line between things of different kinds; tool lines stay together."""
        if not told:
            return ""
        group = {"tool_call": "tool", "decision": "tool", "tool_result": "tool"}.get(kind, kind)
        gap = "\n" if self._last and (group != self._last or group in ("user", "assistant")) else ""
        self._last = group
        return gap + told


def _dense(text: str) -> str:
    return "".join(text.split())
