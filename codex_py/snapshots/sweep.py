"""Removes what no session needs any more: by age, then by how much room all of it takes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import NamedTuple

from codex_py.snapshots.store import Damaged, Store, base_packs, header

DAYS = 30.0
"""Age at which a session's snapshots go."""


class _Old(NamedTuple):
    at: float
    folder: str
    name: str


def sweep(top: str, most: int, own: Store | None, days: float = DAYS) -> int:
    """Remove old journals, then what only they needed; returns the bytes that are left.

    While all together take more than `most` bytes the oldest go, whatever their age; never the
    newest of a workspace, nor one in use.
    """
    left = 0
    journals: list[_Old] = []
    for name in _listed(top):
        folder = os.path.join(top, name)
        mine = [_Old(_at(folder, each), folder, each) for each in _listed(folder, "journals")]
        journals += sorted(mine)[:-1]
        left += _prune(folder, own) if own is not None and own.folder == folder else _size(folder)
    now = time.time()
    for each in sorted(journals):
        if (now - each.at < days * 86_400 and left <= most) or not _free(each, own):
            continue
        before = _size(each.folder)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(each.folder, "journals", each.name))
        left += _prune(each.folder, own) - before
    return left


def abandon(folder: str, name: str) -> None:
    """Remove what a session wrote that ended before its first snapshot was whole."""
    if name in _listed(folder, "journals") or name in _listed(folder, "bases"):
        return
    for path in (os.path.join("packs", name), os.path.join("bases", f"{name}.new")):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, path))


def _prune(folder: str, own: Store | None) -> int:
    """Remove the bases and packs of a workspace that no journal names."""
    bases: set[str] = set()
    packs: set[str] = set()
    if own is not None and own.folder == folder:
        packs.add(own.name)
        bases.add(own.name)
    for name in _listed(folder, "journals"):
        try:
            top = header(folder, name)
        except Damaged:
            continue
        bases.add(str(top.get("base")))
        packs |= {str(each) for each in top.get("packs", ())}
    for name in bases:
        with contextlib.suppress(Damaged):
            packs |= set(base_packs(folder, name))
    for kind, kept in (("bases", bases), ("packs", packs)):
        for name in _listed(folder, kind):
            path = os.path.join(folder, kind, name)
            with contextlib.suppress(OSError):
                if name not in kept and time.time() - os.path.getmtime(path) > 3_600:
                    os.unlink(path)
    return _size(folder)


def _listed(*parts: str) -> list[str]:
    try:
        return sorted(os.listdir(os.path.join(*parts)))
    except OSError:
        return []


def _at(folder: str, name: str) -> float:
    try:
        return os.path.getmtime(os.path.join(folder, "journals", name))
    except OSError:
        return 0.0


def _free(each: _Old, own: Store | None) -> bool:
    """Whether no running session writes a journal."""
    if own is not None and own.folder == each.folder and own.name == each.name:
        return False
    try:
        fd = os.open(os.path.join(each.folder, "journals", each.name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _size(folder: str) -> int:
    total = 0
    for kind in ("journals", "bases", "packs"):
        for name in _listed(folder, kind):
            with contextlib.suppress(OSError):
                total += os.path.getsize(os.path.join(folder, kind, name))
    return total
