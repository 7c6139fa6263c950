"""Pure: the steps of a log that changed files, and which of them stand, as a fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from codex_py.core.entries import (
    Decision,
    Entry,
    Resumed,
    Snapshot,
    Started,
    ToolCall,
    ToolResult,
    Touched,
    TurnEnded,
    Undoing,
    Undone,
    User,
)
from codex_py.dataclass import dataclass

Standing = Literal["done", "undone", "cut off"]


@dataclass(frozen=True, slots=True)
class Step:
    """A call that changed files. `number` and `turn` count from 1."""

    number: int
    turn: int
    call_id: str
    name: str
    what: str
    """The command, or the files."""
    state: Standing
    cwd: str
    tree: str
    changes: str = ""
    total: int = 0
    paths: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()
    last: bool = False
    """No later call may have changed files: what it left can still be told from the tree."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An undo that stands: the calls it took back and the way back from it."""

    calls: tuple[str, ...]
    changes: str
    whole: bool
    """It came to its end."""


@dataclass(frozen=True, slots=True)
class History:
    """What can be undone and redone."""

    steps: tuple[Step, ...]
    taken: tuple[Taken, ...]
    left: tuple[str, ...] = ()
    """Folders that are left out."""
    uncovered: tuple[str, ...] = ()
    """Calls that ran without anything being kept."""


def history(entries: Sequence[Entry]) -> History:
    """The steps of a log, oldest first."""
    fold = _Fold()
    for entry in entries:
        fold.see(entry)
    steps = [step for step in fold.steps.values() if step.total or step.state == "cut off"]
    newest = next(reversed(fold.steps), "")
    numbered = [
        replace(
            step,
            number=place,
            last=step.call_id == newest,
            state="undone" if step.call_id in fold.undone else step.state,
        )
        for place, step in enumerate(steps, 1)
    ]
    return History(tuple(numbered), tuple(fold.taken), fold.left, tuple(fold.uncovered))


class _Fold:
    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.undone: set[str] = set()
        self.taken: list[Taken] = []
        self.left: tuple[str, ...] = ()
        self.uncovered: list[str] = []
        self._doing: Undoing | None = None
        self._turn, self._over = 0, True
        self._cwd = ""
        self._calls: dict[str, ToolCall] = {}
        self._effects: dict[str, Decision] = {}

    def see(self, entry: Entry) -> None:
        match entry:
            case Started() | Resumed():
                self._cwd, self._over = entry.cwd, True
            case User() if self._over:
                self._turn, self._over = self._turn + 1, False
            case TurnEnded():
                self._over = True
            case ToolCall():
                self._calls[entry.call_id] = entry
            case Decision():
                self._effects[entry.call_id] = entry
            case Snapshot() | Touched() | ToolResult():
                self._step(entry)
            case Undoing() | Undone():
                self._undo(entry)

    def _step(self, entry: Snapshot | Touched | ToolResult) -> None:
        call_id = entry.call_id
        step = self.steps.get(call_id)
        if not isinstance(entry, ToolResult):
            self.left = entry.left or self.left
        if isinstance(entry, Snapshot):
            call = self._calls.get(call_id)
            name, what = call.name if call else "", self._what(call_id)
            self.steps[call_id] = Step(
                0, self._turn, call_id, name, what, "cut off", self._cwd, entry.tree
            )
        elif step is None:
            decision = self._effects.get(call_id)
            writes = decision is not None and decision.confined != "read-only"
            if writes and decision and decision.verdict == "allow" and _may_write(decision):
                self.uncovered.append(self._what(call_id))
        elif isinstance(entry, Touched):
            self.steps[call_id] = replace(
                step,
                state="done",
                changes=entry.changes,
                total=entry.total,
                paths=entry.paths,
                lost=entry.lost,
            )
        elif step.state == "cut off":
            self.steps[call_id] = replace(step, state="done")

    def _undo(self, entry: Undoing | Undone) -> None:
        if isinstance(entry, Undoing):
            self._doing = entry
            if not entry.redo:
                self.taken.append(Taken(entry.calls, entry.changes, False))
            return
        doing, self._doing = self._doing, None
        if doing is None:
            return
        if not entry.redo:
            self.taken[-1] = replace(self.taken[-1], whole=True)
            self.undone |= set(entry.calls)
        else:
            self.undone -= set(entry.calls)
            self.taken = [each for each in self.taken if set(each.calls) - set(entry.calls)]

    def _what(self, call_id: str) -> str:
        decision = self._effects.get(call_id)
        effects = decision.effects if decision else {}
        call = self._calls.get(call_id)
        writes = ", ".join(str(each) for each in effects.get("writes", ()))
        return str(effects.get("command") or writes or (call.name if call else call_id))


def _may_write(decision: Decision) -> bool:
    return any(decision.effects.get(each) for each in ("command", "writes", "unknown"))
