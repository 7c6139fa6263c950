"""Pure: how much of the model's window is taken, and what is kept when it must be emptied."""

from __future__ import annotations

from collections.abc import Sequence

from codex_py.core import tokens
from codex_py.core.entries import (
    Assistant,
    Compacted,
    Entry,
    Hosted,
    Reasoning,
    Sampled,
    Text,
    ToolCall,
    ToolResult,
    User,
)
from codex_py.core.kit import Kit
from codex_py.core.request import project

RESERVE = 16_384
"""Tokens kept free for an answer, at most; a quarter of a small window."""
SAID = 20_000
"""Tokens of the user's own words that are kept, at most; a fifth of a small window."""
FILES = 30
LONGEST = 8_000
"""Characters of one message of the user's that are kept."""


def room(window: int, largest: int = 0, limit: int = 0) -> int:
    """Tokens a request may have before the conversation is summed up; 0 when not known.

    `largest` is the longest answer the model gives, `limit` what the user set; 0 when not known.
    """
    if not window:
        return limit
    free = window - max(window // 10, min(largest or 4_096, RESERVE, window // 4))
    return min(limit, free) if limit else free


def used(entries: Sequence[Entry], kit: Kit) -> int:
    """Tokens of the next request: as the provider counted the newest, and about what came since."""
    told, since = tokens.since(entries)
    if told is not None:
        return told.usage.input + told.usage.output + since
    return tokens.of_request(kit.instructions, kit.specs, project(entries))


def fresh(entries: Sequence[Entry]) -> bool:
    """Whether the model has answered since the newest compaction: else nothing is to sum up."""
    for entry in reversed(entries):
        if isinstance(entry, Compacted):
            return False
        if isinstance(entry, Sampled) and not entry.purpose:
            return True
    return False


def newest(entries: Sequence[Entry]) -> Compacted | None:
    """The newest compaction."""
    return next((each for each in reversed(entries) if isinstance(each, Compacted)), None)


def cut(entries: Sequence[Entry], most: int) -> int:
    """The number of the first entry that is kept word for word.

    A message that the model has not answered is always kept; beyond it whole rounds, the newest
    first, of at most `most` tokens. The end of the log when nothing is.
    """
    place, size = len(entries), 0
    kept = entries[-1].n + 1 if entries else 0
    before = newest(entries)
    first = before.keep_from if before else 0
    unanswered = True
    while place and entries[place - 1].n >= first and not isinstance(entries[place - 1], Compacted):
        place -= 1
        entry = entries[place]
        size += tokens.of_entry(entry)
        if isinstance(entry, (Sampled, ToolCall, ToolResult)):
            unanswered = unanswered and getattr(entry, "purpose", "") != ""
        if size > most and not (unanswered and isinstance(entry, User)):
            break
        if isinstance(entry, User) or _begins(entries, place):
            kept = entry.n
    return kept


def _begins(entries: Sequence[Entry], place: int) -> bool:
    """Whether a response of the model begins here."""
    if not isinstance(entries[place], (Reasoning, Assistant, ToolCall, Hosted)):
        return False
    before = next(
        (each for each in reversed(entries[:place]) if each.kind not in ("decision", "notice")),
        None,
    )
    return isinstance(before, (Sampled, ToolResult, User))


def said(entries: Sequence[Entry], keep_from: int, most: int) -> tuple[str, ...]:
    """The user's words before a cut, the newest first up to `most` tokens; oldest first."""
    before = newest(entries)
    first = before.keep_from if before else 0
    found = list(before.said) if before else []
    found += [
        "\n".join(
            part.text if isinstance(part, Text) else f"[picture {part.name}]" for part in each.parts
        )
        for each in entries
        if isinstance(each, User) and first <= each.n < keep_from
    ]
    kept: list[str] = []
    for text in reversed(found):
        if len(text) > LONGEST:
            half = LONGEST // 2
            text = (
                f"{text[:half]}\n[… {len(text) - LONGEST:,} characters left out …]\n{text[-half:]}"
            )
        most -= len(text) // 4 + 8
        if most < 0:
            break
        kept.insert(0, text)
    return tuple(kept)


def plan(entries: Sequence[Entry]) -> str:
    """The plan as it stands; empty when there is none."""
    marks = {"completed": "x", "in_progress": ">"}
    for entry in reversed(entries):
        if isinstance(entry, ToolResult) and entry.data.get("plan"):
            return "\n".join(
                f"[{marks.get(str(each.get('status')), ' ')}] {each.get('step', '')}"
                for each in entry.data["plan"]
            )
        if isinstance(entry, Compacted):
            return entry.plan
    return ""


def files(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Files read or changed, the newest first; `*` before a changed one."""
    found: dict[str, bool] = {}
    for entry in reversed(entries):
        if isinstance(entry, ToolResult):
            for each in entry.data.get("changes", ()):
                if isinstance(each, dict) and each.get("kind") != "delete":
                    found[str(each.get("path"))] = True
            read = entry.data.get("read")
            if isinstance(read, str):
                found.setdefault(read, False)
        elif isinstance(entry, Compacted):
            for path in entry.files:
                name = path.removeprefix("*")
                found[name] = found.get(name, False) or path.startswith("*")
            break
    return tuple(f"*{path}" if changed else path for path, changed in [*found.items()][:FILES])
