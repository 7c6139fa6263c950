"""Pure: what an answer of the small model plainly means, where it is not quite what it says."""

from __future__ import annotations

import re
from difflib import get_close_matches

from codex_py.models.local_syntax import late

EMPTIES = re.compile(r"^(?P<made>[^;&<>]*?[^;&<>\s])\s*>\s*(?P<path>[\w./-]+)\s*$")
KEYED = ("toml", "ini", "cfg", "conf", "env")
"""Suffixes of files in which a line sets a key."""
HEAD = re.compile(r"\s*\[")
KEY = re.compile(r"\s*([\w.\"-]+)\s*=")
FUNCTION = re.compile(r"(?m)^[ \t]*(?:async +)?(?:def|function|func|fn) +(\w+)")
OPTION = re.compile(r"\s*\w+\.add_argument\(.*\)\s*$")
"""A whole line that gives a program an option."""
LIKE = 0.6
"""How like each other two lines are, of which one is the other changed."""


def repaired(command: str) -> str:
    """A command that would empty the file that it reads, so that it does not."""
    match = EMPTIES.match(command)
    if match is None or match["path"] not in re.findall(r"[\w./-]+", match["made"]):
        return command
    path = match["path"]
    return f"{match['made']} > {path}.new && mv {path}.new {path}"


def widened(before: str, old: str, new: str) -> str:
    """The old text of an edit, with the lines around it that its new text has too.

    The model names the first line of what it means and writes all of it anew: put in the place
    of that line alone, the rest would be there twice.
    """
    if before.count(old) != 1 or not old.strip():
        return old
    head, _, tail = before.partition(old)
    if (head and not head.endswith("\n")) or not old.endswith("\n"):
        return old
    told = [each.strip() for each in new.splitlines() if each.strip()]
    for each in old.splitlines():
        if each.strip() in told:
            told.remove(each.strip())
    after = _shared(tail.splitlines(keepends=True), told)
    ahead = _shared(head.splitlines(keepends=True)[::-1], told)
    return "".join(ahead[::-1]) + old + "".join(after)


def placed(before: str, old: str, new: str, told: str) -> tuple[str, str]:
    """An edit of a text that stands in several places, as an edit of the one that is meant.

    That is where the new text is what stands there but for one line; else where the function
    around it is the only one of theirs that `told` names: what a failed check printed.
    """
    starts = [found.start() for found in re.finditer(rf"(?m)^{re.escape(old)}", before)]
    if len(starts) < 2 or not old.strip() or not old.endswith("\n"):
        return old, new
    lines = new.splitlines(keepends=True)
    for start in starts:
        there = before[start:].splitlines(keepends=True)[: len(lines)]
        same = sum(one == other for one, other in zip(there, lines, strict=False))
        part = "".join(there)
        if len(lines) > 1 and same == len(lines) - 1 and before.count(part) == 1:
            return part, new
    heads = [list(FUNCTION.finditer(before[:start]))[-1:] for start in starts]
    named = [
        (start, head[0].start())
        for start, head in zip(starts, heads, strict=True)
        if head and re.search(rf"(?<![A-Za-z0-9]){head[0][1]}(?![A-Za-z0-9])", told)
    ]
    if len(named) != 1 or FUNCTION.search(new):
        return old, new
    start, head = named[0]
    part = before[head:start] + old
    return (part, before[head:start] + new) if before.count(part) == 1 else (old, new)


def settled(path: str, before: str, content: str) -> str:
    """A file's new text, where a new line plainly belongs elsewhere, so that it is there.

    A key given once more takes the place of the old line in its section; an option is added
    before the options are read.
    """
    kind = path.rpartition(".")[2].lower()
    if kind in KEYED:
        return _once(before, content)
    return _ahead(content) if kind == "py" and late(path, before, content) else content


def _once(before: str, content: str) -> str:
    old = _keys(before.splitlines(keepends=True))
    lines = content.splitlines(keepends=True)
    keys = _keys(lines)
    dropped = []
    for key in dict.fromkeys(filter(None, keys)):
        if old.count(key) == 1 and keys.count(key) == 2:
            places = [place for place, each in enumerate(keys) if each == key]
            same = [place for place in places if lines[place] in before.splitlines(keepends=True)]
            dropped += same if len(same) == 1 and _whole(lines, places) else []
    return "".join(each for place, each in enumerate(lines) if place not in dropped)


def _keys(lines: list[str]) -> list[tuple[str, str] | None]:
    """The section and key of each line that sets one."""
    found: list[tuple[str, str] | None] = []
    section, ended = "", 0
    for line in lines:
        if HEAD.match(line):
            section, ended = line.strip(), ended + 1
        match = KEY.match(line)
        found.append((f"{ended} {section}", match[1]) if match else None)
    return found


def _whole(lines: list[str], places: list[int]) -> bool:
    """Whether each of some lines ends what it begins."""
    return all(
        lines[each].count(one) == lines[each].count(other)
        for each in places
        for one, other in ("[]", "{}")
    )


def _ahead(content: str) -> str:
    lines = content.splitlines(keepends=True)
    reads = next((place for place, each in enumerate(lines) if ".parse_args(" in each), None)
    if reads is None:
        return content
    depth = len(lines[reads]) - len(lines[reads].lstrip())
    moved = [
        place
        for place, each in enumerate(lines)
        if place > reads and OPTION.match(each) and len(each) - len(each.lstrip()) == depth
    ]
    rest = [each for place, each in enumerate(lines) if place > reads and place not in moved]
    return "".join([*lines[:reads], *(lines[each] for each in moved), lines[reads], *rest])


def narrowed(before: str, content: str) -> tuple[str, str] | None:
    """The old and new text of one edit that makes one text of another; None for no such edit."""
    old, new = before.splitlines(keepends=True), content.splitlines(keepends=True)
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    while True:
        part = "".join(old[first : len(old) - last])
        if part.strip() and before.count(part) == 1:
            return part, "".join(new[first : len(new) - last])
        if not first and not last:
            return None
        first, last = max(0, first - 1), max(0, last - 1)


def _shared(lines: list[str], told: list[str]) -> list[str]:
    """As many lines from the first on as a new text has too, one or the other a little changed.

    Two at least are to be the same, and the last one.
    """
    left, end, count = list(told), 0, 0
    for place, line in enumerate(lines):
        said = line.strip()
        if not said:
            continue
        found = [said] if said in left else get_close_matches(said, left, 1, LIKE)
        if not found:
            break
        left.remove(found[0])
        if found == [said]:
            end, count = place + 1, count + 1
    return lines[:end] if count > 1 else []
