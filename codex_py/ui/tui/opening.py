"""Opening the agent behind the prompt: the heavy imports, in a thread, and what may go wrong."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from codex_py.core.entries import Decision, Notice, ToolCall
from codex_py.core.errors import UsageError
from codex_py.ui.text import one_line
from codex_py.ui.tui.onboard import outside_git
from codex_py.ui.tui.thumbs import listen

if TYPE_CHECKING:
    from codex_py.agent import Agent
    from codex_py.core.kit import Ask
    from codex_py.launch import Launch
    from codex_py.settings import Settings
    from codex_py.ui.tui.session import Sitting

    Opener = Callable[[Settings, Launch, Ask, Callable[[str], None]], Agent]

LARGEST = 5_000_000
"""Bytes of a file that is read to show what an edit would change."""


def load() -> None:
    """Import what the first turn needs; the models' own libraries too."""
    import codex_py.agent  # late: behind the prompt
    import codex_py.core.commands
    import codex_py.ui.render
    import codex_py.ui.tui.ask  # noqa: F401


async def begin_anew(sitting: Sitting, _: str = "") -> None:
    """`/new`."""
    sitting.launch = replace(sitting.launch, resume="")
    await sitting.reopen()
    sitting.say("a new conversation; the old one is kept", "dim")


async def opened(sitting: Sitting, opener: Opener | None = None) -> Agent | None:
    """An agent that asks here and is shown here; None, with advice given, without a model.

    `opener` opens another session than a new one; it is called in a thread.
    """
    await asyncio.to_thread(load)
    from codex_py.agent import open_agent
    from codex_py.ui.render import Renderer
    from codex_py.ui.tui.ask import Asking

    await _confirm(sitting)
    look = sitting.look
    theme = sitting.settings.theme
    renderer = Renderer(sitting.screen.width, look.colour, look.unicode, theme, links=look.links)
    await asyncio.to_thread(renderer.warm)
    asking = Asking(
        sitting.talk,
        lambda call, decision: _show(sitting, call, decision),
        sitting.say,
        sitting.attention.call,
        lambda: _switch(sitting),
        lambda: _agent(sitting),
    )
    try:
        agent = await asyncio.to_thread(
            opener or open_agent, sitting.settings, sitting.launch, asking, telling(sitting)
        )
    except UsageError as error:
        sitting.say(str(error), "red")
        sitting.say("then send your message again, or /model NAME, or /quit", "yellow")
        return None
    # What confines is known before it is drawn: a redraw must not wait for the launcher.
    await asyncio.to_thread(getattr, agent.kit.host, "confinement")
    gc.freeze()  # what is loaded stays: no collection has to look at it while keys are typed
    sitting.take(agent, renderer)
    listen(sitting, agent, os.environ)
    sitting.spawn(asyncio.to_thread(agent.brain.warm))
    if agent.brain.warning:
        sitting.say(agent.brain.warning, "yellow")
    sitting.say(one_line(agent.describe(), 400))
    if agent.began:
        from codex_py.ui.tui.past import retold  # late: only where a session goes on

        sitting.screen.print(retold(agent, renderer))
    for entry in agent.session.entries[agent.began :]:
        if isinstance(entry, Notice):
            sitting.screen.print(renderer.entry(entry) or "")
    return agent


def _show(sitting: Sitting, call: ToolCall, decision: Decision) -> None:
    assert sitting.renderer is not None
    cwd = sitting.launch.cwd
    drawn = sitting.renderer.question(call, decision, lambda path: _held(cwd, path))
    sitting.screen.print(drawn)


async def _confirm(sitting: Sitting) -> None:
    """A freer mode outside Git is asked about; no means suggest."""
    settings, launch = sitting.settings, sitting.launch
    from codex_py.host.git import find_root

    if settings.approval_mode == "suggest" or launch.skip_git_check or find_root(launch.cwd):
        return
    if not await outside_git(settings.approval_mode, launch.cwd, sitting.talk):
        sitting.settings = replace(settings, approval_mode="suggest")
        sitting.say("suggest mode: every edit and command is asked about", "dim")


def telling(sitting: Sitting) -> Callable[[str], None]:
    """Says a line from whatever thread."""
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        loop.call_soon_threadsafe(sitting.say, text)

    return tell


def _held(cwd: str, path: str) -> bytes | None:
    """What a file that would be edited holds now, for the diff; None when there is none."""
    try:
        with open(os.path.join(cwd, os.path.expanduser(path)), "rb") as file:
            return file.read(LARGEST) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except (OSError, ValueError):
        return None


async def _switch(sitting: Sitting) -> None:
    from codex_py.ui.tui.modes import pick

    await pick(sitting)


def _agent(sitting: Sitting) -> Agent:
    assert sitting.agent is not None
    return sitting.agent
