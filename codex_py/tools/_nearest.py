"""Pure: why lines are not found in a text, said so that the next try can succeed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from codex_py.tools._lines import PASSES, Text, loosest, span
from codex_py.tools._patch import Block

AROUND = 3
"""Lines shown above and below the first difference."""
TRIED = 40
"""Lines compared letter by letter at most: keeps a failure quick in a large file."""
WIDE = 160
"""Characters of a line shown at most."""


def no_context(known: Text, context: str, cursor: int, name: str) -> str:
    """The message for an `@@` line that no line from `cursor` on equals."""
    first = f"Failed to find context '{context}' in {name}"
    if re.match(r"-\d+(,\d+)? \+\d+(,\d+)? @@", context):
        return f"{first}\nLine numbers are not used: write `@@` alone, or `@@ ` and a whole line."
    view = known.view(len(PASSES) - 1)
    (bare,) = loosest([context])
    if bare.endswith("@@") and bare[:-2].strip() in view:
        return f"{first}\nLeave out the closing @@."
    if bare in view:
        return (
            f"{first}\nIt is {span(view.index(bare), 1)}, but the search started at line "
            f"{cursor + 1}, after the blocks and `@@` lines before: put blocks in file order."
        )
    near = closest(view, bare)
    if near is None:
        return f"{first}\nNo line is like it: read the file again."
    return f"{first}\nIt must equal a whole line. Nearest is line {near + 1}:\n{known.lines[near]}"


def no_lines(known: Text, block: Block, cursor: int, name: str) -> str:
    """The message for old lines that do not follow each other anywhere from `cursor` on."""
    old = [line[1:] for line in block.lines if line[0] != "+"]
    first = f"Failed to find expected lines in {name}:\n" + "\n".join(old)
    return f"{first}\n\n{_why(known, block, cursor, old)}"


def _why(known: Text, block: Block, cursor: int, old: list[str]) -> str:
    view = known.view(len(PASSES) - 1)
    elsewhere = places(view, loosest(old))
    if elsewhere:
        return _misplaced(block, cursor, elsewhere[-1 if block.end else 0], len(old))
    new = [line[1:] for line in block.lines if line[0] != "-"]
    there = already(view, block, new)
    if there is not None:
        return (
            f"It seems already applied: the new lines are there ({span(there, len(new))}), "
            "the old ones are not."
        )
    return difference(known, old)


def already(view: list[str], block: Block, new: list[str]) -> int | None:
    """Where the new lines stand when they say enough to be recognised, else None."""
    adds = any(line[0] == "+" for line in block.lines)
    said = [line.strip() for line in new if line.strip()]
    if sum(map(len, said)) < 3 or not (adds or len(said) > 1):
        return None
    found = places(view, loosest(new))
    return found[0] if found else None


def _misplaced(block: Block, cursor: int, start: int, count: int) -> str:
    where = span(start, count)
    if start >= cursor:
        return f"They are {where}, but not at the end of the file: leave out *** End of File."
    if block.contexts and start == cursor - 1:
        return (
            f"They are {where}, which starts with the line of `@@ {block.contexts[-1]}` itself: "
            "do not repeat that line as the first of the block."
        )
    return (
        f"They are {where}, but the search started at line {cursor + 1}, after the blocks and "
        "`@@` lines before: put blocks in file order."
    )


def difference(known: Text, wanted: Sequence[str]) -> str:
    """The place most like `wanted`, the first line that differs there, and the lines around."""
    lines, view = known.lines, known.view(len(PASSES) - 1)
    flat, target = [_flat(line) for line in view], [_flat(line) for line in loosest(wanted)]
    start = nearest(flat, target)
    if start is None:
        return "Nothing in the file is like these lines: read the file again."
    there = flat[start : start + len(target)]
    at = _first_difference(there, target)
    for looks, words in ((view, loosest(wanted)), (lines, wanted)):
        if at == len(target):
            at = _first_difference(looks[start : start + len(target)], words)
    at = min(at, len(target) - 1)
    same = sum(one == other for one, other in zip(there, target, strict=False))
    found = lines[start + at] if start + at < len(lines) else None
    low, high = max(0, start + at - AROUND), min(len(lines), start + at + AROUND + 1)
    return "\n".join(
        [
            f"Nearest match: {span(start, len(there))} ({same} of {len(target)} lines equal). "
            f"First difference at line {start + at + 1}:",
            *_pair(wanted[at], found),
            "The file there:",
            *(f"{each + 1}: {lines[each][:WIDE]}" for each in range(low, high)),
        ]
    )


def _flat(line: str) -> str:
    return " ".join(line.split())


def _first_difference(there: Sequence[str], wanted: Sequence[str]) -> int:
    for at, text in enumerate(wanted):
        if at >= len(there) or there[at] != text:
            return at
    return len(wanted)


def _pair(expected: str, found: str | None) -> list[str]:
    if found is None:
        return [f"  expected: {expected[:WIDE]!r}", "  found:    the end of the file"]
    same = 0
    while same < min(len(expected), len(found)) and expected[same] == found[same]:
        same += 1
    cut = max(0, same - WIDE // 2) if max(len(expected), len(found)) > WIDE else 0
    lead = f"(from character {cut + 1}) " if cut else ""
    one, other = expected[cut : cut + WIDE], found[cut : cut + WIDE]
    # Letters that look the same (composed and decomposed) are told apart by their escapes.
    show = ascii if not one.isascii() or not other.isascii() else repr
    return [f"  expected: {lead}{show(one)}", f"  found:    {lead}{show(other)}"]


def nearest(flat: Sequence[str], target: Sequence[str]) -> int | None:
    """Where the most of `target` lines up with `flat`; a rare line counts more than `}`."""
    known = set(filter(None, target))
    found: dict[str, list[int]] = {}
    for at, line in enumerate(flat):
        if line in known:
            found.setdefault(line, []).append(at)
    votes: dict[int, float] = {}
    for offset, line in enumerate(target):
        spots = found.get(line, [])
        for at in spots[: 10 * TRIED]:
            start = max(0, at - offset)
            votes[start] = votes.get(start, 0) + len(line) / len(spots)
    if votes:
        return max(votes, key=lambda start: (votes[start], -start))
    for offset, line in sorted(enumerate(target), key=lambda each: -len(each[1]))[:3]:
        near = closest(flat, line)
        if near is not None:
            return max(0, near - offset)
    return None


def closest(flat: Sequence[str], line: str) -> int | None:
    """The line most like `line` among those that share one of its longer words, or None."""
    from difflib import SequenceMatcher  # late: only a failure pays for it

    words = sorted(set(re.findall(r"\w{3,}", line)), key=lambda word: (-len(word), word))
    candidates: set[int] = set()
    for word in words[:6]:
        candidates.update([at for at, each in enumerate(flat) if word in each][:TRIED])
        if len(candidates) >= TRIED:
            break
    if not candidates and len(flat) <= 5 * TRIED:
        candidates.update(range(len(flat)))
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(line[:WIDE])
    best, score = None, 0.5
    for at in sorted(candidates):
        matcher.set_seq1(flat[at][:WIDE])
        if matcher.real_quick_ratio() > score and matcher.quick_ratio() > score:
            ratio = matcher.ratio()
            if ratio > score:
                best, score = at, ratio
    return best


def places(view: list[str], wanted: list[str]) -> list[int]:
    """All places where `wanted` follows each other in `view`."""
    if not wanted:
        return []
    first, count = wanted[0], len(wanted)
    return [at for at, line in enumerate(view) if line == first and view[at : at + count] == wanted]
