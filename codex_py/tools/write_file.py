"""write_file: a whole file; an existing one only after it was read."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host
from codex_py.host.change import Change
from codex_py.tools._placeholder import placeholder
from codex_py.tools._written import encoded, write

SHOWN = 4_000


class Params(BaseModel):
    """Which file, and all of its text."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="The file to write.")
    content: str = Field(description="The whole content of the file.")


def effects(params: Params, host: Host) -> Effects:
    """Writes one file."""
    return Effects(writes=(host.absolute(params.path),))


async def run(params: Params, call: Call) -> Output:
    """Refused, with the file's content, when the model has not seen what it would replace."""
    host, path = call.host, params.path
    before = host.content(path)
    after = encoded(params.content)
    if before is not None:
        seen = call.digest_seen(host.real(path))
        if seen != host.digest(before):
            why = "has changed since you read it" if seen else "exists and you have not read it"
            shown = {host.real(path): host.digest(before)}
            raise ToolError(_refusal(path, why, before), {"seen": shown})
        left_out = placeholder(params.content, before.decode("utf-8", "replace"))
        if left_out:
            raise ToolError(
                f"Nothing was written: {left_out!r} stands where code should be. "
                "Send the whole content, or use edit_file."
            )
    if before == after:
        return Output.of(f"{path} already has exactly this content; nothing was changed.")
    kind: Literal["add", "update"] = "add" if before is None else "update"
    lines = params.content.count("\n") + (not params.content.endswith("\n"))
    return write((Change(kind, path, before, after),), call, f"Wrote {path} ({lines} lines).")


def _refusal(path: str, why: str, before: bytes) -> str:
    text = before.decode("utf-8", "replace")
    shown = text if len(text) <= SHOWN else text[:SHOWN] + f"\n[… {len(text) - SHOWN:,} more]"
    return (
        f"Nothing was written: {path} {why}. This is what it holds; write it again with "
        f"everything that must stay, or use edit_file:\n{shown}"
    )


TOOL = Tool(
    name="write_file",
    description=(
        "Write a whole file, for new files or complete rewrites. A file that exists must have "
        "been read first."
    ),
    params=Params,
    effects=effects,
    run=run,
)
