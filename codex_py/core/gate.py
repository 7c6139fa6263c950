"""What stands before and after each sample: limits asked, tokens counted, money put on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from codex_py.core import tokens
from codex_py.core.budget import Step, before
from codex_py.core.entries import Entry, Sampled, Spent, Usage
from codex_py.core.errors import ModelError
from codex_py.core.kit import Kit
from codex_py.core.limits import check
from codex_py.core.money import Price, written
from codex_py.core.request import Again, ModelSettings, Request, project
from codex_py.core.session import Session

Costing = TypeVar("Costing", bound=Sampled | Spent)

UNASKED = "rules"
"""The wire of a sample for which no model was asked: it has no tokens to count."""


def before_step(entries: Sequence[Entry], start: int, kit: Kit, elapsed: float) -> Step:
    """Whether the turn that began at `start`, `elapsed` seconds ago, may take a sample."""
    step = before(
        entries,
        start,
        kit.limits,
        kit.price,
        elapsed=elapsed,
        estimate=lambda: next_input(entries, kit),
    )
    if step.stop is None:
        stuck = check(entries[start:], kit.limits)
        return replace(step, stop=stuck) if stuck is not None else step
    return step


def next_input(entries: Sequence[Entry], kit: Kit) -> int:
    """Tokens of the next request's input: what the provider counted, and more than what is new."""
    told, new = tokens.since(entries)
    if told is not None:
        return told.usage.input + told.usage.output + round(new * tokens.CAREFUL)
    whole = tokens.of_request(kit.instructions, kit.specs, project(entries))
    return round(whole * tokens.CAREFUL)


def narrowed(settings: ModelSettings, room: int) -> ModelSettings:
    """The same settings with an answer of at most `room` tokens; 0 leaves them as they are."""
    if not room or 0 < settings.max_output_tokens <= room:
        return settings
    return replace(settings, max_output_tokens=room)


def retried(entries: Sequence[Entry], start: int, kit: Kit) -> Again:
    """Whether the sample after these entries may be tried again: its failed tries count too."""

    def again(used: Usage, tries: int) -> str:
        lost = priced(Spent(by="failed try", usage=used), kit.price)
        failed = Sampled(model="", retries=tries - 1)
        step = before(
            [*entries, lost, failed],
            start,
            kit.limits,
            kit.price,
            elapsed=0.0,
            estimate=lambda: next_input(entries, kit),
        )
        return step.stop.text if step.stop else ""

    return again


def afforded(request: Request, entries: Sequence[Entry], kit: Kit, start: int | None) -> Request:
    """A request beside the conversation, held to what the budgets leave for its answer.

    `start` is where the turn begins that it belongs to, if any.
    Raises ModelError when it may not fit.
    """
    whole = tokens.of_request(request.instructions, request.tools, request.input)
    asked = tokens.of_entry(request.input[-1])
    wanted = min(round(whole * tokens.CAREFUL), next_input(entries, kit) + 2 * asked)
    here = len(entries) if start is None else start
    step = before(entries, here, kit.limits, kit.price, elapsed=0.0, estimate=lambda: wanted)
    if step.stop:
        raise ModelError(step.stop.text, fault="limit")
    settings = narrowed(request.settings, step.room)
    return replace(request, settings=settings, again=retried(entries, here, kit))


def wasted(session: Session, error: ModelError, price: Price | None) -> None:
    """Log what a failure used, where the server told; it counts in every budget."""
    if error.usage != Usage():
        session.append(priced(Spent(by="failed try", usage=error.usage), price))


def priced(entry: Costing, price: Price | None) -> Costing:
    """The entry with what its tokens cost, unless it says so itself."""
    if entry.cost or price is None or entry.usage == Usage():
        return entry
    return replace(entry, cost=written(price.cost(entry.usage)))


def counted(entries: Sequence[Entry], request: Request, price: Price | None) -> list[Entry]:
    """A response's entries with tokens and money; where the server told none, we count."""
    found: list[Entry] = []
    for entry in entries:
        told = isinstance(entry, Sampled) and (entry.usage.input or entry.usage.output)
        if isinstance(entry, Sampled) and not told and entry.wire != UNASKED:
            read = tokens.of_request(request.instructions, request.tools, request.input)
            usage = Usage(input=read, output=tokens.of_answer(entries))
            entry = replace(entry, usage=usage, estimated=True)
        found.append(priced(entry, price) if isinstance(entry, (Sampled, Spent)) else entry)
    return found
