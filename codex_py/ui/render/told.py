"""Entries that are no tool call: what is printed of each, in a few lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codex_py.core.entries import (
    Changed,
    Checked,
    Cited,
    Compacted,
    Context,
    Decision,
    Entry,
    Hosted,
    Image,
    Notice,
    Resumed,
    Sampled,
    Started,
    Text,
    TurnEnded,
    Unknown,
    Usage,
    User,
)
from codex_py.core.money import read, spoken
from codex_py.ui.render.calls import KEY
from codex_py.ui.render.paper import Paper
from codex_py.ui.text import count, duration, listed, picture

if TYPE_CHECKING:
    from rich.text import Text as Styled

THOUGHT = 2
"""Lines of a reasoning summary shown."""
TITLE = re.compile(r"^\*\*(.+?)\*\*$")
"""The title that providers put over each part of a summary."""
LEVELS = {"info": "info", "warning": "warn", "error": "bad"}
ENDS = {
    "interrupted": ("!", "warn", "interrupted: what was done is kept; say how to go on"),
    "failed": ("!", "bad", "the model failed"),
    "limit": ("!", "warn", "stopped at a limit"),
    "stuck": ("!", "warn", "stopped: going round in circles"),
}


def told(entry: Entry, paper: Paper) -> list[Styled]:
    """The lines of an entry; none for what the user need not see."""
    match entry:
        case User():
            return _user(entry, paper)
        case Notice():
            return _note("!", entry.text, LEVELS.get(entry.level, "warn"), paper)
        case Checked():
            ended = "timed out" if entry.timed_out else f"exit code {entry.exit_code}"
            text = f"required: {entry.command} · {ended} · {duration(entry.seconds)}"
            return _note(
                paper.sign("ok" if entry.ok else "bad"), text, "dim" if entry.ok else "bad", paper
            )
        case Decision():
            return _decision(entry, paper)
        case TurnEnded():
            return _ended(entry, paper)
        case Sampled() if entry.status != "completed":
            return _note("!", f"the answer is not complete: {entry.status}", "warn", paper)
        case Compacted():
            size = len(entry.summary.split())
            text = f"the conversation so far was compacted to {count(size)} words ({KEY})"
            return _note(paper.sign("note"), text, "dim", paper)
        case Hosted():
            words = f"{entry.name} {entry.detail}".strip()
            return _note(paper.sign("note"), words, "dim", paper)
        case Cited():
            lines = [paper.wrap(paper.row(each, "dim")) for each in listed(entry.sources)]
            return [each for line in lines for each in line]
        case Changed():
            return _note(paper.sign("note"), f"{entry.setting}: {entry.value}", "dim", paper)
        case Context() if entry.source:
            return _note(paper.sign("note"), f"read {entry.source}", "dim", paper)
        case Started() | Resumed():
            return _opened(entry, paper)
        case Unknown():
            kind = entry.data.get("kind", "?")
            text = f"a record of a later version: {kind} (it is kept)"
            return _note("?", text, "dim", paper)
        case _:
            return []


def thought(summary: str, paper: Paper, most: int = THOUGHT) -> list[Styled]:
    """A reasoning summary: dim and folded; `most` 0 shows all of it."""
    words = [TITLE.sub(r"\1", line) for line in summary.strip().split("\n")]
    if most:
        words = [line for line in words if line.strip()]
    text = paper.text("\n".join(words), "dim", prose=True)
    first = paper.text(f"{paper.sign('thought')} ", "dim")
    lines = paper.wrap(text, first, paper.text("  "))
    if not most or len(lines) <= most:
        return lines
    left = f"  {paper.sign('more')} +{len(lines) - most:,} lines ({KEY})"
    return [*lines[:most], paper.crop(paper.text(left, "dim"))]


def usage(used: Usage, paper: Paper) -> str:
    """Tokens for people: read (of which cached) and written (of which reasoning)."""
    if not (used.input or used.output):
        return ""
    cached = f" ({count(used.cached)} cached)" if used.cached else ""
    thinking = f" ({count(used.reasoning)} thinking)" if used.reasoning else ""
    dot = paper.sign("dot")
    return f"{count(used.input)} tokens in{cached}{dot}{count(used.output)} out{thinking}"


def _user(entry: User, paper: Paper) -> list[Styled]:
    first = paper.text(f"{paper.sign('user')} ", "user")
    lines: list[Styled] = []
    for part in entry.parts:
        if isinstance(part, Text):
            words = paper.text(part.text.rstrip(), "user", prose=True)
        else:
            words = paper.row(_picture(part), "dim")
        lines += paper.wrap(words, paper.text("  ") if lines else first, paper.text("  "))
    return lines


def _picture(part: Image) -> str:
    return f"[Image {picture(part)}]"


def _decision(entry: Decision, paper: Paper) -> list[Styled]:
    if entry.by != "user":
        return []
    if entry.verdict == "allow":
        text = "you said yes"
        if entry.remember:
            text += f", from now on to {remembered(entry.remember)}"
        if entry.opened:
            text += f"; open in this session: {', '.join(entry.opened)}"
        return _note(paper.sign("note"), text, "dim", paper)
    why = f": {entry.reason}" if entry.reason else ""
    return _note(paper.sign("note"), f"you said no{why}", "warn", paper)


def remembered(grant: str) -> str:
    """A remembered answer, in words."""
    kind, _, what = grant.partition(": ")
    if kind == "command" and what:
        return f"`{what} …`"
    return {"edit": f"edits of {what}", "type": f"typing into {what}"}.get(kind, grant)


def _ended(entry: TurnEnded, paper: Paper) -> list[Styled]:
    told = usage(entry.usage, paper)
    money = spoken(read(entry.cost)) if entry.cost else "price unknown" if told else ""
    facts = [each for each in (duration(entry.seconds), told, money) if each]
    last = paper.text(paper.sign("dot").join(facts), "dim")
    if entry.reason == "done":
        return paper.wrap(last)
    sign, style, words = ENDS[entry.reason]
    if entry.error:
        words = entry.error if entry.reason == "stuck" else f"{words}: {entry.error}"
    return [*_note(sign, words, style, paper), *paper.wrap(last)]


def _opened(entry: Started | Resumed, paper: Paper) -> list[Styled]:
    name = f"session {entry.session}" if isinstance(entry, Started) else "resumed"
    facts = [name, entry.model, entry.mode, entry.cwd]
    return paper.wrap(paper.row(paper.sign("dot").join(each for each in facts if each), "dim"))


def _note(sign: str, words: str, style: str, paper: Paper) -> list[Styled]:
    text = paper.text(words.strip(), style)
    return paper.wrap(text, paper.text(f"{sign} ", style), paper.text("  "))
