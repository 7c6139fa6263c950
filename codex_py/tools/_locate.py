"""Pure: find the blocks of an update in a text and compute the new text.

Only matched lines change: every other line, its ending included, stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add

from codex_py.tools._lines import PASSES, EditError, Match, Text, span
from codex_py.tools._nearest import no_context, no_lines
from codex_py.tools._patch import Block


def apply(text: str, blocks: Sequence[Block], name: str) -> tuple[str, tuple[str, ...]]:
    """The text with the blocks applied, and notes on how loosely they matched.

    `name` is the file in messages. Raises EditError; then nothing of the text has changed.
    """
    known = Text(text)
    cursor = 0
    edits: list[tuple[Match, tuple[str, ...]]] = []
    notes: list[str] = []
    for number, block in enumerate(blocks, 1):
        label = f"block {number}" if len(blocks) > 1 else "the block"
        cursor = _narrow(known, block, cursor, name)
        if all(line[0] == "+" for line in block.lines):
            end = len(known.lines)
            edits.append((Match(end, end, 0), block.lines))
            if block.contexts:
                notes.append(_appended(name, label, block))
            continue
        match, lines = _place(known, block, cursor, name)
        notes += _told(known, block, match, lines, f"{name}: {label}")
        edits.append((match, lines))
        cursor = match.stop
    if not any(line[0] != " " for _, lines in edits for line in lines):
        return text, tuple(notes)
    return _assemble(known, edits), tuple(notes)


def _narrow(known: Text, block: Block, cursor: int, name: str) -> int:
    for context in block.contexts:
        match = known.find((context,), cursor)
        if match is None:
            raise EditError(no_context(known, context, cursor, name))
        cursor = match.stop
    return cursor


def _place(known: Text, block: Block, cursor: int, name: str) -> tuple[Match, tuple[str, ...]]:
    lines = block.lines
    wanted = [line[1:] for line in lines if line[0] != "+"]
    match = known.find(wanted, cursor, end=block.end)
    if match is None and not wanted[-1]:
        lines = _without_last_blank(lines)
        shorter = [line[1:] for line in lines if line[0] != "+"]
        match = known.find(shorter, cursor, end=block.end)
    if match is None:
        raise EditError(no_lines(known, block, cursor, name))
    return match, lines


def _without_last_blank(lines: tuple[str, ...]) -> tuple[str, ...]:
    kept = list(lines)
    if kept[-1] == "+":
        del kept[-1]
    del kept[max(at for at, line in enumerate(kept) if line[0] != "+")]
    return tuple(kept)


def _appended(name: str, label: str, block: Block) -> str:
    return (
        f"{name}: {label} has only added lines: they were put at the end of the file, not after "
        f"'@@ {block.contexts[-1]}'. To insert elsewhere, give a context line above or below."
    )


def _told(known: Text, block: Block, match: Match, lines: tuple[str, ...], who: str) -> list[str]:
    notes = []
    place = span(match.start, match.stop - match.start)
    if match.level:
        notes.append(f"{who} matched {place} {PASSES[match.level]}.")
    wanted = [line[1:] for line in lines if line[0] != "+"]
    if wanted and not (block.contexts or block.end):
        other = known.again(wanted, match)
        if other is not None:
            notes.append(
                f"{who} matched {place}, the first of several equal places "
                f"(the next: {span(other, len(wanted))})."
            )
    return notes


def _assemble(known: Text, edits: list[tuple[Match, tuple[str, ...]]]) -> str:
    lines, ends = known.lines, known.ends
    if ends and not ends[-1]:
        ends[-1] = ends[-2] if len(ends) > 1 else "\n"
    pieces: list[str] = []
    done = 0
    for match, changed in sorted(edits, key=lambda edit: edit[0].start):
        pieces += map(add, lines[done : match.start], ends[done : match.start])
        at = match.start
        for line in changed:
            if line[0] == "+":
                pieces.append(line[1:] + _ending(ends, at))
                continue
            if line[0] == " ":
                pieces.append(lines[at] + ends[at])
            at += 1
        done = match.stop
    pieces += map(add, lines[done:], ends[done:])
    return "".join(pieces)


def _ending(ends: list[str], at: int) -> str:
    """The ending of a new line: that of the line it stands before, else of the last line."""
    if at < len(ends):
        return ends[at]
    return ends[-1] if ends else "\n"
