"""How much a workspace holds, looked at before any of it is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from codex_py.snapshots import rules
from codex_py.snapshots.rules import Rules
from codex_py.snapshots.state import FOLDER
from codex_py.snapshots.tree import TooMuch, Tree, reach


def measured(tree: Tree, room: int) -> Iterator[None]:
    """Count all files and bytes that would be kept, folder by folder.

    Raises TooMuch as soon as there are more files than the tree keeps, or more bytes than `room`.
    """
    files = size = 0
    for root in tree.roots:
        for found, inner in _folders(tree, root):
            files += found
            size += inner
            if files > tree.most:
                raise TooMuch(f"it holds more than {tree.most:,} files (undo_max_files)")
            if size > room:
                raise TooMuch(f"it holds more than {room >> 20:,} MiB (half of undo_disk_mb)")
            yield


def _folders(tree: Tree, root: str) -> Iterator[tuple[int, int]]:
    try:
        fd = reach(root)
    except OSError:
        return
    try:
        yield from _folder(tree, fd, root, root.count("/"), rules.above(root))
    finally:
        os.close(fd)


def _folder(
    tree: Tree, fd: int, path: str, depth: int, above: list[Rules]
) -> Iterator[tuple[int, int]]:
    try:
        with os.scandir(fd) as scan:
            entries = list(scan)
    except OSError:
        return
    own = rules.read(os.path.join(path, ".gitignore"), path)
    here = [*above, own] if own else above
    files = size = 0
    inner: list[tuple[str, str]] = []
    for entry in entries:
        full = f"{path.rstrip('/')}/{entry.name}"
        if entry.name in rules.NEVER or full == tree.own:
            continue
        try:
            info = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISDIR(info.st_mode):
            if tree.left_out(fd, entry.name, full, here, depth):
                continue
            inner.append((entry.name, full))
        elif info.st_size <= tree.limit:
            size += info.st_size
        files += 1
    yield files, size
    for name, full in inner:
        try:
            below = os.open(name, FOLDER, dir_fd=fd)
        except OSError:
            continue
        try:
            yield from _folder(tree, below, full, depth + 1, here)
        finally:
            os.close(below)
