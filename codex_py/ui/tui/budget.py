"""/budget: what this session may still use, shown and changed while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_py.core.budget import SETTING, Gauge, gauges
from codex_py.core.entries import Changed
from codex_py.core.errors import UsageError
from codex_py.settings import money, span

if TYPE_CHECKING:
    from codex_py.agent import Agent
    from codex_py.ui.tui.session import Sitting

NAMES = ("cost", "tokens", "steps", "time")
USE = "/budget cost 2.50 · tokens 500000 · steps 40 · time 20m · or off, as in /budget cost off"


async def budget(sitting: Sitting, rest: str) -> None:
    """`/budget` shows; `/budget NAME AMOUNT` sets; `off` takes a budget away."""
    agent = sitting.agent
    if agent is None:
        return sitting.say("still starting; try again in a moment", "yellow")
    name, _, amount = rest.partition(" ")
    amount = amount.strip()
    if not name:
        return sitting.say("\n".join([*lines(sitting), USE]), "")
    if name not in NAMES or not amount:
        return sitting.say(USE, "yellow")
    try:
        value = "0" if amount == "off" else read(name, amount)
    except UsageError as error:
        return sitting.say(str(error), "yellow")
    if name == "cost" and value != "0" and agent.kit.price is None:
        told = f"the price of {agent.brain.label} is not known: set it in models.toml, or use"
        return sitting.say(f"{told} /budget tokens", "yellow")
    agent.session.append(Changed(setting=f"{SETTING}max_{name}", value=value))
    sitting.say("\n".join(lines(sitting)), "")
    sitting.redraw()
    return None


def read(name: str, amount: str) -> str:
    """An amount as the log has it. Raises UsageError."""
    if name == "cost":
        return money(amount, "the budget") or "0"
    if name == "time":
        return f"{span(amount, 'the budget'):g}"
    scale = {"k": 1_000, "m": 1_000_000}.get(amount[-1:].lower(), 1)
    digits = amount[:-1] if scale > 1 else amount
    if not digits.isdecimal() or not digits.isascii():
        raise UsageError(f"{amount!r} is no whole number, such as 500000 or 500k")
    return str(int(digits) * scale)


def lines(sitting: Sitting) -> list[str]:
    """One line for each budget that is set."""
    assert sitting.agent is not None
    found = [f"{each.name} {each.shown} ({each.percent} %)" for each in now(sitting.agent, sitting)]
    return found or ["no budget is set"]


def now(agent: Agent, sitting: Sitting) -> list[Gauge]:
    """The budgets as they stand."""
    start = agent.turn_start if sitting.turns.running else len(agent.session.entries)
    return gauges(agent.session.entries, start, agent.kit.limits, sitting.live.elapsed)


def tightest(agent: Agent, sitting: Sitting) -> str:
    """The budget that is used up most, for the status line; empty when none is set."""
    most = max(now(agent, sitting), key=lambda each: each.percent, default=None)
    return f"{most.percent}% of {most.name.removeprefix('--')}" if most is not None else ""
