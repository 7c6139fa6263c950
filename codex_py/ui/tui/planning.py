"""`/plan`: a turn that only reads and ends with a plan, and the question whether to go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codex_py.core.entries import Changed, Decision, ToolCall
from codex_py.ui.tui.draft import Message
from codex_py.ui.tui.proof import footer
from codex_py.ui.tui.question import Answer

if TYPE_CHECKING:
    from codex_py.agent import Agent
    from codex_py.ui.tui.session import Sitting

PLAN = """\
Only plan in this turn; every edit and every command that does more than read is refused. Read \
what you need, then answer with a short numbered plan: for each step what changes in which files, \
and how it will be checked. Say what is unclear or risky. The task: {task}"""
ONLY = "this turn only plans; say in the plan what you would do"


async def plan(sitting: Sitting, rest: str) -> str:
    """`/plan [TASK]`."""
    task = rest or (await sitting.talk.write("What should be planned?") or "").strip()
    if not task:
        return ""
    agent = sitting.agent
    if agent is None:
        return "no model is open yet"
    sitting.turns.occupy(_planned(sitting, agent, task))
    return ""


async def _planned(sitting: Sitting, agent: Agent, task: str) -> None:
    kit, mode = agent.kit, sitting.mode
    if mode != "suggest":
        agent.session.append(Changed(setting="mode", value="suggest"))
    agent.kit = replace(kit, ask=_no)
    try:
        ended = await agent.run(PLAN.format(task=task))
    finally:
        agent.kit = replace(agent.kit, ask=kit.ask)
        if mode != sitting.mode == "suggest":
            agent.session.append(Changed(setting="mode", value=mode))
    await footer(sitting, agent)
    if ended.reason == "done":
        sitting.spawn(_offer(sitting))


async def _no(call: ToolCall, decision: Decision) -> Decision:
    del call
    return replace(decision, verdict="deny", by="rule", reason=ONLY)


async def _offer(sitting: Sitting) -> None:
    answers = (
        Answer("yes", f"Yes, in {sitting.mode} mode", "y"),
        Answer("mode", "Yes, in another mode", "m"),
        Answer("", "Not now", "n"),
    )
    value = await sitting.talk.choose("Carry out this plan?", answers)
    if value == "mode":
        from codex_py.ui.tui.modes import pick  # late: rarely needed

        await pick(sitting)
    if value:
        sitting.submit(Message("Carry out the plan.", "Carry out the plan."), steer=False)
