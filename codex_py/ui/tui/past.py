"""Sessions from within one: going on with another, parting from this one, naming it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from codex_py.core.entries import Changed, TurnEnded, User, words
from codex_py.core.errors import ModelError
from codex_py.core.fork import fork as copied
from codex_py.core.shelf import Shelf, summed_up
from codex_py.ui.newest import Newest, reading
from codex_py.ui.sifter import Sifter
from codex_py.ui.text import count, one_line
from codex_py.ui.tui.question import Answer

if TYPE_CHECKING:
    from codex_py.agent import Agent
    from codex_py.ui.render import Renderer
    from codex_py.ui.tui.session import Sitting

TURNS = 3
"""Turns that are shown again when a session goes on."""
ENTRIES = 400
"""Entries of them at most."""
LISTED = 60


def retold(agent: Agent, renderer: Renderer) -> str:
    """The last turns of a session that goes on, as they were seen."""
    before = agent.session.entries[: agent.began]
    turns = [place for place, each in enumerate(before) if isinstance(each, User)]
    first = max(turns[-TURNS] if len(turns) >= TURNS else 0, len(before) - ENTRIES)
    shown = before[first:]
    told = [renderer.entry(entry) or "" for entry in shown]
    if shown and shown[0].n > 1:
        told.insert(0, f"… what was before: codex-py sessions show {agent.session.id[:8]}\n")
    if turns and not any(isinstance(each, TurnEnded) for each in before[turns[-1] :]):
        told.append(renderer.cut_off())
        told.append("! the last turn was cut off; what was done is kept: say how to go on\n")
    return "".join(told)


async def resume(sitting: Sitting, rest: str) -> str:
    """`/resume [ID]`: go on with another session of this project."""
    shelf, cwd = Shelf(sitting.settings.home), sitting.launch.cwd
    own = sitting.agent.session.path if sitting.agent else None
    if rest:
        path = await asyncio.to_thread(shelf.find, rest)
        card = await asyncio.to_thread(lambda: summed_up(path, named=False))
        if card.cwd and card.cwd != os.path.realpath(cwd):
            return f"that session belongs to {card.cwd}: codex-py resume {card.id[:8]}"
    else:
        value = await _picked(sitting, shelf, own)
        if value is None:
            return "there is no other session in this folder"
        if not value:
            return ""
        path = Path(value)
    if path == own:
        return "that is this session"
    await _go_on(sitting, path)
    return ""


async def fork(sitting: Sitting, rest: str) -> str:
    """`/fork`: a copy of this session goes on, from its end or from before a message."""
    del rest
    if sitting.agent is None:
        return "there is no session yet"
    session = sitting.agent.session
    said = [each for each in session.entries if isinstance(each, User)][-LISTED:]
    answers = [
        Answer(str(each.n - 1), f"before: {one_line(words(each.parts), 200)}")
        for each in reversed(said)
    ]
    rows = [Answer("end", "from here, with all that was said"), *answers]
    value = await sitting.talk.choose("Part from which point? Files stay as they are.", rows)
    if not value:
        return ""
    at = None if value == "end" else int(value)
    path = await asyncio.to_thread(copied, sitting.settings.home, session.path, at)
    told = next((each for each in said if at is not None and each.n == at + 1), None)
    old = session.id[:8]
    await _go_on(sitting, path)
    if told is not None:
        sitting.composer.put_back(words(told.parts))
    return f"a copy goes on; the other is kept: /resume {old}"


def rename(sitting: Sitting, rest: str) -> str:
    """`/rename NAME`."""
    name = " ".join(rest.split())
    if sitting.agent is None or not name or len(name) > 100 or not name.isprintable():
        return "a name has 1 to 100 visible characters: /rename NAME"
    sitting.agent.session.append(Changed(setting="name", value=name))
    return ""


def compact(sitting: Sitting, _: str = "") -> str:
    """`/compact`."""
    agent = sitting.agent
    if agent is None:
        return "there is nothing to sum up yet"

    async def work() -> None:
        try:
            done = await agent.compact()
        except ModelError as error:
            return sitting.say(f"not summed up: {error}", "red")
        except asyncio.CancelledError:
            return sitting.say("interrupted: nothing was summed up", "yellow")
        if done is None:
            return sitting.say("nothing is new since the conversation was summed up", "dim")
        told = f"about {count(done.before)} tokens before, {count(done.after)} now"
        return sitting.say(f"{told}; the log keeps all", "dim")

    sitting.turns.occupy(work())
    return ""


async def _go_on(sitting: Sitting, path: Path) -> None:
    sitting.launch = replace(sitting.launch, resume=str(path))
    await sitting.reopen()


class Sessions(Sifter):
    """The list of sessions as a question. Made inside the loop."""

    escape = ""

    def __init__(self, heading: str, height: Callable[[], int]) -> None:
        super().__init__(heading, height)
        self.answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def pick(self, value: str) -> None:
        """Answer it."""
        if not self.answered.done():
            self.answered.set_result(value)


async def _picked(sitting: Sitting, shelf: Shelf, own: Path | None) -> str | None:
    """The log that was taken, empty when none was; None when there is none to take."""
    real, size = os.path.realpath(sitting.launch.cwd), sitting.screen.app.output.get_size
    newest = Newest(shelf, lambda card: card.cwd == real and card.path != str(own))
    rows = await asyncio.to_thread(newest.first)
    try:
        if not rows:
            return None
        sifter = Sessions("Go on with which session?", lambda: size().rows - 6)
        sifter.add(rows, done=newest.done)
        async with reading(sifter, newest, sitting.redraw):
            return await sitting.talk.ask(lambda: sifter)
    finally:
        # Beside the rest: what is sent from now on must not reach the session that is left.
        sitting.spawn(asyncio.to_thread(newest.close))
