"""Reads a repository's own folder by hand, so that git need never read its settings."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from codex_py.dataclass import dataclass

SMALL = 4096
LARGE = 64 * 2**20
HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
REF = re.compile(r"refs(?:/(?!\.)[^\x00-\x20~^:?*\[\\/]+)+")


class GitFailed(Exception):
    """Git could not answer; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a repository keeps its things. Nothing in it is trusted."""

    root: Path
    """The work tree: the folder that holds `.git`."""
    own: Path
    """HEAD and index of this work tree."""
    common: Path
    """Objects and references, shared by linked work trees."""


def find_root(path: str | Path) -> Path | None:
    """The folder of the repository that `path` lies in; looks only, runs nothing."""
    folder = Path(os.path.realpath(path))
    for each in (folder, *folder.parents):
        if (each / ".git").exists():
            return each
    return None


def find(path: str | Path) -> Folder | None:
    """The repository that `path` lies in, or None when there is none that is whole."""
    root = find_root(path)
    if root is None:
        return None
    own = root / ".git"
    pointer = text(own)
    if pointer is not None:
        if not pointer.startswith("gitdir:"):
            return None
        own = Path(os.path.realpath(root / pointer.removeprefix("gitdir:").strip()))
    shared = (text(own / "commondir") or "").strip()
    common = Path(os.path.realpath(own / shared)) if shared else own
    if text(own / "HEAD") is None or not (common / "objects").is_dir():
        return None
    return Folder(root, own, common)


def text(path: Path, limit: int = SMALL) -> str | None:
    """What a regular file holds, or None; a pipe or a device is never opened, a long one cut."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            found = file.read(limit)
            return None if "\0" in found else found
    except (OSError, ValueError):
        return None


def branch(folder: Folder) -> str | None:
    """The branch that is checked out; None when HEAD is a bare commit."""
    name = (text(folder.own / "HEAD") or "").strip().removeprefix("ref:").strip()
    return name.removeprefix("refs/heads/") if REF.fullmatch(name) else None


def head(folder: Folder) -> str | None:
    """The commit that HEAD names, or None before the first one."""
    value = (text(folder.own / "HEAD") or "").strip()
    for _ in range(5):
        if HASH.fullmatch(value):
            return value
        name = value.removeprefix("ref:").strip()
        if not REF.fullmatch(name):
            return None
        value = (text(folder.own / name) or text(folder.common / name) or "").strip()
        value = value or packed(folder, name)
    return None


def packed(folder: Folder, name: str) -> str:
    """The commit that the packed references give a name, or an empty text."""
    for line in (text(folder.common / "packed-refs", LARGE) or "").splitlines():
        value, _, found = line.partition(" ")
        if found == name:
            return value
    return ""
