"""process: what the model does with a command that it started in the background."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.entries import Json
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.core.truncate import join
from codex_py.effects import Effects
from codex_py.host import Host
from codex_py.host.background import Process
from codex_py.host.terminal import plain

FIRST = 1.0
"""Seconds for which a new process is watched: many fail at once."""
ANSWER = 1.0
"""Seconds in which a process may answer to what was typed, when nothing else is said."""
LONGEST = 120


class Params(BaseModel):
    """Which process, and what to do with it."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["list", "read", "write", "stop"]
    id: int | None = Field(default=None, description="Its number; not for list.")
    input: str | None = Field(
        default=None,
        description=(
            "For write: text with its newline; a lone \\u0003 interrupts, \\u0004 ends the input."
        ),
    )
    wait: int | None = Field(
        default=None, description="For read and write: seconds to wait for output."
    )


def effects(params: Params, host: Host) -> Effects:
    """Writing does whatever the process does with it; all else touches nothing new."""
    if params.action == "list":
        return Effects()
    found = _found(params, host)
    if params.action != "write":
        return Effects()
    if not params.input:
        raise ToolError("write needs `input`.")
    return replace(
        found.opened,
        command=None,
        cwd=None,
        typed=params.input,
        into=found.name,
        walled=found.confined,
    )


async def run(params: Params, call: Call) -> Output:
    """What came of it, with the output since the last look."""
    host = call.host
    if params.action == "list":
        return Output.of(_listed(host) or "No process was started in the background.")
    found = _found(params, host)
    wait = float(min(max(params.wait or 0, 0), LONGEST))
    if params.action == "write":
        try:
            await host.type(found, params.input or "")
        except (BrokenPipeError, TimeoutError) as error:
            raise ToolError(f"Not written to process {found.number}: {error.strerror}.") from None
        await found.settle(wait or ANSWER)
    elif params.action == "stop":
        await found.stop()
    elif wait:
        await found.settle(wait)
    return _told(found, call, action=params.action)


async def start(command: str, workdir: str, call: Call, terminal: bool = False) -> Output:
    """Start a declared command that goes on, and watch how it begins."""

    def spill(number: int) -> tuple[str, BinaryIO]:
        path, file = call.spill(f"process-{number}")
        return str(path), file

    found = call.host.start(command, workdir, spill, terminal)
    await found.settle(FIRST)
    return _told(found, call, action="start")


def _found(params: Params, host: Host) -> Process:
    found = host.background.processes.get(params.id or 0)
    if found is None:
        raise ToolError(f"There is no process {params.id}. {_listed(host)}".strip())
    return found


def _told(found: Process, call: Call, *, action: str) -> Output:
    """How it stands, and what it said since the last look."""
    taken = found.take()
    head, tail = taken.head(), taken.tail()
    if found.terminal:
        head, tail = plain(head), plain(tail)
    body = (
        join(head, tail, taken.size, "bytes", found.whole.path, found.whole.lost) if tail else head
    )
    if len(body) > call.limit:
        half = max(500, call.limit // 2 - 500)
        body = join(
            body[:half], body[-half:], taken.size, "bytes", found.whole.path, found.whole.lost
        )
    lines = [_state(found), body.rstrip() or "(no new output)"]
    lines += found.ended.notes if found.ended else ()
    if found.whole.lost and not tail:
        lines.append(f"[{found.whole.lost}]")
    ended = found.ended
    data: Json = {
        "process": found.number,
        "action": action,
        "running": ended is None,
        "exit_code": ended.code if ended else None,
        "signal": ended.signal if ended else None,
        "bytes": taken.size,
        "confined": found.confined,
    }
    if action == "start":
        data |= {"command": found.command, "cwd": found.cwd, "background": found.number}
        data["seconds"] = round(found.seconds, 3)
    if ended:
        found.told = True
        if ended.denied:
            data["denied"] = [dict(each) for each in ended.denied]
    good = action != "start" or ended is None or ended.code == 0
    return Output.of("\n".join(lines), ok=good, full=found.whole.path if tail else "", **data)


def _state(found: Process) -> str:
    ended = found.ended
    if ended is None:
        how = f"is running ({found.seconds:.0f} s)"
    elif ended.signal is not None:
        how = f"was ended by signal {ended.signal} after {found.seconds:.0f} s"
    else:
        how = f"ended with exit code {ended.code} after {found.seconds:.0f} s"
    return f"Process {found.number} {how}: {found.command.splitlines()[0][:120]}"


def _listed(host: Host) -> str:
    return "\n".join(_state(each) for each in host.background.processes.values())


TOOL = Tool(
    name="process",
    description=(
        "See to what `shell` started in the background: list, read new output, write to its "
        "input, stop. Later commands reach its ports on 127.0.0.1. All end with the session."
    ),
    params=Params,
    effects=effects,
    run=run,
)
