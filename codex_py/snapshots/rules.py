"""Which folders are left out of the snapshots: caches, installed packages, what Git ignores.

Only folders are judged: a file that Git ignores (a .env, a local database) is kept as any other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

NEVER = frozenset({".git", ".hg", ".svn", ".jj"})
"""Names never looked at, files of that name neither: what keeps a repository's history."""
BUILT = frozenset(
    {
        "node_modules",
        "bower_components",
        "__pycache__",
        ".venv",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        ".eggs",
        ".gradle",
        ".terraform",
        ".cache",
    }
)
"""Folders left out wherever they are."""
MARKS = frozenset({"CACHEDIR.TAG", "pyvenv.cfg"})
"""A folder that holds one of these says itself that it can be made again."""
STANDS_IN = frozenset({".codex-py", ".codex_py", ".codex", ".vscode"})
"""Empty folders of these names may be the confinement's own: they come and go."""
LONGEST = 200_000
NAMED = re.compile(r"\[:([a-z]+):\]")
CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "xdigit": "0-9a-fA-F",
    "space": r"\s",
    "punct": r"!-.:-@\[-`{-~",
}


class Rule(NamedTuple):
    """One line of a .gitignore."""

    keep: bool
    pattern: re.Pattern[str]


class Rules(NamedTuple):
    """One .gitignore: the folder it counts from and its lines."""

    base: str
    lines: tuple[Rule, ...]


def read(path: str, base: str) -> Rules | None:
    """The rules of a file; None when there are none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            data = os.read(fd, LONGEST)
        finally:
            os.close(fd)
    except OSError:
        return None
    rules = tuple(rule for line in data.split(b"\n") if (rule := compiled(os.fsdecode(line))))
    return Rules(base, rules) if rules else None


def above(top: str) -> list[Rules]:
    """The rules of the folders from the Git root down to, but without, `top`."""
    folders: list[str] = []
    folder = top
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return []
        folders.append(parent)
        folder = parent
    found = [read(os.path.join(folder, ".git", "info", "exclude"), folder)]
    found += [read(os.path.join(each, ".gitignore"), each) for each in reversed(folders)]
    return [rules for rules in found if rules is not None]


def ignored(path: str, rules: Sequence[Rules]) -> bool:
    """Whether Git would leave out a folder; its parents are taken in."""
    for each in reversed(rules):
        below = path[len(each.base.rstrip("/")) + 1 :]
        for rule in reversed(each.lines):
            if rule.pattern.fullmatch(below):
                return not rule.keep
    return False


def compiled(line: str) -> Rule | None:
    """A line of a .gitignore, or None for one that says nothing of folders."""
    line = line.rstrip("\r")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    keep = line.startswith("!")
    line = line[1:] if keep else line
    line = line.removesuffix("/")
    anchored = "/" in line
    line = line.removeprefix("/")
    if not line:
        return None
    translated = _regex(line)
    if translated is None:
        return None
    try:
        return Rule(keep, re.compile(("" if anchored else "(?:.*/)?") + translated, re.DOTALL))
    except re.error:
        return None


def _regex(text: str) -> str | None:
    found: list[str] = []
    place = 0
    while place < len(text):
        start = place == 0 or text[place - 1] == "/"
        if start and text.startswith("**/", place):
            found.append("(?:.*/)?")
            place += 3
        elif start and text[place:] == "**":
            found.append(".+")
            place += 2
        elif text[place] == "*":
            while text[place : place + 1] == "*":
                place += 1
            found.append("[^/]*")
        elif text[place] == "?":
            found.append("[^/]")
            place += 1
        elif text[place] == "[":
            end = _class(text, place)
            if end < 0:
                return None
            inner = text[place + 1 : end]
            negated = inner[:1] in ("!", "^")
            inner = inner[1:] if negated else inner
            inner = re.sub(r"\\(?![\\\]\-^])", "", inner)
            inner = NAMED.sub(lambda found: CLASSES.get(found[1], ""), inner).replace("[", r"\[")
            found.append(f"(?!/)[{'^' if negated else ''}{inner}]")
            place = end + 1
        else:
            if text[place] == "\\":
                place += 1
                if place == len(text):
                    return None
            found.append(re.escape(text[place]))
            place += 1
    return "".join(found)


def _class(text: str, place: int) -> int:
    """Where the bracket that opens here closes; -1 when it does not."""
    at = place + 1
    if text[at : at + 1] in ("!", "^"):
        at += 1
    if text[at : at + 1] == "]":
        at += 1
    while at < len(text) and text[at] != "]":
        named = NAMED.match(text, at)
        at = named.end() if named else at + (2 if text[at] == "\\" else 1)
    return at if at < len(text) else -1
