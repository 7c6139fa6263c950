"""list_files: what is in a folder."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host

MOST = 500


class Params(BaseModel):
    """Which folder, how deep."""

    model_config = ConfigDict(extra="forbid")

    path: str | None = Field(default=None, description="Folder; the working directory by default.")
    depth: int | None = Field(default=None, description="Levels to descend, 1 to 8; 2 by default.")


def effects(params: Params, host: Host) -> Effects:
    """Reads a folder."""
    return Effects(reads=(host.absolute(params.path or "."),))


async def run(params: Params, call: Call) -> Output:
    """Paths relative to the folder, folders with a slash at the end."""
    depth = max(1, min(8, params.depth or 2))
    items, more = await asyncio.to_thread(call.host.listing, params.path or ".", depth, MOST)
    lines = [f"{item.path}/" if item.folder else item.path for item in items]
    if not lines:
        return Output.of("The folder is empty (or all of it is ignored by Git).")
    if more:
        lines.append(f"[only the first {MOST} are shown: name a folder below, or search]")
    return Output.of("\n".join(lines))


TOOL = Tool(
    name="list_files",
    description="List files and folders, .gitignore honoured, links not followed.",
    params=Params,
    effects=effects,
    run=run,
)
