"""Pure: budgets over the log: what was used, when to warn, and whether one more request fits.

Money and tokens count from where the log was last opened, sub-agents, reviewers, compaction and
failed tries included; steps and time count for one turn. A request is let through only when its
whole input, as if nothing of it were cached, and a reserve of output still fit; near the end the
answer is held to what is left, so money is not overrun by a long answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from codex_py.core.entries import Changed, Entry, Notice, Resumed, Sampled, Started
from codex_py.core.limits import Limits, Stop
from codex_py.core.money import Price, Tally, read, spoken, tally, written
from codex_py.dataclass import dataclass

MARKS = (90, 75, 50)
"""Percent of a budget at which the user is told, once each."""
RESERVE = 2_000
"""Tokens of output that must fit beside the next request's input."""
NARROW = 32_000
"""With fewer tokens of output left than this the model is told how many it may write."""
SETTING = "budget."
"""What a `Changed` entry's setting begins with when it changes a budget."""
FEW = 8
"""Budgets of fewer steps end without warnings: they would be most of what is said."""


@dataclass(frozen=True, slots=True)
class Step:
    """The answer before a sample: stop, or go on, with what to tell the user first."""

    stop: Stop | None = None
    notices: tuple[str, ...] = ()
    room: int = 0
    """Tokens that the answer may have; 0 for no limit of ours."""
    seconds: float = 0.0
    """Seconds left of the turn; 0 for no limit."""


def run_of(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The entries since the log was last opened."""
    for place in range(len(entries) - 1, -1, -1):
        if isinstance(entries[place], (Started, Resumed)):
            return entries[place:]
    return entries


def standing(limits: Limits, run: Sequence[Entry]) -> Limits:
    """The limits as they are now, changed in the session as its log says."""
    for entry in run:
        if isinstance(entry, Changed) and entry.setting.startswith(SETTING):
            limits = changed(limits, entry.setting.removeprefix(SETTING), entry.value)
    return limits


def changed(limits: Limits, name: str, value: str) -> Limits:
    """Limits with one of them changed; `off` or what is no number takes it away."""
    number = read(value) or Decimal(0)
    if name == "max_cost":
        return replace(limits, max_cost=number or None)
    if name == "max_tokens":
        return replace(limits, max_tokens=int(number))
    if name == "max_steps":
        return replace(limits, max_steps=int(number))
    if name == "max_time":
        return replace(limits, max_time=float(number))
    return limits


@dataclass(frozen=True, slots=True)
class Gauge:
    """One budget: how much of it is used. `name` is the option's, `shown` is for people."""

    name: str
    used: Decimal
    limit: Decimal
    shown: str

    @property
    def percent(self) -> int:
        """Used, in whole percent, rounded down."""
        return int(100 * self.used / self.limit)


def gauges(entries: Sequence[Entry], start: int, limits: Limits, elapsed: float) -> list[Gauge]:
    """Every budget that is set. `start` is where the turn begins, `elapsed` its seconds so far."""
    run = run_of(entries)
    limits = standing(limits, run)
    return _gauges(tally(run), entries[start:], limits, elapsed)


def _gauges(spent: Tally, turn: Sequence[Entry], limits: Limits, elapsed: float) -> list[Gauge]:
    found: list[Gauge] = []
    if limits.max_cost is not None:
        shown = f"{spoken(spent.cost)} of {spoken(limits.max_cost)}"
        found.append(Gauge("--max-cost", spent.cost, limits.max_cost, shown))
    if limits.max_tokens:
        used = spent.usage.input + spent.usage.output
        shown = f"{used:,} of {limits.max_tokens:,} tokens"
        found.append(Gauge("--max-tokens", Decimal(used), Decimal(limits.max_tokens), shown))
    if limits.max_steps:
        samples = [each for each in turn if isinstance(each, Sampled)]
        steps, retries = len(samples), sum(each.retries for each in samples)
        told = f"{steps} steps" + (f" and {retries} retries" if retries else "")
        counted = Decimal(steps + retries)
        found.append(Gauge("--max-steps", counted, Decimal(limits.max_steps), told))
    if limits.max_time:
        shown = f"{elapsed:.0f} of {limits.max_time:g} s"
        found.append(Gauge("--max-time", Decimal(elapsed), Decimal(limits.max_time), shown))
    return found


def before(
    entries: Sequence[Entry],
    start: int,
    limits: Limits,
    price: Price | None,
    *,
    elapsed: float,
    estimate: Callable[[], int],
) -> Step:
    """Whether the next sample may be taken; asked before each one, with limits as they stand.

    `estimate` gives the tokens of the next request's input, not too low.
    """
    run = run_of(entries)
    limits = standing(limits, run)
    spent = tally(run)
    found = _gauges(spent, entries[start:], limits, elapsed)
    seconds = max(0.001, limits.max_time - elapsed) if limits.max_time else 0.0
    notices = tuple(each for each in (_warning(run, entries, start, one) for one in found) if each)
    for gauge in found:
        if gauge.used >= gauge.limit:
            return Step(Stop("limit", _over(gauge)), notices)
    if limits.max_cost is None and not limits.max_tokens:
        return Step(notices=notices, seconds=seconds)
    wanted = estimate()
    room: int | None = None
    if limits.max_tokens:
        room = limits.max_tokens - spent.usage.input - spent.usage.output - wanted
        if room < RESERVE:
            gauge = next(each for each in found if each.name == "--max-tokens")
            needs = f"about {wanted:,} tokens and a reserve of {RESERVE:,}"
            return Step(Stop("limit", _tight(gauge, needs)), notices)
    if limits.max_cost is not None:
        gauge = next(each for each in found if each.name == "--max-cost")
        if price is None or spent.unpriced:
            return Step(Stop("limit", f"{UNPRICED} ({gauge.name} {written(gauge.limit)})"), notices)
        left = limits.max_cost - spent.cost - wanted * price.input.scaleb(-6)
        needed = RESERVE * price.output.scaleb(-6)
        if left < needed:
            worst = spoken(wanted * price.input.scaleb(-6) + needed)
            return Step(Stop("limit", _tight(gauge, f"up to {worst}")), notices)
        if price.output:
            fits = int(left / price.output.scaleb(-6))
            room = fits if room is None else min(room, fits)
    narrow = room is not None and room < NARROW
    return Step(notices=notices, room=room or 0 if narrow else 0, seconds=seconds)


UNPRICED = "stopped: what was spent cannot be told, as a price is not known"


def _over(gauge: Gauge) -> str:
    if gauge.name == "--max-steps":
        return f"stopped after {gauge.shown} (--max-steps {gauge.limit})"
    return f"stopped: {gauge.shown} used ({gauge.name})"


def _tight(gauge: Gauge, needs: str) -> str:
    return (
        f"stopped before a request that may not fit: {gauge.shown} used, and it needs {needs} "
        f"({gauge.name})"
    )


def _warning(run: Sequence[Entry], entries: Sequence[Entry], start: int, gauge: Gauge) -> str:
    """What to say of a mark that was passed and not told of yet; else empty."""
    mark = next((each for each in MARKS if gauge.percent >= each), 0)
    if not mark or gauge.used >= gauge.limit:
        return ""
    if gauge.name == "--max-steps" and gauge.limit < FEW:
        return ""
    per_turn = gauge.name in ("--max-steps", "--max-time")
    own = SETTING + gauge.name.removeprefix("--").replace("-", "_")
    for entry in reversed(entries[start:] if per_turn else run):
        if isinstance(entry, Changed) and entry.setting == own:
            break
        if isinstance(entry, Notice) and entry.text.startswith(f"{BUDGET} {gauge.name} "):
            told = entry.text.removeprefix(f"{BUDGET} {gauge.name} ").partition(" ")[0]
            if told.isdigit() and int(told) >= mark:
                return ""
            break
    of = f" of {gauge.limit}" if gauge.name == "--max-steps" else ""
    return f"{BUDGET} {gauge.name} {mark} % used: {gauge.shown}{of}"


BUDGET = "budget"
"""The first word of every such notice."""
