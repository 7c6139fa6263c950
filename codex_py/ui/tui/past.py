"""Sessions from within one: going on with another, parting from this one, naming it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from codex_py.core.entries import Changed, TurnEnded, User, words
from codex_py.core.errors import ModelError
from codex_py.core.shelf import Card, Shelf, summed_up
from codex_py.core.shelf import fork as copied
from codex_py.ui import cards
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
        found = await asyncio.to_thread(_cards, shelf, cwd, own)
        if not found:
            return "there is no other session in this folder"
        value = await sitting.talk.choose("Go on with which session?", _answers(found))
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


def _cards(shelf: Shelf, cwd: str, own: Path | None) -> list[Card]:
    real, found = os.path.realpath(cwd), []
    for card in shelf.cards():
        if card.cwd == real and card.path != str(own):
            found.append(card)
        if len(found) == LISTED:
            break
    shelf.save()
    return found


def _answers(found: Sequence[Card]) -> list[Answer]:
    rows = cards.rows(found, folders=False)
    return [Answer(each.path, row) for each, row in zip(found, rows, strict=True)]
