"""`/tasks`: what runs in the background, what it says, and stopping it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_py.ui.text import duration, one_line
from codex_py.ui.tui.question import Answer

if TYPE_CHECKING:
    from codex_py.host.background import Process
    from codex_py.ui.tui.session import Sitting

LINES = 40
"""Lines of output that are shown; the file has the rest."""


async def tasks(sitting: Sitting, rest: str) -> str:
    """`/tasks` lists and asks, `/tasks N` shows, `/tasks stop N` stops."""
    found = sitting.agent.kit.host.background.processes if sitting.agent else {}
    if not found:
        return "nothing runs in the background"
    words = rest.split()
    stop = words[:1] == ["stop"]
    number = words[1 if stop else 0] if len(words) > stop else ""
    if number and not (number.isdigit() and int(number) in found):
        return f"there is no process {number!r}; /tasks lists them"
    if not number:
        number = await _pick(sitting, [*found.values()])
    process = found.get(int(number)) if number else None
    if process is None:
        return ""
    return await _stop(process) if stop else await _show(sitting, process, ask=not rest)


async def _pick(sitting: Sitting, found: list[Process]) -> str:
    answers = [
        Answer(str(each.number), f"{each.number}: {one_line(each.command, 60)}", note=state(each))
        for each in found
    ]
    return await sitting.talk.choose("Background processes", answers)


async def _show(sitting: Sitting, process: Process, *, ask: bool) -> str:
    lines = process.recent().rstrip().split("\n")
    shown = "\n".join(f"  {line}" for line in lines[-LINES:])
    told = [f"{process.name}: {state(process)}", f"  in {process.cwd}", shown]
    if process.whole.path:
        told.append(f"  {process.whole.lost or f'all of it: {process.whole.path}'}")
    sitting.say("\n".join(each for each in told if each.strip()), "")
    if not ask or process.ended is not None:
        return ""
    answers = [Answer("", "Leave it running", "l"), Answer("stop", "Stop it", "s")]
    if await sitting.talk.choose(f"Process {process.number}", answers):
        return await _stop(process)
    return ""


async def _stop(process: Process) -> str:
    if process.ended is None:
        await process.stop()
    return f"process {process.number}: {state(process)}"


def state(process: Process) -> str:
    """How it stands, in a few words."""
    ended, took = process.ended, duration(process.seconds)
    walls = f"confined, {process.confined}" if process.confined else "not confined"
    if ended is None:
        return f"running for {took}, {walls}"
    if ended.signal is not None:
        return f"ended by signal {ended.signal} after {took}"
    return f"ended with exit code {ended.code} after {took}"
