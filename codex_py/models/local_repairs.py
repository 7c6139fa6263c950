"""Pure: what an answer of the small model plainly means, where it is not quite what it says."""

from __future__ import annotations

import re
from difflib import get_close_matches

EMPTIES = re.compile(r"^(?P<made>[^;&<>]*?[^;&<>\s])\s*>\s*(?P<path>[\w./-]+)\s*$")
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
