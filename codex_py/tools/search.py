"""search: lines of files that match a pattern."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host

MOST = 200


class Params(BaseModel):
    """What to look for, and where."""

    model_config = ConfigDict(extra="forbid")

    pattern: str = Field(description="Regular expression, or plain text when literal is true.")
    path: str | None = Field(
        default=None, description="Folder or file; the working directory by default."
    )
    glob: str | None = Field(default=None, description="Only files like this, for example *.py.")
    literal: bool | None = Field(default=None, description="Take the pattern as plain text.")
    ignore_case: bool | None = None


def effects(params: Params, host: Host) -> Effects:
    """Reads what lies under the path."""
    if not params.pattern or "\0" in params.pattern or "\n" in params.pattern:
        raise ToolError("The pattern must be one line of text.")
    return Effects(reads=(host.absolute(params.path or "."),))


async def run(params: Params, call: Call) -> Output:
    """`path:line:text` for each match, paths relative to the folder searched."""
    hits = await asyncio.to_thread(
        call.host.search,
        params.path or ".",
        params.pattern,
        glob=params.glob or "",
        fixed=bool(params.literal),
        ignore_case=bool(params.ignore_case),
        limit=MOST,
    )
    if hits.error:
        raise ToolError(f"The search failed: {hits.error[:500]}")
    if not hits.lines:
        return Output.of("No match.")
    lines = list(hits.lines)
    if hits.more:
        lines.append(f"[only the first {len(lines)} matches are shown: narrow the search]")
    return Output.of("\n".join(lines))


TOOL = Tool(
    name="search",
    description="Search file contents for a regular expression, .gitignore honoured.",
    params=Params,
    effects=effects,
    run=run,
)
