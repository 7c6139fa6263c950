"""update_plan: the steps of the work, for the user to follow."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host


class Step(BaseModel):
    """One step."""

    model_config = ConfigDict(extra="forbid")

    step: str
    status: Literal["pending", "in_progress", "completed"]


class Params(BaseModel):
    """The whole plan, each time."""

    model_config = ConfigDict(extra="forbid")

    explanation: str | None = Field(default=None, description="Why the plan changed.")
    plan: list[Step]


def effects(params: Params, host: Host) -> Effects:
    """Touches nothing."""
    del params, host
    return Effects()


async def run(params: Params, call: Call) -> Output:
    """The plan becomes facts of the log; front-ends draw it."""
    del call
    return Output.of("Plan updated", plan=[step.model_dump() for step in params.plan])


TOOL = Tool(
    name="update_plan",
    description=(
        "Show the user a short plan for work of several steps. Send all steps each time; at most "
        "one is in_progress. Not for single-step work."
    ),
    params=Params,
    effects=effects,
    run=run,
)
