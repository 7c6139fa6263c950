"""/add-dir: a folder opened for writing until the session ends or is resumed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from codex_py.core.entries import Changed, Context
from codex_py.core.policy import inside, opened, standing
from codex_py.host import Unopenable
from codex_py.ui.text import visible

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting


def add_dir(sitting: Sitting, given: str) -> str:
    """Open a folder to edits and commands, as `--add-dir` does; what to say about it."""
    agent = sitting.agent
    if agent is None:
        return "no model is open yet"
    policy = standing(agent.kit.policy, agent.session.entries)
    if not given:
        now = [*policy.roots, *opened(policy.granted, "write")]
        return visible("writable: " + ", ".join(now)) + "\n/add-dir FOLDER adds one"
    host = agent.kit.host
    path = os.path.realpath(host.absolute(_bare(given)))
    if not os.path.isdir(path):
        return visible(f"{given} is not a folder")
    if inside(path, (*policy.roots, *opened(policy.granted, "write"))):
        return visible(f"{path} is writable already")
    try:
        host.openable(path)
    except Unopenable as error:
        return visible(str(error))
    agent.session.append(Changed(setting="grant", value=f"write: {path}"))
    agent.session.append(
        Context(name="environment", text=f"Also writable from now on, for commands too: {path}")
    )
    return visible(f"{path} is writable until this session ends; it is asked for again on resume")


def _bare(given: str) -> str:
    """The words without the quotes that a person or a terminal puts round them."""
    if len(given) > 1 and given[0] == given[-1] and given[0] in "'\"":
        return given[1:-1]
    return given
