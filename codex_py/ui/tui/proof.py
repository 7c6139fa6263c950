"""The receipt of a turn in the terminal: a dim footer, and the details on demand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codex_py.agent import Agent
    from codex_py.ui.tui.session import Sitting


async def footer(sitting: Sitting, agent: Agent) -> None:
    """What really happened in the turn, in a line; and what the answer claims without proof."""
    told, *doubtful = await lines(agent, 1) or [""]
    if told:
        sitting.say(told)
    if doubtful:
        sitting.say("  ".join(doubtful) + " - /receipt shows all", "yellow")


async def lines(agent: Agent, most: int) -> list[str]:
    """The receipt of the last turn and at most so many doubts; empty when there is none to give."""
    from codex_py.ui.receipt import doubts, line  # late: after the first answer

    found = await asyncio.to_thread(agent.receipt)
    if not found.facts.commands and not found.facts.files and not found.claims:
        return []
    return [f"receipt: {line(found)}", *doubts(found, most)]


async def receipt(sitting: Sitting, rest: str) -> str:
    """Everything that the log says of the last turn, and each claim with its evidence."""
    del rest
    from codex_py.ui.receipt import details  # late: rarely needed

    if sitting.agent is None or not sitting.agent.turn():
        return "nothing has happened yet"
    return "\n".join(details(await asyncio.to_thread(sitting.agent.receipt)))
