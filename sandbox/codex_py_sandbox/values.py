"""What confinement answers with: endings, events, capabilities, verdicts and denials."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Capability(StrEnum):
    """One thing a backend enforces, proved by trying it on this machine."""

    WRITE_CONTENT = "write-content"
    WRITE_METADATA = "write-metadata"
    PROTECT_PATHS = "protect-paths"
    READ_DENY = "read-deny"
    PRIVATE_TMP = "private-tmp"
    NET_IP = "net-ip"
    NET_UNIX = "net-unix"
    NET_OTHER = "net-other"
    SIGNALS = "signals"
    PROC = "proc"
    TTY = "tty"
    DEVICES = "devices"
    KILL_TREE = "kill-tree"
    LOOPBACK_INSIDE = "loopback-inside"
    LIMIT_PROCS = "limit-procs"
    LIMIT_MEMORY = "limit-memory"
    SYSCALLS = "syscalls"


# Without these no command may run unasked.
ESSENTIAL = frozenset(
    {
        Capability.WRITE_CONTENT,
        Capability.NET_IP,
        Capability.NET_UNIX,
        Capability.SIGNALS,
        Capability.KILL_TREE,
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that confinement saw happen to a command.

    `kind`: "connect" (target is host:port or a socket path), "timeout", "limit", "setup",
    "audit" (something was set aside), "history" (git history was restored).
    """

    kind: str
    target: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a command ended: `code` or `signal` is set, or `error` when it never started.

    `error` is one clear line (the program is missing, confinement could not be set up).
    """

    code: int | None
    signal: int | None = None
    events: tuple[Event, ...] = ()
    timed_out: bool = False
    error: str | None = None

    @property
    def status(self) -> int:
        """The code a shell would report: the exit code, 128 + signal, or 126 on an error."""
        if self.code is not None:
            return self.code
        return 128 + self.signal if self.signal is not None else 126


@dataclass(frozen=True, slots=True)
class Grant:
    """The smallest change of policy that allows one thing: `field` of Policy and the `value`."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}={self.value}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says about one access, why, and what would allow just that."""

    allowed: bool
    reason: str
    grant: Grant | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """One refusal by confinement; `certain` is False when the cause could also be another."""

    kind: str
    target: str
    why: str
    grant: Grant | None
    certain: bool


class SandboxUnavailable(RuntimeError):
    """Nothing that was asked for can be enforced here: `reason`, and what was `tried`."""

    def __init__(self, reason: str, tried: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tried = tried
