"""The slash commands: each a name, what it does in a line, and how."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from codex_py.ui.tui import told

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting

Run = Callable[["Sitting", str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command. `beside`: it may run while a turn does."""

    name: str
    about: str
    run: Run
    beside: bool = True


async def _help(sitting: Sitting, rest: str) -> None:
    del rest
    wide = max(len(name) for name in sitting.composer.about) + 3
    about = sitting.composer.about
    lines = [f"/{name}".ljust(wide) + about[name] for name in about]
    sitting.say("\n".join([*lines, "", *told.key_lines()]), "")


async def _keys(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.say("\n".join(told.key_lines()), "")


async def _mode(sitting: Sitting, rest: str) -> None:
    from codex_py.core.policy import MODES
    from codex_py.ui.tui import modes

    if not rest:
        await modes.pick(sitting)
    elif rest in MODES:
        await modes.change(sitting, rest)
    else:
        sitting.say(f"there is no mode {rest!r}: {', '.join(MODES)}", "yellow")


async def _model(sitting: Sitting, rest: str) -> None:
    from codex_py.ui.tui.models import choose

    await choose(sitting, rest)


async def _new(sitting: Sitting, rest: str) -> None:
    del rest
    await sitting.reopen()
    sitting.say("a new conversation; the old one is kept", "dim")


async def _status(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.say(told.status(sitting), "")


async def _context(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.say(told.context(sitting), "")


async def _cost(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.say(told.cost(sitting), "")


async def _permissions(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.say(told.permissions(sitting), "")


async def _why(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.say(told.why(sitting), "")


async def _tools(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.say(told.tools(sitting), "")


async def _config(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.say(told.config(sitting), "")


async def _diff(sitting: Sitting, rest: str) -> None:
    del rest
    from codex_py.ui.tui.changes import diff

    await diff(sitting)


async def _copy(sitting: Sitting, rest: str) -> None:
    del rest
    from codex_py.ui.exec import final_message
    from codex_py.ui.tui.clipboard import copying

    text = final_message(sitting.agent.session.entries) if sitting.agent else ""
    if not text:
        return sitting.say("there is no answer to copy yet", "yellow")
    try:
        sitting.screen.raw(copying(text))
    except ValueError as error:
        return sitting.say(f"not copied: {error}", "yellow")
    return sitting.say(f"the last answer was handed to the terminal's clipboard ({len(text):,})")


async def _export(sitting: Sitting, rest: str) -> None:
    from codex_py.ui.tui.changes import export

    await export(sitting, rest)


async def _image(sitting: Sitting, rest: str) -> None:
    if not rest:
        return await _paste(sitting)
    token = sitting.composer.draft.dropped(rest, sitting.launch.cwd)
    if not token:
        return sitting.say(f"{rest}: not a PNG, JPEG, GIF or WebP picture", "yellow")
    sitting.screen.buffer.insert_text(f"{token} ")
    return None


async def _paste(sitting: Sitting) -> None:
    from codex_py.ui.tui.own import paste_picture

    await paste_picture(sitting)


async def _init(sitting: Sitting, rest: str) -> None:
    del rest
    from codex_py.ui.tui.draft import Message

    path = os.path.join(sitting.launch.cwd, "AGENTS.md")
    what = "Improve" if os.path.exists(path) else "Write"
    sitting.submit(Message(INIT.format(what=what), "/init"), steer=False)


async def _review(sitting: Sitting, rest: str) -> None:
    from codex_py.ui.tui.draft import Message

    of = rest or "the changes not yet committed (git diff HEAD and new files)"
    sitting.submit(Message(REVIEW.format(of=of), f"/review {rest}".strip()), steer=False)


async def _doctor(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.say(told.doctor(sitting), "")


async def _quit(sitting: Sitting, rest: str) -> None:
    del rest
    sitting.leave()


async def _theme(sitting: Sitting, rest: str) -> None:
    from codex_py.ui.render import THEMES, Renderer
    from codex_py.ui.tui.question import Answer

    answers = [Answer(each, each) for each in THEMES]
    name = rest or await sitting.talk.choose("Colours", answers)
    if name not in THEMES:
        return sitting.say(f"there is no theme {name!r}: {', '.join(THEMES)}", "yellow")
    look = sitting.look
    sitting.renderer = Renderer(sitting.screen.width, look.colour, look.unicode, name)
    return sitting.say(f"theme {name}, for this session")


async def _vim(sitting: Sitting, rest: str) -> None:
    del rest
    from prompt_toolkit.enums import EditingMode

    app = sitting.screen.app
    vi = app.editing_mode != EditingMode.VI
    app.editing_mode = EditingMode.VI if vi else EditingMode.EMACS
    sitting.look = replace(sitting.look, vi=vi)
    sitting.say(f"editing keys: {'vi' if vi else 'readline'} (CODEX_PY_VI=1 starts with vi)")


INIT = """\
{what} AGENTS.md in the working directory: a guide of at most 40 lines for coding agents who work \
here. Look at the repository first. Say what the project is, how it is laid out, the exact \
commands to build, test and check it (run them to be sure), its conventions, and what must not be \
done. State only what you saw."""

REVIEW = """\
Review {of}. Change nothing. Report only defects that this change brings in and that its author \
would fix: wrong results, crashes, lost data, security holes, broken interfaces. For each give \
the severity (P0 to P3), file and line, the input or state that shows it, and why. Verify each by \
reading the code around it or running it. No remarks on style. If you find none, say so."""


COMMANDS = (
    Command("help", "commands and keys", _help),
    Command("model", "another model, or effort: /model NAME [EFFORT]", _model, False),
    Command("mode", "approval mode: suggest, auto-edit, full-auto", _mode),
    Command("new", "a new conversation", _new, False),
    Command("diff", "what has changed since the last commit", _diff),
    Command("review", "have the changes reviewed: /review [WHAT]", _review, False),
    Command("init", "have AGENTS.md written", _init, False),
    Command("status", "model, mode, confinement, folder, session", _status),
    Command("context", "what fills the model's context", _context),
    Command("cost", "tokens of this session", _cost),
    Command("permissions", "what is free, what asks, what you allowed", _permissions),
    Command("why", "why the last calls were allowed, asked or refused", _why),
    Command("tools", "the model's tools", _tools),
    Command("copy", "copy the last answer", _copy),
    Command("export", "write the conversation to a Markdown file: /export [FILE]", _export),
    Command("image", "add a picture: /image [FILE], or the clipboard's", _image),
    Command("config", "the settings and where they come from", _config),
    Command("doctor", "what works here: terminal, confinement, git, model", _doctor),
    Command("theme", "the colours: /theme [NAME]", _theme, False),
    Command("vim", "vi keys on or off", _vim),
    Command("keys", "the keys", _keys),
    Command("quit", "leave", _quit),
)
