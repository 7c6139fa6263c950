"""What is not finished: the tail of streamed text, of thinking, of running commands."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from codex_py.core.entries import Delta, ToolCall
from codex_py.ui.render.calls import doing, unfinished
from codex_py.ui.render.paper import Paper
from codex_py.ui.text import count

if TYPE_CHECKING:
    from rich.text import Text

KEPT = 4_000
"""Characters of a running command's output that are kept."""
OUTPUT = 3
"""Lines of each running command's output that are shown."""


class Tail:
    """The end of a text that grows: flat memory, however much comes."""

    def __init__(self) -> None:
        self._pieces: deque[str] = deque()
        self._size = 0

    def add(self, text: str) -> None:
        """Take the next piece."""
        self._pieces.append(text[-KEPT:])
        self._size += len(self._pieces[-1])
        while self._size - len(self._pieces[0]) >= KEPT:
            self._size -= len(self._pieces.popleft())

    def lines(self, most: int) -> list[str]:
        """The last lines, as a terminal would leave progress bars."""
        text = "".join(self._pieces)[-KEPT:].replace("\r\n", "\n").rstrip("\n\r")
        if not text:
            return []
        return [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")[-most:]]


class Live:
    """Calls that run and what they say; what the model thinks and writes."""

    def __init__(self) -> None:
        self.calls: dict[str, ToolCall] = {}
        self._output: dict[str, Tail] = {}
        self._writing: dict[str, tuple[str, int]] = {}
        self._thinking = Tail()
        self._allowed: dict[str, float] = {}
        """Calls that run, each with when it began."""

    def take(self, delta: Delta) -> None:
        """One fragment of thinking, arguments or output."""
        match delta.of:
            case "reasoning":
                self._thinking.add(delta.text)
            case "arguments":
                name, size = self._writing.get(delta.call_id, ("", 0))
                self._writing[delta.call_id] = (delta.name or name, size + len(delta.text))
            case "output":
                self._output.setdefault(delta.call_id, Tail()).add(delta.text)

    def decided(self, call_id: str, *, allowed: bool) -> None:
        """From now on the call runs, when it is allowed."""
        if allowed:
            self._allowed[call_id] = time.monotonic()

    def sampled(self) -> None:
        """The model's response is over or void."""
        self._writing.clear()
        self._thinking = Tail()

    def ended(self, call_id: str) -> ToolCall | None:
        """The call has its result."""
        self._output.pop(call_id, None)
        self._allowed.pop(call_id, None)
        return self.calls.pop(call_id, None)

    def cut_off(self, paper: Paper) -> list[Text]:
        """The calls that still ran when the turn ended, each as a line."""
        return [
            line
            for call in self.calls.values()
            if call.call_id in self._allowed
            for line in unfinished(call, paper)
        ]

    def lines(self, text: list[str], most: int, paper: Paper) -> list[Text]:
        """At most so many lines, the newest ones."""
        if most <= 0:
            return []
        told: list[Text] = []
        if any(text):
            told += _text(text, most, paper)
        elif thinking := self._thinking.lines(1):
            mark = f"{paper.sign('thought')} {thinking[0][-4 * paper.width :]}"
            told.append(paper.crop(paper.row(mark, "dim")))
        for name, size in self._writing.values():
            words = f"{paper.sign('now')} writing {name}, {count(size)} characters"
            told.append(paper.crop(paper.row(words, "dim")))
        for call in self.calls.values():
            if call.call_id not in self._allowed:
                continue
            told.append(doing(call, paper, time.monotonic() - self._allowed[call.call_id]))
            tail = self._output.get(call.call_id)
            for line in tail.lines(OUTPUT) if tail else ():
                told.append(paper.crop(paper.text(f"    {line[: 4 * paper.width]}", "dim")))
        return told[-most:]


def _text(lines: list[str], most: int, paper: Paper) -> list[Text]:
    """The last lines of text as they came; only as much is looked at as can be shown."""
    told: list[Text] = []
    for line in reversed(lines[-most:]):
        told[:0] = paper.fold(paper.text(line[-most * paper.width :], prose=True))
        if len(told) >= most:
            break
    return told[-most:]
