"""`/undo` and `/redo`: a preview, a question for each file that is in the way, then the deed."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from codex_py.core.errors import UsageError
from codex_py.ui.tui.question import Answer
from codex_py.ui.undo import described, listing, outcome, shown
from codex_py.undo import Choice, Damaged, Move, Undo

if TYPE_CHECKING:
    from codex_py.core.entries import Entry
    from codex_py.ui.tui.session import Sitting

HOW = "/undo [list | turn N | step N], the same with /redo"
SURE = (Answer("yes", "yes", "y"), Answer("no", "no", "n"))
MINE = (
    Answer("keep", "keep it as it is", "k"),
    Answer("take", "overwrite it; /redo brings it back", "o"),
    Answer("rest", "keep this and all others that changed", "a"),
)


async def undo(sitting: Sitting, rest: str) -> None:
    """`/undo`."""
    await _run(sitting, rest, redo=False)


async def redo(sitting: Sitting, rest: str) -> None:
    """`/redo`."""
    await _run(sitting, rest, redo=True)


async def _run(sitting: Sitting, rest: str, *, redo: bool) -> None:
    if sitting.agent is None:
        return sitting.say("nothing was done yet")
    session = sitting.agent.session
    loop = asyncio.get_running_loop()

    async def append(entry: Entry) -> Entry:
        return session.append(entry)

    def from_thread(entry: Entry) -> Entry:
        return asyncio.run_coroutine_threadsafe(append(entry), loop).result()

    entries = await asyncio.to_thread(session.history)
    settings = sitting.settings
    work = Undo(entries, from_thread, settings.home, settings.undo_file_mb << 20)
    if rest == "list":
        return sitting.say("\n".join(listing(work.history)), "")
    try:
        turn, step = _which(rest)
        choice = work.choose(redo=redo, turn=turn, step=step)
        await _act(sitting, work, choice)
    except UsageError as error:
        sitting.say(str(error), "yellow")
    except Damaged as error:
        sitting.say(f"it cannot be done: {error}", "red")
    return None


async def _act(sitting: Sitting, work: Undo, choice: Choice) -> None:
    here = os.path.realpath(sitting.launch.cwd)
    moves = await asyncio.to_thread(work.preview, choice)
    lines = described(choice, moves, work.history, here, sitting.look.colour)
    sitting.screen.print("\n".join(lines))
    taken = await _decided(sitting, moves, here)
    if taken is None:
        return sitting.say("nothing was done")
    moves = await asyncio.to_thread(work.preview, choice, lambda path: path in taken)
    count = sum(move.verdict == "put" for move in moves)
    if not count:
        return sitting.say("there is nothing to do")
    word = "Redo" if choice.redo else "Undo"
    files = f"{count} file{'' if count == 1 else 's'}"
    if await sitting.talk.choose(f"{word} {files}?", SURE, escape="no") != "yes":
        return sitting.say("nothing was done")
    done = await asyncio.to_thread(work.perform, choice, moves)
    last = f"/{'undo' if choice.redo else 'redo'} takes this back"
    sitting.say("\n".join([*outcome(choice, done)[:-1], last]), "")
    return None


async def _decided(sitting: Sitting, moves: list[Move], here: str) -> set[str] | None:
    """The files that are overwritten though they changed; None when the person stopped."""
    taken: set[str] = set()
    for move in moves:
        if not move.undecided:
            continue
        title = f"{shown(move.path, here)}: {move.why}"
        answer = await sitting.talk.choose(title, MINE, escape="stop")
        if answer == "stop":
            return None
        if answer == "rest":
            break
        if answer == "take":
            taken.add(move.path)
    return taken


def _which(rest: str) -> tuple[int, int]:
    """The turn or the step that was named; zeros for neither. Raises UsageError."""
    words = rest.split()
    if not words:
        return 0, 0
    if len(words) == 1 and words[0].isdigit():
        return int(words[0]), 0
    if len(words) == 2 and words[0] in ("turn", "step") and words[1].isdigit():
        number = int(words[1])
        return (number, 0) if words[0] == "turn" else (0, number)
    raise UsageError(HOW)
