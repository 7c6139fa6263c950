"""Money, exact: what tokens cost, and sums over a log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from decimal import Decimal, InvalidOperation

from codex_py.core.codec import plain_usage, usage_of
from codex_py.core.entries import Delta, Entry, Json, Sampled, Spent, Usage
from codex_py.dataclass import dataclass

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: Decimal
    cached: Decimal
    output: Decimal

    def cost(self, usage: Usage) -> Decimal:
        """US dollars for some usage, not rounded. Reasoning is part of the output."""
        fresh = max(0, usage.input - usage.cached)
        spent = fresh * self.input + usage.cached * self.cached + usage.output * self.output
        return spent.scaleb(-6)


FREE = Price(ZERO, ZERO, ZERO)
"""What runs inside this program costs nothing, which is known."""


def written(cost: Decimal | None) -> str:
    """A cost as the log has it: plain digits, no exponent; empty when not known."""
    if cost is None:
        return ""
    text = format(cost, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def read(text: str) -> Decimal | None:
    """A cost from the log; None when it is not known."""
    try:
        found = Decimal(text) if text else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def spoken(cost: Decimal | None) -> str:
    """A cost for people: `$1.23`, `$0.0123`, `<$0.0001`; `unknown` when not known."""
    if cost is None:
        return "unknown"
    if not cost:
        return "$0"
    if cost < Decimal("0.0001"):
        return "<$0.0001"
    places = "0.01" if cost >= 1 else "0.0001"
    return f"${cost.quantize(Decimal(places)):,}"


@dataclass(slots=True)
class Tally:
    """A running sum over entries. `cost` is of what has a price; `unpriced` counts the rest."""

    usage: Usage = field(default_factory=Usage)
    cost: Decimal = ZERO
    requests: int = 0
    unpriced: int = 0
    """Requests that used tokens at a price we do not know."""
    estimated: bool = False
    """A server told no tokens: they were counted by us."""

    def feed(self, event: Entry | Delta) -> None:
        """Take the next entry; all but Sampled and Spent are passed over."""
        if not isinstance(event, (Sampled, Spent)):
            return
        self.requests += 1
        self.usage += event.usage
        self.estimated |= isinstance(event, Sampled) and event.estimated
        cost = read(event.cost)
        if cost is not None:
            self.cost += cost
        elif event.usage.input or event.usage.output:
            self.unpriced += 1

    def add(self, other: Tally) -> Tally:
        """Both sums as one."""
        return Tally(
            self.usage + other.usage,
            self.cost + other.cost,
            self.requests + other.requests,
            self.unpriced + other.unpriced,
            self.estimated or other.estimated,
        )

    def plain(self) -> Json:
        """As the log has it: token counts, and beside them what they cost."""
        found = {**plain_usage(self.usage), "requests": self.requests, "cost": written(self.cost)}
        if self.unpriced:
            found["unpriced"] = self.unpriced
        return {**found, "estimated": True} if self.estimated else found

    @property
    def total(self) -> Decimal | None:
        """US dollars of all; None when a part of it has no known price."""
        return None if self.unpriced else self.cost


def revived(data: Json) -> Tally:
    """The sum that `plain` wrote; one without money was written before money was counted."""
    cost, counts = read(str(data.get("cost") or "")), data.get
    requests, unpriced = counts("requests", 1), counts("unpriced", 0 if cost is not None else 1)
    usage = usage_of(data)
    return Tally(usage, cost or ZERO, int(requests), int(unpriced), bool(counts("estimated")))


def tally(entries: Iterable[Entry]) -> Tally:
    """The sum over some entries."""
    found = Tally()
    for entry in entries:
        found.feed(entry)
    return found


def whole(parts: Iterable[Tally]) -> Tally:
    """Several sums as one."""
    found = Tally()
    for each in parts:
        found = found.add(each)
    return found


def of_turn(entries: Iterable[Entry]) -> str:
    """What a turn cost, as the log has it; empty when unknown or when nothing was used."""
    found = tally(entries)
    return written(found.total) if found.requests else ""
