"""What the telling commands say, as plain text made from the session's own log and settings."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import fields
from typing import TYPE_CHECKING

from codex_py.core.entries import (
    Compacted,
    Context,
    Decision,
    ToolCall,
    ToolResult,
    User,
    words,
)
from codex_py.core.money import spoken
from codex_py.core.pictures import pictures
from codex_py.ui.text import count, one_line, visible
from codex_py.ui.tui.keys import TABLE
from codex_py.ui.tui.status import context_used, mode_badge

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting

NOT_YET = "no model is open: see what was said at the start, or /doctor"


def keys(sitting: Sitting, _: str = "") -> str:
    """The table of keys."""
    del sitting
    return _rows(list(TABLE))


def helping(sitting: Sitting, _: str = "") -> str:
    """Commands and keys."""
    about = sitting.composer.about
    return f"{_rows([(f'/{name}', about[name]) for name in about])}\n\n{keys(sitting)}"


def status(sitting: Sitting, _: str = "") -> str:
    """Where and how this session works."""
    settings, agent = sitting.settings, sitting.agent
    if agent is None:
        return NOT_YET
    host = agent.kit.host
    badge, _ = mode_badge(sitting.mode, host.confinement)
    rows = [
        ("model", f"{agent.brain.label} {settings.model_reasoning_effort}".strip()),
        ("mode", badge),
        ("confinement", host.confinement or "none here: see codex-py sandbox doctor"),
        ("folder", host.cwd),
        ("writable", ", ".join(host.roots)),
        ("session", str(agent.session.path)),
        ("context", _window(sitting)),
    ]
    return _rows(rows)


def _window(sitting: Sitting) -> str:
    used = context_used(sitting.agent.session.entries) if sitting.agent else 0
    window = sitting.view.window
    share = f" of {count(window)} ({round(100 * used / window)}%)" if window else ""
    return f"{count(used)} tokens{share}"


def context(sitting: Sitting, _: str = "") -> str:
    """What fills the context, by kind, in characters; and tokens as the provider told."""
    if sitting.agent is None:
        return NOT_YET
    entries = sitting.agent.session.entries
    cut = max((each.keep_from for each in entries if isinstance(each, Compacted)), default=0)
    sizes: dict[str, int] = {"instructions": len(sitting.agent.kit.instructions)}
    for entry in entries:
        size, kind = 0, ""
        if isinstance(entry, Context):
            size, kind = len(entry.text), entry.source or entry.name
        elif entry.n < cut:
            continue
        elif isinstance(entry, User):
            size, kind = len(words(entry.parts)), "your messages"
        elif isinstance(entry, ToolResult):
            size, kind = len(words(entry.parts)), "results of tools"
        elif isinstance(entry, ToolCall):
            size, kind = len(entry.arguments), "calls"
        elif entry.kind == "assistant":
            size, kind = len(getattr(entry, "text", "")), "answers"
        if kind:
            sizes[kind] = sizes.get(kind, 0) + size
    rows = [(kind, f"{count(size)} characters") for kind, size in sizes.items()]
    seen = [image for _, image in pictures(entries)]
    if seen:
        tokens = sum(image.tokens for image in seen)
        rows.append(("pictures of the session", f"{len(seen)}, about {count(tokens)} tokens"))
    return _rows([*rows, ("in all, as the provider counted", _window(sitting))])


def cost(sitting: Sitting, _: str = "") -> str:
    """Tokens and money of the session, what used them, and the budgets that are set."""
    if sitting.agent is None:
        return NOT_YET
    from codex_py.ui.tui.budget import lines

    found = sitting.view.spent
    used = found.usage
    rows = [
        ("requests", str(found.requests)),
        ("read", f"{used.input:,} tokens ({used.cached:,} of them cached)"),
        ("written", f"{used.output:,} tokens ({used.reasoning:,} of them reasoning)"),
        ("money", sitting.view.money or "nothing yet"),
    ]
    if found.estimated:
        rows.append(("", "a server told no tokens: those were counted at 4 bytes each"))
    parts = sitting.agent.session.spent
    for name in parts if len(parts) > 1 else ():
        used, cost = parts[name].usage, spoken(parts[name].total)
        rows.append((f"  {name}", f"{used.input:,} in, {used.output:,} out, {cost}"))
    price = sitting.agent.kit.price
    if price is not None and price.output:
        told = f"${price.input} in, ${price.cached} cached, ${price.output} out a million tokens"
        rows.append(("price now", told))
    return _rows([*rows, *(("budget", each) for each in lines(sitting))])


def permissions(sitting: Sitting, _: str = "") -> str:
    """What is free in this mode, what asks, and what was allowed in this sitting."""
    if sitting.agent is None:
        return NOT_YET
    from codex_py.context import MODE_TEXT
    from codex_py.core.policy import standing
    from codex_py.ui.render.told import remembered

    policy = standing(sitting.agent.kit.policy, sitting.agent.session.entries)
    lines = [MODE_TEXT[policy.mode], f"edits: {', '.join(policy.roots)}"]
    lines.append("always asked: secrets (keys, tokens), .git and other files that run programs")
    granted = sorted(policy.granted)
    lines += [f"allowed for this sitting: {visible(remembered(each))}" for each in granted]
    return "\n".join(lines if granted else [*lines, "allowed for this sitting: nothing yet"])


def why(sitting: Sitting, _: str = "") -> str:
    """The newest decisions, each with its reason."""
    entries = sitting.agent.session.entries if sitting.agent else []
    calls = {each.call_id: each for each in entries if isinstance(each, ToolCall)}
    found = [each for each in entries if isinstance(each, Decision)][-8:]
    lines: list[str] = []
    for each in found:
        call = calls.get(each.call_id)
        what = str(each.effects.get("command") or ", ".join(each.effects.get("writes", ())))
        what = one_line(what or (call.name if call else "call"), 100)
        confined = f", confined {each.confined}" if each.confined else ""
        fix = f" (free with {each.grant})" if each.grant else ""
        lines.append(f"{each.verdict} by {each.by}{confined}: {what}")
        lines.append(f"    {each.reason or 'no reason was given'}{fix}")
    return "\n".join(lines) or "nothing was decided yet"


def tools(sitting: Sitting, _: str = "") -> str:
    """The tools with the first sentence of what they do."""
    if sitting.agent is None:
        return NOT_YET
    listed = sitting.agent.kit.tools
    return _rows([(each.name, each.description.split(". ")[0].rstrip(".")) for each in listed])


def config(sitting: Sitting, _: str = "") -> str:
    """The settings that differ from their defaults."""
    settings = sitting.settings
    rows = [("file", str(settings.home / "config.toml"))]
    for each in fields(settings):
        value = getattr(settings, each.name)
        if each.name in ("home", "mode_given", "model_providers") or value == each.default:
            continue
        rows.append((each.name, repr(value)))
    rows.append(("all else", "as by default: docs/reference/settings.md"))
    return _rows(rows)


def doctor(sitting: Sitting, _: str = "") -> str:
    """What this place offers."""
    agent = sitting.agent
    from codex_py.ui.tui.onboard import model_line

    look = sitting.look
    signs = "Unicode" if look.unicode else "ASCII only: set LC_ALL to a UTF-8 locale"
    rows = [
        ("terminal", f"{os.environ.get('TERM', '')}, {sitting.screen.width} columns, {signs}"),
        ("colour", f"{sitting.settings.theme}" if look.colour else "none"),
        ("python", sys.version.split()[0]),
        ("git", shutil.which("git") or "not found"),
        ("ripgrep", shutil.which("rg") or "not found: grep is used"),
        ("server", model_line(sitting.settings, os.environ).removeprefix("model: ")),
        ("model", agent.brain.label if agent else "none open"),
    ]
    confinement = agent.kit.host.confinement if agent else ""
    rows.append(("confinement", confinement or "none: codex-py sandbox doctor says why"))
    return _rows(rows)


def _rows(rows: list[tuple[str, str]]) -> str:
    wide = max(len(name) for name, _ in rows) + 3
    return "\n".join(f"{name.ljust(wide)}{value}" for name, value in rows)
