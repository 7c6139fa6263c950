"""Pure: a log taken apart again into what the user said and what the model answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from codex_py.core.entries import (
    Assistant,
    Changed,
    Cited,
    Compacted,
    Entry,
    Hosted,
    Part,
    Reasoning,
    Resumed,
    Sampled,
    Started,
    ToolCall,
    ToolResult,
    TurnEnded,
    Undoing,
    User,
)
from codex_py.dataclass import dataclass

SAID = (Reasoning, Assistant, Hosted, Cited, ToolCall)


@dataclass(slots=True)
class Turn:
    """One turn of a recording."""

    prompt: tuple[Part, ...]
    mode: str = ""
    """The mode that was chosen since the turn before; empty for the same."""
    cwd: str = ""
    """Where it ran."""
    undone: list[Undoing] = field(default_factory=list)
    """What the user had undone and redone since the turn before."""
    typed: list[tuple[int, tuple[Part, ...]]] = field(default_factory=list)
    """What came in while it ran, and after how many of its responses."""
    responses: list[tuple[Entry, ...]] = field(default_factory=list)
    """The model's answers, each closed by its Sampled."""
    ended: TurnEnded | None = None
    """How it ended; None when it was cut off."""


@dataclass(slots=True)
class Recording:
    """All turns, and the summaries that the model wrote between them."""

    turns: list[Turn] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)


def cut_off(entries: Iterable[Entry]) -> frozenset[str]:
    """The ids of the calls that never got a result: the turn was interrupted, or killed."""
    called, done = set[str](), set[str]()
    for entry in entries:
        if isinstance(entry, ToolCall):
            called.add(entry.call_id)
        elif isinstance(entry, ToolResult):
            done.add(entry.call_id)
    return frozenset(called - done)


def recording(entries: Iterable[Entry]) -> Recording:
    """A log's recording. What is of no use in it is passed over."""
    found, turn, over = Recording(), None, True
    said: list[Entry] = []
    undone: list[Undoing] = []
    mode = played = cwd = ""
    for entry in entries:
        if isinstance(entry, Compacted):
            found.summaries.append(entry.summary)
        elif isinstance(entry, Changed) and entry.setting == "mode":
            mode = entry.value
        elif isinstance(entry, (Started, Resumed)):
            mode, cwd, over = entry.mode, entry.cwd, True
            played = played or mode
        elif isinstance(entry, Undoing):
            undone.append(entry)
        elif isinstance(entry, User):
            if turn is None or over:
                turn = Turn(entry.parts, mode if mode != played else "", cwd, undone)
                played, undone, over = mode, [], False
                found.turns.append(turn)
            else:
                turn.typed.append((len(turn.responses), entry.parts))
            said = []
        elif isinstance(entry, SAID):
            if not (isinstance(entry, Assistant) and entry.partial):
                said.append(entry)
        elif isinstance(entry, Sampled):
            if turn is not None and not entry.purpose:
                turn.responses.append((*said, entry))
            said = []
        elif isinstance(entry, TurnEnded) and turn is not None:
            turn.ended, over = entry, True
    return found
