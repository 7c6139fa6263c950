"""The first start: which mode, which model, and whether this folder is trusted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from codex_py.core.errors import UsageError
from codex_py.launch import Launch
from codex_py.settings import Settings
from codex_py.ui.text import visible
from codex_py.ui.tui import saved
from codex_py.ui.tui.question import Answer
from codex_py.ui.tui.talk import Talk

MODES = (
    Answer("suggest", "suggest", "s", "reads freely; asks before every edit and command"),
    Answer("auto-edit", "auto-edit", "e", "edits in this folder freely; asks before commands"),
    Answer("full-auto", "full-auto", "f", "no questions; commands confined, without network"),
)


async def onboard(
    settings: Settings, launch: Launch, talk: Talk, say: Callable[[str, str], None]
) -> Settings | None:
    """Ask what was never answered; None when the person would rather leave."""
    first = not settings.mode_given
    if first:
        say("Welcome to codex-py. Two questions, once.", "bold")
        say(model_line(settings, os.environ), "dim")
        mode = await talk.choose("How much may it do without asking?", MODES, escape="suggest")
        settings = replace(settings, approval_mode=mode, mode_given=True)  # type: ignore[arg-type]
        try:
            saved.save_mode(settings.home, mode)
            say(f"approval mode {mode}, kept in {settings.home / 'config.toml'}", "dim")
        except UsageError as error:
            say(str(error), "yellow")
    return await _trust(settings, launch, talk, say)


async def _trust(
    settings: Settings, launch: Launch, talk: Talk, say: Callable[[str, str], None]
) -> Settings | None:
    level = saved.trust_of(settings.home, launch.cwd)
    if not level:
        say(f"You have not opened {visible(launch.cwd)} before.", "bold")
        level = await talk.choose(
            "Trust this folder?",
            (
                Answer("trusted", "Yes: follow its AGENTS.md", "y"),
                Answer("untrusted", "No: work here without it", "n"),
                Answer("leave", "Leave", "q"),
            ),
            escape="untrusted",
        )
        if level == "leave":
            return None
        try:
            saved.save_trust(settings.home, _project(launch.cwd), level)
        except UsageError as error:
            say(str(error), "yellow")
    if level == "untrusted":
        say("this folder is not trusted: its AGENTS.md is left out", "dim")
        return replace(settings, project_doc_max_bytes=0)
    return settings


def _project(cwd: str) -> str:
    from codex_py.host.git import find_root  # late: asked once for each folder

    return str(find_root(cwd) or cwd)


async def outside_git(mode: str, cwd: str, talk: Talk) -> bool:
    """Whether a freer mode is wanted where there is no Git history to go back to."""
    value = await talk.choose(
        f"{visible(cwd)} is not in a Git repository: a wrong edit cannot be taken back by Git. "
        f"Use {mode} here all the same?",
        (Answer("no", "No, stay in suggest", "n"), Answer("yes", f"Yes, {mode}", "y")),
        escape="no",
    )
    return value == "yes"


def model_line(settings: Settings, environ: Mapping[str, str]) -> str:
    """Which model would be used, and whose key."""
    from codex_py.models.catalogue import load

    if settings.local:
        return "model: the embedded one; no key, no network"
    known = load(settings.home)
    model = known.find(settings.model, settings.model_provider)
    server = known.providers.get(model.provider)
    where = settings.openai_base_url if model.provider == "openai" else ""
    where = f" at {where}" if where else f" of {model.provider}"
    keys = server.keys if server else ()
    key = next((name for name in keys if environ.get(name)), "")
    if key:
        source = f"key from {key}"
    elif keys:
        source = f"no key: {' or '.join(keys)} is not set"
    else:
        source = "no key needed"
    return visible(f"model: {model.name}{where}; {source}")
