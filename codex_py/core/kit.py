"""What a turn needs; the front-end and the agent put it together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field

from codex_py.core.client import ModelClient
from codex_py.core.entries import Decision, Entry, Part, ToolCall
from codex_py.core.limits import Limits
from codex_py.core.money import Price
from codex_py.core.policy import Policy, ReadLine
from codex_py.core.request import ModelSettings, ToolSpec
from codex_py.core.session import Session
from codex_py.core.tool import Tool
from codex_py.core.truncate import LIMIT
from codex_py.dataclass import dataclass
from codex_py.eyes import Eyes
from codex_py.host import Host
from codex_py.host.keeping import Keeper as Keeper

Ask = Callable[[ToolCall, Decision], Awaitable[Decision]]
"""Asks the user about a call. Contract: returns a decision whose verdict is allow or deny."""


def silent(turn: Sequence[Entry]) -> str:
    """The nudge of models that need none."""
    del turn
    return ""


async def no_proof(session: Session, start: int) -> str:
    """The proof of runs that require nothing."""
    del session, start
    return ""


@dataclass(frozen=True, slots=True)
class Kit:
    """What a turn needs; the front-end and the agent put it together."""

    model: ModelClient
    settings: ModelSettings
    instructions: str
    tools: tuple[Tool, ...]
    specs: tuple[ToolSpec, ...]
    policy: Policy
    read_line: ReadLine
    host: Host
    ask: Ask
    limits: Limits
    price: Price | None = None
    """What the model's tokens cost; None when not known."""
    patience: float = 0.0
    """Seconds of silence after which a request is given up; 0: not known."""
    inbox: Callable[[], list[tuple[Part, ...]]] = list
    """What the user typed while the turn ran, taken away by asking."""
    nudge: Callable[[Sequence[Entry]], str] = silent
    """A reminder for a model that stopped early; empty to let the turn end."""
    keeper: Keeper | None = None
    """Keeps what files held before each step; None where nothing is to be undone."""
    proof: Callable[[Session, int], Awaitable[str]] = no_proof
    """Asked when the turn could end: what the model must still do; empty to let it end."""
    requires: bool = False
    """Proof runs commands, which must be confined."""
    vision: bool = True
    eyes: Eyes = field(default_factory=Eyes)
    window: int = 0
    """Tokens the model can hold; 0 when not known."""
    picture_limit: int = 0
    """Tokens that the pictures of one turn may cost, about; 0 for no limit."""
    output_limit: int = LIMIT
    """Characters of a tool result that the model is shown."""
    sized: Callable[[], Awaitable[tuple[int, int]]] | None = None
    """Window and room as the model's server tells them, where they are guessed; zeros: no word."""
    room: int = 0
    """Tokens a request may have before the conversation is summed up; 0: not known."""
    compact_prompt: str = "Sum up the conversation so far."
    """Asks the model for the summary."""
