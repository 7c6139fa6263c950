"""Commands that change how the terminal looks and answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codex_py.ui.tui.question import Answer

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting


async def theme(sitting: Sitting, rest: str) -> None:
    """Other colours, for this session."""
    from codex_py.ui.render import THEMES, Renderer  # late: rich

    answers = [Answer(each, each) for each in THEMES]
    name = rest or await sitting.talk.choose("Colours", answers)
    if name not in THEMES:
        return sitting.say(f"there is no theme {name!r}: {', '.join(THEMES)}", "yellow")
    look = sitting.look
    sitting.renderer = Renderer(sitting.screen.width, look.colour, look.unicode, name)
    return sitting.say(f"theme {name}, for this session")


def vim(sitting: Sitting, rest: str) -> None:
    """vi keys on or off."""
    del rest
    from prompt_toolkit.enums import EditingMode

    app = sitting.screen.app
    vi = app.editing_mode != EditingMode.VI
    app.editing_mode = EditingMode.VI if vi else EditingMode.EMACS
    sitting.look = replace(sitting.look, vi=vi)
    sitting.say(f"editing keys: {'vi' if vi else 'readline'} (CODEX_PY_VI=1 starts with vi)")


def leave(sitting: Sitting, rest: str) -> None:
    """End the session."""
    del rest
    sitting.leave()
