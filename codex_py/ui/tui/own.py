"""What the person does beside the agent: own commands, the editor, pictures."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from codex_py.core.entries import Compacted, Reasoning, Text, ToolResult, User
from codex_py.effects import Effects
from codex_py.ui.text import duration, one_line, paint, visible
from codex_py.ui.tui.draft import Message

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting

SHOWN = 40
"""Lines of an own command's output that are printed; the model gets what a tool would give."""
LONGEST = 16_000
"""Characters of an own command's output that the model gets."""

WHOLE = 400_000
"""Characters of a whole output that Ctrl+O prints; the file has the rest."""


async def run_own(sitting: Sitting, command: str) -> None:
    """Run a command as the person would, print it, and put what came of it before the model."""
    agent = sitting.agent
    if agent is None:
        return sitting.say("still starting; try again in a moment", "yellow")
    from codex_py.core.truncate import truncate
    from codex_py.tools.shell import report

    colour = sitting.look.colour
    sitting.screen.print(paint(f"! {visible(command)}", "bold", colour))
    host = agent.kit.host
    allowed = host.under(Effects(command=command, cwd=host.cwd))
    ran = await allowed.run(
        command, host.cwd, 3_600.0, lambda _: None, lambda: _spill(agent.session.spill("own"))
    )
    text = report(ran)
    lines = visible(text).split("\n")
    left = len(lines) - SHOWN
    cut = [f"… {left} line{'s' * (left > 1)} before", *lines[-SHOWN:]]
    for line in cut if len(lines) > SHOWN else lines:
        sitting.screen.print(paint(f"  {line[:2_000]}", "dim", colour))
    sitting.say(f"  {duration(ran.seconds)}", "dim")
    told = f"I ran `{command}` myself:\n{truncate(text, LONGEST)}"
    if sitting.turns.running:
        sitting.turns.steered.append(Message(told, f"output of !{one_line(command, 40)}"))
    else:
        sitting.quietly(User(parts=(Text(told),)))
    return None


def _spill(found: tuple[Path, BinaryIO]) -> tuple[str, BinaryIO]:
    path, file = found
    return str(path), file


async def edit_draft(sitting: Sitting, _: str = "") -> None:
    """Open the draft in the person's editor and take back what it saved."""
    import tempfile

    from codex_py.ui.tui.composer import editor

    words = editor(os.environ)
    if not words:
        return sitting.say("set EDITOR to the editor to use", "yellow")
    with tempfile.NamedTemporaryFile("w+", suffix=".md", prefix="codex-py-") as file:
        file.write(f"{sitting.screen.buffer.text}\n")
        file.flush()

        async def edit() -> int:
            process = await asyncio.create_subprocess_exec(*words, file.name)
            return await process.wait()

        try:
            code = await sitting.screen.away(edit)
        except OSError as error:
            return sitting.say(f"{words[0]}: {error.strerror}", "red")
        if code == 0:
            text = Path(file.name).read_text("utf-8", "replace")
            sitting.screen.buffer.text = text.rstrip("\n")
            sitting.screen.buffer.cursor_position = len(sitting.screen.buffer.text)
        else:
            sitting.say(f"{words[0]} ended with {code}; the draft is as it was", "yellow")
    return None


def expand_next(sitting: Sitting, _: str = "") -> None:
    """Print the newest result or thought in full; at once again, the one before it."""
    entries = sitting.agent.session.entries if sitting.agent else []
    last = sitting.expanded if sitting.expanded >= 0 else len(entries)
    if sitting.expanded_of != len(entries):
        last, sitting.expanded_of = len(entries), len(entries)
    for place in range(last - 1, -1, -1):
        entry = entries[place]
        if isinstance(entry, (ToolResult, Reasoning, Compacted)) and sitting.renderer:
            sitting.expanded = place
            whole = _whole(entry.full) if isinstance(entry, ToolResult) and entry.full else ""
            sitting.screen.print(sitting.renderer.expand(entry, whole))
            return None
    sitting.expanded_of = -1
    return sitting.hint("nothing more is folded")


def _whole(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(WHOLE + 1)
    except OSError:
        return ""
    if len(text) <= WHOLE:
        return text
    return f"{text[:WHOLE]}\n… the rest is in {path}"


async def paste_picture(sitting: Sitting, _: str = "") -> None:
    """Put the clipboard's picture into the draft."""
    from codex_py.host.images import NotAnImage
    from codex_py.ui.tui.clipboard import picture

    data = await asyncio.to_thread(picture, os.environ)
    if not data:
        return sitting.hint("no picture in the clipboard (wl-paste, xclip or pngpaste read it)")
    try:
        sitting.composer.picture("clipboard.png", data)
    except NotAnImage as error:
        sitting.hint(f"the clipboard's picture: {error}")
    return None


async def suspend(sitting: Sitting, _: str = "") -> None:
    """Ctrl+Z: back to the shell; `fg` returns."""

    async def stop() -> None:
        sitting.attention.end()
        os.kill(0, signal.SIGTSTP)
        sitting.attention.begin()

    await sitting.screen.away(stop)


async def image(sitting: Sitting, rest: str) -> None:
    """`/image [FILE]`: a picture into the draft, the clipboard's when no file is named."""
    if not rest:
        return await paste_picture(sitting)
    token = sitting.composer.draft.dropped(rest, sitting.launch.cwd)
    if not token:
        wrong = sitting.composer.draft.wrong
        sitting.say(wrong.pop() if wrong else f"{rest}: no such picture", "yellow")
        return wrong.clear()
    sitting.screen.buffer.insert_text(f"{token} ")
    return None
