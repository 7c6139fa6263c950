"""The three errors made on purpose; anything else is a bug and travels to the top."""

from __future__ import annotations

from typing import Any, Literal

from codex_py.core.parts import Usage

Fault = Literal[
    "network",
    "server",
    "rate",
    "auth",
    "quota",
    "context",
    "protocol",
    "request",
    "refused",
    "limit",
]
"""What went wrong with a model: each front-end words its own advice from this."""


class ToolError(Exception):
    """A call that cannot be done; the model reads the message and may try otherwise."""

    def __init__(self, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.data = data or {}
        """Facts for the log, as in a tool's output."""


class ModelError(Exception):
    """One sample failed. `retry` says whether the same request may succeed later."""

    def __init__(
        self, message: str, *, fault: Fault, retry: bool = False, after: float | None = None
    ) -> None:
        super().__init__(message)
        self.fault: Fault = fault
        self.retry = retry
        self.after = after
        """Seconds the server asked us to wait, when it did."""
        self.usage = Usage()
        """Tokens that this failure, and the failed tries before it, used, as far as told."""


class UsageError(Exception):
    """The user asked for something that cannot be; one line, exit code 2."""


class Unwritten(UsageError):
    """What the user asked for cannot be written down, at its end; one line, exit code 1."""


class LogError(Unwritten):
    """The session's log cannot be written, so nothing more may happen."""
