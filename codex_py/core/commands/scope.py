"""What is carried along while a command line is walked: folders, variables, parts found."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import field, replace
from typing import TYPE_CHECKING

from codex_py.core.commands.line import Part
from codex_py.dataclass import dataclass

if TYPE_CHECKING:
    from tree_sitter import Node

DEEPEST = 40
MOST_PARTS = 200
MOST_FOLDERS = 6
Folders = tuple[str, ...]
"""The folders a part could run in, relative to where the line starts ("" is that place)."""

PROCESSES = re.compile(
    r"^(?:/|~|.*\.\.(?:/|$)).*?\bproc(?:/(?!(?:cpuinfo|meminfo|version|loadavg|uptime)$)|$)|^/proc/*$"
)
"""Paths into the folder that shows every program's environment."""


class Puzzled(Exception):
    """Something on the line cannot be read with certainty; the text says what."""


@dataclass(slots=True)
class Scope:
    """The state of one walk over one script."""

    source: bytes
    parts: list[Part]
    """Shared with the scripts inside this one."""
    inside: Callable[[list[Node], Scope, Folders], Folders]
    """Walks statements found inside a word, or inside a group."""
    script: Callable[[str, Scope, Folders, bool], None]
    """Walks a script handed to a shell as a word; the last argument says a plain `sh` runs it."""
    scripts: int = 0
    """How many `bash -c` this script is inside of."""
    posix: bool = False
    """True when a plain `sh` will run it, which reads some forms differently from bash."""
    variables: set[str] = field(default_factory=set)
    """Names given a value by the line itself."""

    def note(self, part: Part) -> None:
        """Add a part that was found."""
        if len(self.parts) >= MOST_PARTS:
            raise Puzzled(f"more than {MOST_PARTS} commands on one line")
        if any(PROCESSES.search(path) for path in part.reads):
            why = "files in /proc show environments, which may hold secrets"
            part = replace(part, reading=False, why=why)
        self.parts.append(part)


def both(one: Folders, other: Folders) -> Folders:
    """Every folder of either."""
    found = tuple(dict.fromkeys(one + other))
    if len(found) > MOST_FOLDERS:
        raise Puzzled("too many `cd` to follow")
    return found


def enter(folders: Folders, target: str) -> Folders:
    """Where a `cd` to target leads from each of these folders.

    With `..` behind a name, both the folder as bash counts it and the one found by following
    links are kept.
    """
    found: list[str] = []
    for folder in folders:
        spelled = place(folder, target)
        found.append(spelled)
        if ".." in spelled.split("/"):
            found.append(posixpath.normpath(spelled))
    return both(tuple(found), ())


def place(folder: str, path: str) -> str:
    """A path as seen from where the line starts."""
    if not folder or path.startswith(("/", "~")):
        return path
    return f"{folder}/{path}"


def placed(folders: Folders, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Every path from every folder it could be meant in."""
    return tuple(dict.fromkeys(place(folder, path) for folder in folders for path in paths))
