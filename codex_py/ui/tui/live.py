"""What the running turn is doing, told by events; and the one line that says it."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING

from codex_py.dataclass import dataclass
from codex_py.ui.text import count, duration, one_line
from codex_py.ui.tui.look import Look

if TYPE_CHECKING:
    from codex_py.core.entries import Delta, Entry

SPIN = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
STALL = 15.0
"""Seconds of silence after which the silence itself is shown."""


@dataclass(slots=True)
class Live:
    """A listener that knows what the running turn is doing."""

    look: Look
    began: float = 0.0
    """When the turn began; 0 while none runs."""
    stopping: bool = False
    _verb: str = "Thinking"
    _retry: bool = False
    _heard: float = 0.0
    _written: int = 0
    _calls: set[str] = field(default_factory=set)

    @property
    def running(self) -> bool:
        """Whether a turn runs."""
        return self.began > 0

    @property
    def elapsed(self) -> float:
        """Seconds of the running turn; 0 while none runs."""
        return time.monotonic() - self.began if self.began else 0.0

    def begin(self) -> None:
        """A turn begins."""
        self.began = self._heard = time.monotonic()
        self.stopping, self._verb, self._retry, self._written = False, "Thinking", False, 0
        self._calls.clear()

    def end(self) -> None:
        """The turn is over."""
        self.began = 0.0

    def __call__(self, event: Entry | Delta) -> None:
        """Take one event."""
        from codex_py.core.entries import (  # late: loaded with the agent
            Decision,
            Delta,
            Sampled,
            ToolResult,
            TurnEnded,
        )

        if not (isinstance(event, Delta) and event.of == "quiet"):
            self._heard = time.monotonic()
        match event:
            case Delta():
                self._delta(event)
            case Decision() if event.verdict == "allow":
                self._calls.add(event.call_id)
            case ToolResult():
                self._calls.discard(event.call_id)
                self._verb = "Thinking"
            case Sampled():
                self._written += event.usage.output
                self._retry, self._verb = False, "Thinking"
            case TurnEnded():
                self.end()

    def _delta(self, delta: Delta) -> None:
        self._retry = False
        if delta.of == "retry":
            self._retry = True
        elif delta.of == "text":
            self._verb = "Writing"
        elif delta.of == "reasoning":
            self._verb = "Thinking"
        elif delta.of == "summary":
            self._verb = "Summing up"
        elif delta.of == "arguments":
            self._verb = f"Preparing {delta.name}" if delta.name else self._verb

    def fragments(self, width: int) -> list[tuple[str, str]]:
        """The spinner line, as styled text."""
        if not self.running:
            return []
        return [("class:spin", one_line(self._line(time.monotonic()), width - 1))]

    def _line(self, now: float) -> str:
        spin = "*"
        if self.look.unicode:
            spin = SPIN[int(now * 10) % len(SPIN)] if self.look.motion else "•"
        verb = "Waiting to try again" if self._retry else self._verb
        verb = "Stopping" if self.stopping else "Running" if self._calls else verb
        tokens = f" · {count(self._written)} tokens out" if self._written else ""
        silent = now - self._heard
        quiet = silent > STALL and not self._calls
        stalled = f" · nothing heard for {duration(silent)}" if quiet else ""
        line = f"{spin} {verb} {duration(now - self.began)}{stalled}{tokens} · esc to interrupt"
        return line if self.look.unicode else line.replace(" · ", " - ")
