"""`/feedback`: a report in a file of the person's own; nothing is sent anywhere."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from typing import TYPE_CHECKING

from codex_py.core.entries import Notice, ToolCall, TurnEnded
from codex_py.ui.text import visible
from codex_py.ui.tui import told
from codex_py.ui.tui.question import Answer
from codex_py.ui.tui.secrets import secret
from codex_py.version import __version__

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting

TRACE = 8_000
"""Characters of the newest internal errors that go into a report."""
RECENT = 20
"""Of the newest notices and ends of turns, so many go into a report."""


async def feedback(sitting: Sitting, rest: str) -> str:
    """`/feedback [WORDS]`."""
    said = rest or await sitting.talk.write("What happened, or what do you wish for?")
    if not said:
        return ""
    whole = ""
    if sitting.agent is not None:
        answers = (
            Answer("", "No: versions, settings and the last errors only", "n"),
            Answer("whole", "Yes, all of it, with code and output", "y"),
        )
        whole = await sitting.talk.choose("Put this conversation into the report?", answers)
    text = report(sitting, said.strip(), whole=bool(whole))
    folder = sitting.settings.home / "feedback"
    path = folder / time.strftime("%Y-%m-%dT%H%M%S.md")
    await asyncio.to_thread(_write, str(folder), str(path), text)
    return f"written to {visible(str(path))}; nothing was sent: attach it where you report"


def report(sitting: Sitting, said: str, *, whole: bool) -> str:
    """What the person said, and what somebody who looks into it needs to know."""
    from codex_py.ui.export import markdown  # late: rarely needed

    agent = sitting.agent
    entries = agent.session.entries if agent else []
    ends = [each for each in entries if isinstance(each, (Notice, TurnEnded))][-RECENT:]
    tools = [each.name for each in entries if isinstance(each, ToolCall)]
    lines = ["# Feedback", "", said, "", "## Where", ""]
    lines += [f"    codex-py {__version__}, {platform.platform()}"]
    lines += [f"    {line}" for line in told.doctor(sitting).split("\n")]
    settings = [line for line in told.config(sitting).split("\n") if not secret(line)]
    lines += ["", "## Settings", "", *(f"    {line}" for line in settings)]
    lines += ["", "## The session", ""]
    lines += [f"    {len(entries)} entries; tools used: {', '.join(sorted({*tools})) or 'none'}"]
    for each in ends:
        text = each.text if isinstance(each, Notice) else f"{each.reason} {each.error}".strip()
        lines += [f"    {text}"]
    if agent is not None:
        lines += [f"    log: {agent.session.path}"]
    lines += ["", "## Internal errors", "", *(f"    {line}" for line in _errors(sitting))]
    if whole and agent is not None:
        lines += ["", "## The conversation", "", *markdown(agent.session.history())]
    return "\n".join(lines) + "\n"


def _errors(sitting: Sitting) -> list[str]:
    """The end of what went wrong in ourselves, if ever."""
    try:
        text = (sitting.settings.home / "errors.log").read_text("utf-8", "replace")
    except OSError:
        return ["none"]
    return visible(text[-TRACE:]).rstrip().split("\n")


def _write(folder: str, path: str, text: str) -> None:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
