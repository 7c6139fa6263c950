"""Commands that change how the terminal looks and answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codex_py.ui.tui import saved
from codex_py.ui.tui.question import Answer

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting


async def theme(sitting: Sitting, rest: str) -> None:
    """Other colours, from now on."""
    from codex_py.ui.render import THEMES, Renderer  # late: rich

    names = list(THEMES)
    here = sitting.settings.theme
    at = names.index(here) if here in names else 0
    answers = [Answer(each, each) for each in names]
    name = rest or await sitting.talk.choose(f"Colours (now {here})", answers, index=at)
    if not name:
        return None
    if name not in THEMES:
        return sitting.say(f"there is no theme {name!r}: {', '.join(THEMES)}", "yellow")
    look = sitting.look
    sitting.renderer = Renderer(
        sitting.screen.width, look.colour, look.unicode, name, links=look.links
    )
    sitting.settings = replace(sitting.settings, theme=name)
    saved.save_tui(sitting.settings.home, "theme", name)
    return sitting.say(f"theme {name}, kept in {sitting.settings.home / 'config.toml'}")


def vim(sitting: Sitting, rest: str) -> None:
    """vi keys on or off."""
    del rest
    from prompt_toolkit.enums import EditingMode

    app = sitting.screen.app
    vi = app.editing_mode != EditingMode.VI
    app.editing_mode = EditingMode.VI if vi else EditingMode.EMACS
    app.vi_state.reset()
    sitting.look = replace(sitting.look, vi=vi)
    saved.save_tui(sitting.settings.home, "vi_keys", vi)
    kept = sitting.settings.home / "config.toml"
    sitting.say(f"editing keys: {'vi' if vi else 'readline'}, kept in {kept}")


def leave(sitting: Sitting, rest: str) -> None:
    """End the session."""
    del rest
    sitting.leave()
