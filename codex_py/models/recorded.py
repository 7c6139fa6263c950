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
    User,
)
from codex_py.core.errors import Fault, ModelError, UsageError
from codex_py.core.recording import recording
from codex_py.core.request import Request
from codex_py.prompts import text

Answer = tuple[Entry, ...] | ModelError


class Recorded:
    """Gives the recorded answers, one for each request. Keeps ModelClient's contract.

    A request for a summary gets the next recorded summary. Where the recorded model failed, this
    one fails in the same words; asked beyond the recording it raises ModelError.
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
        self._answers: deque[Answer] = deque()
        for turn in found.turns:
            self._answers += turn.responses
            if turn.ended is not None and turn.ended.reason in ("failed", "interrupted"):
                told = turn.ended.error or "the recorded turn was interrupted here"
                fault = turn.ended.fault if turn.ended.fault in get_args(Fault) else "request"
                self._answers.append(ModelError(told, fault=cast(Fault, fault)))
        self.calls = frozenset(each.name for each in entries if isinstance(each, ToolCall))
        self._asked = text("compact.md").strip()

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample: the next answer."""
        if self._wants_summary(request):
            summary = self._summaries.popleft() if self._summaries else "(no recorded summary)"
            yield Assistant(text=summary)
            yield Sampled(model=self.started.model, wire="recorded")
            return
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

    async def close(self) -> None:
        """Nothing to let go of."""

    def _wants_summary(self, request: Request) -> bool:
        last = request.input[-1] if request.input else None
        return isinstance(last, User) and last.parts == (Text(self._asked),)


def _deltas(entry: Entry) -> Iterator[Delta]:
    if isinstance(entry, Assistant) and entry.text:
        yield Delta("text", entry.text)
    elif isinstance(entry, Reasoning) and entry.summary:
        yield Delta("reasoning", entry.summary)
    elif isinstance(entry, ToolCall):
        yield Delta("arguments", entry.arguments, entry.call_id, entry.name)
