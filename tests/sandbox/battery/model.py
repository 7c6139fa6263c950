"""The words of the battery: a case, how one command is to be run, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.sandbox.battery.stage import Stage

Level = Literal["MUST", "SHOULD"]
Kind = Literal["work", "block"]
Play = Callable[["Stage"], bool]


class Skip(Exception):
    """This case proves nothing on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One task or one attack.

    `play` sets up throwaway things, runs a script through the stage's backend and answers, judged
    from outside: for "work", did it work; for "block", did the attack take effect.
    """

    id: str
    level: Level
    kind: Kind
    title: str
    play: Play


@dataclass(frozen=True, slots=True)
class Options:
    """How one command is run: `fds` are left open in the launcher, `wrap` is put before it."""

    mode: str = "workspace-write"
    cwd: Path | None = None
    roots: tuple[Path, ...] = ()
    deny_read: tuple[Path, ...] = ()
    protect: tuple[str, ...] = ()
    git: str = "commit"
    network: str = "off"
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stdin: bytes | int | None = None
    timeout: float = 25.0
    fds: tuple[int, ...] = ()
    wrap: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """What one command did: `started` is the script's own proof, `claims` what it says it reached."""

    code: int | None
    out: bytes
    err: bytes
    started: bool
    claims: tuple[str, ...]

    @property
    def text(self) -> str:
        """Standard output without the battery's own lines."""
        return self.out.decode("utf-8", "replace")


def _maker(level: Level, kind: Kind) -> Callable[[str, str], Callable[[Play], Case]]:
    def named(id: str, title: str) -> Callable[[Play], Case]:
        return lambda play: Case(id, level, kind, title, play)

    return named


must_work = _maker("MUST", "work")
should_work = _maker("SHOULD", "work")
must_block = _maker("MUST", "block")
should_block = _maker("SHOULD", "block")
