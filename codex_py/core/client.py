"""The contract that every model client keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from codex_py.core.entries import Delta, Entry
from codex_py.core.request import Request


class ModelClient(Protocol):
    """One model behind one wire.

    Contract: `stream` yields deltas as they come and the response's entries last, all or
    none: Reasoning, Assistant (a Cited after it), Hosted and ToolCall entries in the provider's
    order, closed by one Sampled, which a Spent for failed tries may precede. A response that
    fails part-way yields no entry and raises ModelError. It never raises anything else on
    account of what a server sent, and never retries by itself. Call ids are non-empty and
    unique within the response.
    """

    def stream(self, request: Request) -> AsyncIterator[Delta | Entry]:
        """One sample."""
        ...

    async def close(self) -> None:
        """Let go of connections and child processes."""
        ...
