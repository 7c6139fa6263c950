"""Changing the approval mode of a running session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codex_py.core.entries import Changed
from codex_py.core.policy import MODES
from codex_py.ui.tui import onboard

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting


async def set_mode(sitting: Sitting, rest: str) -> None:
    """`/mode [NAME]`."""
    if not rest:
        await pick(sitting)
    elif rest in MODES:
        await change(sitting, rest)
    else:
        sitting.say(f"there is no mode {rest!r}: {', '.join(MODES)}", "yellow")


async def cycle(sitting: Sitting, _: str = "") -> None:
    """The next mode: suggest, auto-edit, full-auto, and round."""
    names = list(MODES)
    await change(sitting, names[(names.index(sitting.mode) + 1) % len(names)])  # type: ignore[arg-type]


async def pick(sitting: Sitting) -> None:
    """Ask which mode."""
    names = [each.value for each in onboard.MODES]
    here = sitting.mode
    value = await sitting.talk.choose(
        f"Approval mode (now {here})", onboard.MODES, escape=here, index=names.index(here)
    )
    await change(sitting, value)


async def change(sitting: Sitting, mode: str) -> None:
    """Set the mode; freer ones outside Git are confirmed, and what cannot be had is said."""
    if mode == sitting.mode:
        return
    from codex_py.host.git import find_root

    cwd = sitting.launch.cwd
    bare = mode != "suggest" and sitting.mode == "suggest" and not sitting.launch.skip_git_check
    if bare and not find_root(cwd) and not await onboard.outside_git(mode, cwd, sitting.talk):
        return
    agent = sitting.agent
    if agent is None:
        sitting.settings = replace(sitting.settings, approval_mode=mode)  # type: ignore[arg-type]
    else:
        if mode == "full-auto" and not agent.kit.host.confines:
            sitting.say("commands cannot be confined here: full-auto will ask for each", "yellow")
        agent.session.append(Changed(setting="mode", value=mode))
    sitting.hint("")
    sitting.redraw()
