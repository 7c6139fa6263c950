"""A model that says what it said before: the answers of a session's log, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

from codex_py.core import logfile
from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Reasoning,
    Sampled,
    Started,
    Text,
    ToolCall,
    ToolResult,
    User,
    words,
)
from codex_py.core.errors import Fault, ModelError, UsageError
from codex_py.core.recording import Turn, cut_off, recording
from codex_py.core.request import Request
from codex_py.prompts import text

Answer = tuple[Entry, ...] | ModelError


class Recorded:
    """Gives the recorded answers, one for each request. Keeps ModelClient's contract.

    A request for a summary gets the next recorded summary. Calls that were cut off are left out:
    how long they would have gone on is not known, nor what they would have said. Where the
    recorded model failed, this one fails in the same words; asked beyond the recording it raises
    ModelError.
    """

    def __init__(self, path: Path) -> None:
        try:
            entries = logfile.read(path)
        except OSError as error:
            raise UsageError(f"cannot read the recording {path}: {error.strerror}") from error
        first = entries[0] if entries else None
        if not isinstance(first, Started):
            raise UsageError(f"{path} is not the log of a session")
        self.started = first
        found = recording(entries)
        self._summaries = deque(found.summaries)
        lost = cut_off(entries)
        self._turns = deque((words(each.prompt), _answers(each, lost)) for each in found.turns)
        self._answers: deque[Answer] = deque()
        self._heard = -1
        unknown = {
            each.call_id
            for each in entries
            if isinstance(each, ToolResult) and words(each.parts).startswith("There is no tool ")
        }
        calls = [each for each in entries if isinstance(each, ToolCall)]
        self.calls = frozenset(each.name for each in calls if each.call_id not in unknown)
        """The tools that there were and that were called."""
        self._asked = text("compact.md").strip()

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample: the next answer."""
        if self._wants_summary(request):
            summary = self._summaries.popleft() if self._summaries else "(no recorded summary)"
            yield Assistant(text=summary)
            yield Sampled(model=self.started.model, wire="recorded")
            return
        self._hear(request)
        if not self._answers:
            raise ModelError("the recording ends here", fault="request")
        answer = self._answers.popleft()
        if isinstance(answer, ModelError):
            raise answer
        for entry in answer:
            for delta in _deltas(entry):
                yield delta
        for entry in answer:
            if isinstance(entry, Sampled):
                entry = replace(entry, so_far={}, seconds=0.0)
            yield replace(entry, n=-1, at=0.0)

    def _hear(self, request: Request) -> None:
        """Go on to the next turn: when the user says what began it, or this one is used up."""
        said = next((each for each in reversed(request.input) if isinstance(each, User)), None)
        begins = False
        if said is not None and said.n != self._heard:
            self._heard = said.n
            while any(prompt == words(said.parts) for prompt, _ in self._turns) and not begins:
                prompt, self._answers = self._turns.popleft()
                begins = prompt == words(said.parts)
        while self._turns and not self._answers:
            self._answers = self._turns.popleft()[1]

    async def close(self) -> None:
        """Nothing to let go of."""

    def _wants_summary(self, request: Request) -> bool:
        last = request.input[-1] if request.input else None
        return isinstance(last, User) and last.parts == (Text(self._asked),)


def _answers(turn: Turn, lost: frozenset[str]) -> deque[Answer]:
    """What the model said in a turn; at the end how the turn was broken off, if it was."""
    found: deque[Answer] = deque(
        tuple(each for each in said if not (isinstance(each, ToolCall) and each.call_id in lost))
        for said in turn.responses
    )
    ended = turn.ended
    if ended is None or ended.reason in ("failed", "interrupted"):
        told = ended.error if ended else ""
        known = ended is not None and ended.fault in get_args(Fault)
        fault = cast(Fault, ended.fault) if ended is not None and known else "request"
        found.append(ModelError(told or "the recorded turn was interrupted here", fault=fault))
    elif ended.reason in ("limit", "stuck"):
        found.append(ModelError(ended.error or "the recorded turn ended here", fault="limit"))
    return found


def _deltas(entry: Entry) -> Iterator[Delta]:
    if isinstance(entry, Assistant) and entry.text:
        yield Delta("text", entry.text)
    elif isinstance(entry, Reasoning) and entry.summary:
        yield Delta("reasoning", entry.summary)
    elif isinstance(entry, ToolCall):
        yield Delta("arguments", entry.arguments, entry.call_id, entry.name)
