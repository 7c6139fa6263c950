"""Changing the model or its effort within a session."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from codex_py.core.budget import run_of, standing
from codex_py.core.entries import Changed
from codex_py.core.errors import UsageError
from codex_py.core.money import written
from codex_py.settings import EFFORTS, Settings
from codex_py.ui.tui.opening import telling
from codex_py.ui.tui.question import Answer

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting


async def choose(sitting: Sitting, rest: str) -> None:
    """`/model NAME [EFFORT]`, or pick from the catalogue."""
    name, _, effort = rest.partition(" ")
    effort = effort.strip()
    if name in EFFORTS and not effort:
        name, effort = sitting.settings.model, name
    if not name:
        name = await _pick(sitting)
        if not name:
            return
        effort = await _effort(sitting)
    if effort and effort not in EFFORTS:
        return sitting.say(f"effort {effort!r} is not one of {', '.join(EFFORTS)}", "yellow")
    settings = replace(sitting.settings, model=name)
    if effort:
        settings = replace(settings, model_reasoning_effort=effort)
    await switch(sitting, settings)
    return None


async def switch(sitting: Sitting, settings: Settings) -> None:
    """Go on in the same conversation with what the settings now name."""
    from codex_py.brain import choose as connect
    from codex_py.equip import equip

    agent = sitting.agent
    if agent is None:
        sitting.settings = settings
        await sitting.open()
        return
    old = agent.kit
    budget = standing(old.limits, run_of(agent.session.entries)).max_cost
    settings = replace(settings, max_cost=written(budget))
    try:
        brain = await asyncio.to_thread(connect, settings, os.environ, telling(sitting))
        host = old.host.without_keys(brain.key_names, brain.clean)
        kit = equip(settings, host, brain, agent.session, old.ask, old.keeper)
    except UsageError as error:
        sitting.say(f"still {agent.brain.label}: {error}", "yellow")
        return
    agent.kit = replace(kit, inbox=old.inbox, policy=old.policy)
    agent.brain = brain
    agent.session.guard(agent.session.clean + brain.clean)
    sitting.view.model = brain.model
    sitting.settings = settings
    await old.model.close()
    effort = sitting.settings.model_reasoning_effort
    agent.session.append(Changed(setting="model", value=f"{brain.label} {effort}".strip()))
    sitting.redraw()


async def _pick(sitting: Sitting) -> str:
    names = await asyncio.to_thread(_names, sitting.settings.home)
    if not names:
        sitting.say("name it: /model NAME [EFFORT]", "yellow")
        return ""
    here = sitting.settings.model
    index = next((place for place, (name, _) in enumerate(names) if name == here), 0)
    answers = [Answer(name, name, note=note) for name, note in names]
    return await sitting.talk.choose(f"Model (now {here})", answers, index=index)


async def _effort(sitting: Sitting) -> str:
    here = sitting.settings.model_reasoning_effort
    answers = [Answer("", "as the model has it"), *(Answer(each, each) for each in EFFORTS)]
    index = EFFORTS.index(here) + 1 if here in EFFORTS else 0
    return await sitting.talk.choose("Reasoning effort", answers, escape=here, index=index)


def _names(home: Path) -> list[tuple[str, str]]:
    """The models whose server has its key, with what a million tokens cost."""
    from codex_py.models.catalogue import load
    from codex_py.models.connect import has_key

    found = load(home)
    names: list[tuple[str, str]] = []
    for model in found.models:
        server = found.providers.get(model.provider)
        if (
            server is None
            or not has_key(server, os.environ)
            or server.wire in ("scripted", "recorded")
        ):
            continue
        price = model.price
        cost = f"${price.input} in, ${price.output} out a million tokens" if price else ""
        names.append((model.name, cost))
    return names
