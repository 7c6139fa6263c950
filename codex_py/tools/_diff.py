"""Pure: what a change looks like: line counts and a unified diff, quick on large files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codex_py.dataclass import dataclass
from codex_py.host.change import Change

WHOLE = 3_000
"""More differing lines than this on one side are shown as replaced whole, not compared."""

Step = tuple[bool, int, int, int, int]
"""Equal or not, then the lines `[start, stop)` of the old and of the new text."""


def counts(change: Change) -> tuple[int, int]:
    """Lines added and removed; (0, 0) when either side is not text."""
    sides = _sides(change, 0)
    if sides is None:
        return 0, 0
    steps = [step for step in _steps(sides.old, sides.new) if not step[0]]
    return sum(step[4] - step[3] for step in steps), sum(step[2] - step[1] for step in steps)


def unified(change: Change, context: int = 3) -> str:
    """A unified diff, empty when the content stays; one sentence for what is not text."""
    old, new = change.moved_from or change.path, change.path
    if change.link is not None and change.kind == "delete":
        return f"The link {old} to {change.link} is removed.\n"
    if change.before == change.after:
        return ""
    sides = _sides(change, context)
    if sides is None:
        before, after = len(change.before or b""), len(change.after or b"")
        return f"Binary file {new} differs: {before} bytes before, {after} after.\n"
    told = [
        f"--- {'/dev/null' if change.before is None else f'a/{old}'}\n",
        f"+++ {'/dev/null' if change.after is None else f'b/{new}'}\n",
    ]
    for hunk in _hunks(_steps(sides.old, sides.new), context):
        told += _drawn(hunk, sides)
    return "".join(told)


@dataclass(frozen=True, slots=True)
class _Sides:
    """The lines that differ, with the context around them, and how many lines come before."""

    old: list[str]
    new: list[str]
    above: int


def _sides(change: Change, context: int) -> _Sides | None:
    old, new = change.before or b"", change.after or b""
    if b"\0" in old or b"\0" in new:
        return None
    head = _same(old, new)
    tail = _same(old[head:][::-1], new[head:][::-1])
    for _ in range(context + 1):
        head = old.rfind(b"\n", 0, max(0, head)) if head > 0 else -1
    head += 1
    for _ in range(context + 1):
        found = old.find(b"\n", len(old) - tail) if tail > 0 else -1
        tail = len(old) - found - 1 if found >= 0 else 0
    try:
        return _Sides(
            _lines(old[head : len(old) - tail]),
            _lines(new[head : len(new) - tail]),
            old.count(b"\n", 0, head),
        )
    except UnicodeDecodeError:
        return None


def _same(old: bytes, new: bytes) -> int:
    """How many first bytes are equal: whole pieces first, then ever smaller ones."""
    at, least, piece = 0, min(len(old), len(new)), 1 << 16
    while piece:
        while at + piece <= least and old[at : at + piece] == new[at : at + piece]:
            at += piece
        piece >>= 1
    return at


def _lines(data: bytes) -> list[str]:
    # Not splitlines: a form feed or U+2028 inside a line is no line break.
    lines = data.decode("utf-8").split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def _steps(old: Sequence[str], new: Sequence[str]) -> list[Step]:
    head, least = 0, min(len(old), len(new))
    while head < least and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < least - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    stop, end = len(old) - tail, len(new) - tail
    steps: list[Step] = [(True, 0, head, 0, head)] if head else []
    if max(stop - head, end - head) > WHOLE or head in (stop, end):
        if (stop, end) != (head, head):
            steps.append((False, head, stop, head, end))
    else:
        from difflib import SequenceMatcher  # late: most changes are one run of lines

        matcher = SequenceMatcher(None, old[head:stop], new[head:end])
        steps += [
            (tag == "equal", a + head, b + head, c + head, d + head)
            for tag, a, b, c, d in matcher.get_opcodes()
        ]
    if tail:
        steps.append((True, stop, len(old), end, len(new)))
    return steps


def _hunks(steps: Sequence[Step], context: int) -> Iterator[list[Step]]:
    hunk: list[Step] = []
    for number, (equal, a, b, c, d) in enumerate(steps):
        if not equal:
            hunk.append((False, a, b, c, d))
            continue
        last = number == len(steps) - 1
        if hunk and (last or b - a > 2 * context):
            keep = min(context, b - a)
            yield [*hunk, (True, a, a + keep, c, c + keep)]
            hunk = []
        if not hunk:
            keep = min(context, b - a)
            hunk = [(True, b - keep, b, d - keep, d)]
        else:
            hunk.append((True, a, b, c, d))
    if any(not step[0] for step in hunk):
        yield hunk


def _drawn(hunk: Sequence[Step], sides: _Sides) -> Iterator[str]:
    first, last, above = hunk[0], hunk[-1], sides.above
    old, new = _range(first[1] + above, last[2] + above), _range(first[3] + above, last[4] + above)
    yield f"@@ -{old} +{new} @@\n"
    for equal, a, b, c, d in hunk:
        if equal:
            yield from map(_line, " " * (b - a), sides.old[a:b])
            continue
        yield from map(_line, "-" * (b - a), sides.old[a:b])
        yield from map(_line, "+" * (d - c), sides.new[c:d])


def _line(mark: str, line: str) -> str:
    return mark + line if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"


def _range(start: int, stop: int) -> str:
    count = stop - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"
