"""shell: one command line, run by bash."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.entries import Json
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.core.truncate import join
from codex_py.effects import Effects
from codex_py.host import Host, Unopenable
from codex_py.host.processes import Ran

LONGEST = 3_600
FRAME = 2_000
"""Characters left for what stands around the output: exit code, notes, refusals."""


class Params(BaseModel):
    """What to run."""

    model_config = ConfigDict(extra="forbid")

    command: str = Field(description="The command line, run by bash.")
    workdir: str | None = Field(
        default=None, description="Folder to run it in; the working directory by default."
    )
    timeout: int | None = Field(
        default=None, description=f"Seconds until it is ended (at most {LONGEST})."
    )
    background: bool | None = Field(
        default=None, description="Start a server or watcher and return; see `process`."
    )
    terminal: bool | None = Field(
        default=None,
        description="With `background`: give it a terminal, for what only talks to one.",
    )
    grant_write: list[str] | None = Field(
        default=None,
        description="Only after the sandbox refused a write: paths to open. The user is asked.",
    )
    grant_read: list[str] | None = Field(default=None, description="The same for reading.")
    grant_network: bool | None = Field(default=None, description="The same for the network.")


def effects(params: Params, host: Host) -> Effects:
    """Runs the command in its folder; one that only applies a patch is an edit instead."""
    patch = _patch(params)
    if patch is not None:
        from codex_py.tools import apply_patch  # late: hardly any command is a patch

        return apply_patch.effects(apply_patch.Params(input=patch[1]), host.at(patch[0]))
    if not params.command.strip():
        raise ToolError("The command is empty.")
    if "\0" in params.command:
        raise ToolError("The command holds a NUL character.")
    if params.terminal and not params.background:
        raise ToolError("`terminal` is for what goes on: set `background` as well.")
    folder = host.absolute(params.workdir or ".")
    if not os.path.isdir(folder):
        raise ToolError(f"The folder {params.workdir} does not exist.")
    return Effects(
        command=params.command,
        cwd=folder,
        reads=_opened(params.grant_read, host),
        writes=_opened(params.grant_write, host),
        network=bool(params.grant_network),
    )


def _opened(paths: list[str] | None, host: Host) -> tuple[str, ...]:
    """The real paths that the command asks to have opened."""
    if any("\0" in path or not path for path in paths or ()):
        raise ToolError("A path to open is empty or holds a NUL character.")
    try:
        return tuple(filter(None, (host.openable(path) for path in paths or ())))
    except Unopenable as error:
        raise ToolError(f"{error}. Run the command without this, or ask for less.") from None


async def run(params: Params, call: Call) -> Output:
    """Output as it came, head and tail when long, and how the command ended."""
    patch = _patch(params)
    if patch is not None:
        from codex_py.tools import apply_patch  # late: hardly any command is a patch

        there = replace(call, host=call.host.at(patch[0]))
        return await apply_patch.run(apply_patch.Params(input=patch[1]), there)
    if params.background:
        from codex_py.tools import process  # late: few commands go on

        folder, terminal = params.workdir or ".", bool(params.terminal)
        return await process.start(params.command, folder, call, terminal)
    seconds = float(min(params.timeout, LONGEST)) if params.timeout and params.timeout > 0 else 0.0
    ran = await call.host.run(
        params.command,
        params.workdir or ".",
        seconds,
        call.say,
        lambda: _spill(call),
        room=max(1_000, call.limit - FRAME),
    )
    text, ok = report(ran), ran.ended.code == 0 and not ran.timed_out
    said = [f"[process {each.number} has ended meanwhile]" for each in call.host.background.news()]
    text = "\n".join([text, *said])
    data: Json = {
        "command": params.command,
        "cwd": call.host.absolute(params.workdir or "."),
        "exit_code": ran.ended.code,
        "signal": ran.ended.signal,
        "timed_out": ran.timed_out,
        "seconds": ran.seconds,
        "bytes": ran.size,
        "confined": call.confined,
        "same": hashlib.sha256(f"{ran.ended.code} {text}".encode()).hexdigest()[:16],
    }
    if ran.ended.denied:
        data["denied"] = [dict(each) for each in ran.ended.denied]
    return Output.of(text, ok=ok, full=ran.full, **data)


def _patch(params: Params) -> tuple[str, str] | None:
    """The folder and the patch of a command that does nothing but call apply_patch."""
    if "*** Begin Patch" not in params.command:
        return None
    from codex_py.tools._intercept import BarePatch, patch_in_command  # late: as above

    try:
        found = patch_in_command(params.command)
    except BarePatch as error:
        raise ToolError(str(error)) from None
    if found is None:
        return None
    return os.path.join(params.workdir or ".", found[0] or "."), found[1]


def _spill(call: Call) -> tuple[str, BinaryIO]:
    path, file = call.spill(call.call_id)
    return str(path), file


def report(ran: Ran) -> str:
    """What the model reads of a finished command."""
    ended = ran.ended
    if ran.timed_out:
        first = f"Timed out and ended after {ran.seconds:.0f} s."
    elif ended.signal is not None:
        first = f"Killed by signal {ended.signal}."
    else:
        first = f"Exit code: {ended.code}"
    head, tail = collapse(ran.head), collapse(ran.tail)
    body = join(head, tail, ran.size, "bytes", ran.full, ran.lost) if ran.tail else head
    notes = "".join(f"\n{note}" for note in ended.notes)
    if not body.strip():
        return f"{first}\n(no output){notes}"
    return f"{first}\n{body.rstrip()}{notes}"


def collapse(text: str) -> str:
    """Progress bars as a terminal would leave them: only what follows the last CR of a line."""
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


TOOL = Tool(
    name="shell",
    description=(
        "Run a command line with bash and read its output and exit code. It has no terminal and "
        "no input. Long output is cut in the middle; the whole is kept in a file you can read. "
        "What it leaves running ends with it, unless `background` is set."
    ),
    params=Params,
    effects=effects,
    run=run,
)
