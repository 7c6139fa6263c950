"""Pure: folds over the log that keep pictures within bounds; nothing here decodes one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from codex_py.core.entries import Entry, Image, Part, Sampled, Text, ToolResult, TurnEnded, User
from codex_py.core.request import project

FULL = 0.6
"""Share of the window from which old pictures leave the request."""
STEP = 0.05
"""Share of the window that a step must free: so the request's beginning seldom changes."""
NEWEST = 2
"""Entries with pictures that always stay."""


def pictures(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Image]]:
    """Every picture that was sent or shown, with its entry."""
    for entry in entries:
        if isinstance(entry, (User, ToolResult)):
            for part in entry.parts:
                if isinstance(part, Image):
                    yield entry, part


def spent(entries: Sequence[Entry]) -> int:
    """About how many tokens the pictures of the running turn cost."""
    start = 0
    for place, entry in enumerate(entries):
        if isinstance(entry, TurnEnded):
            start = place + 1
    return sum(image.tokens for _, image in pictures(entries[start:]))


def bounded(entries: Sequence[Entry], result: ToolResult, limit: int, window: int) -> ToolResult:
    """A result whose pictures are new to the model and within the turn's limit of tokens.

    What is left out is said in its place. A limit of 0 is none.
    """
    if not any(isinstance(part, Image) for part in result.parts):
        return result
    known = {image.blob for _, image in pictures(shed(project(entries), entries, window))}
    left = limit - spent(entries)
    parts: list[Part] = []
    for part in result.parts:
        if not isinstance(part, Image):
            parts.append(part)
        elif part.blob in known:
            parts.append(Text(SAME))
        elif limit and part.tokens > left:
            parts.append(Text(SPENT.format(limit=limit, tokens=part.tokens)))
        else:
            left -= part.tokens
            known.add(part.blob)
            parts.append(part)
    return replace(result, parts=tuple(parts))


SAME = (
    "[Not shown again: this very picture is already before you, above. Look at another part of "
    "it, or another picture, or go on.]"
)
SPENT = (
    "[Not shown: it would cost about {tokens:,} tokens, and the pictures of this turn may cost "
    "{limit:,} (image_tokens_per_turn). Crop closer, or go on with what you have seen.]"
)


def shed(projected: Sequence[Entry], entries: Sequence[Entry], window: int) -> tuple[Entry, ...]:
    """What is sent, old pictures replaced by notes once the window has filled.

    They leave in steps: all but the newest at once, and again only when enough have gathered.
    """
    cut = _cut(entries, window)
    if cut < 0:
        return tuple(projected)
    return tuple(
        _noted(entry) if entry.n <= cut and isinstance(entry, (User, ToolResult)) else entry
        for entry in projected
    )


def _cut(entries: Sequence[Entry], window: int) -> int:
    """The line up to which pictures have left; -1 while all are there."""
    cut = -1
    waiting: list[tuple[int, int]] = []
    for entry in entries if window else ():
        if isinstance(entry, Sampled):
            old = waiting[:-NEWEST]
            filled = entry.usage.input + entry.usage.output >= FULL * window
            if filled and sum(tokens for _, tokens in old) >= STEP * window:
                cut, waiting = old[-1][0], waiting[-NEWEST:]
        elif isinstance(entry, (User, ToolResult)):
            tokens = sum(part.tokens for part in entry.parts if isinstance(part, Image))
            if tokens:
                waiting.append((entry.n, tokens))
    return cut


def _noted(entry: User | ToolResult) -> Entry:
    if not any(isinstance(part, Image) for part in entry.parts):
        return entry
    parts = tuple(
        Text(
            f"[The picture {part.name or part.media_type} ({part.width} x {part.height}) was left "
            f"out here to make room; view_image kept:{part.blob[:8]} shows it again.]"
        )
        if isinstance(part, Image)
        else part
        for part in entry.parts
    )
    return replace(entry, parts=parts)
