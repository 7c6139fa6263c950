"""The files of a kept tree, set out in a fresh folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

from codex_py.snapshots.state import State
from codex_py.snapshots.store import RESERVE, Damaged, Folders, content

FILE_BITS, FOLDER_BITS = 0o777, 0o3777
"""Mode bits that are given: never set-user-id, nor set-group-id on a file."""


def set_out(store: str, folders: Folders, top: str, target: str) -> tuple[int, list[str]]:
    """Write what the tree holds below the folder `top` into the empty folder `target`.

    Links into `top` lead into `target`. Returns how many files and links there are, and the
    paths, as they were, of which no content was kept. Raises Damaged, OSError.
    """
    if top not in folders:
        raise Damaged("the snapshot does not hold this folder")
    found = list(_below(folders, top, ""))
    _room(target, sum(state.size for _, state in found if state.kind == "file"))
    lost = [where for where, state in found if not state.kept]
    made: list[tuple[str, State]] = []
    count = 0
    for where, state in found:
        path = os.path.join(target, where)
        if state.kind == "folder":
            os.mkdir(path, 0o700)
            made.append((path, state))
        elif state.kind == "link":
            os.symlink(_turned(state.content, top, target), path)
        elif state.kind == "file":
            _write(path, content(store, state), state)
        count += state.kind in ("file", "link")
    for path, state in reversed(made):
        os.chmod(path, state.mode & FOLDER_BITS)
    return count, lost


def _below(folders: Folders, path: str, where: str) -> Iterator[tuple[str, State]]:
    """Every path below a folder, each folder before what is in it."""
    for name, state in folders.get(path, {}).items():
        if name in ("", ".", "..", ".git") or "/" in name or "\0" in name:
            raise Damaged("the snapshot holds a name that no file has")
        inner = os.path.join(where, name)
        yield inner, state
        if state.kind == "folder":
            yield from _below(folders, os.path.join(path, name), inner)


def _room(target: str, size: int) -> None:
    info = os.statvfs(target)
    left = info.f_bavail * info.f_frsize - size
    if left < min(RESERVE, info.f_blocks * info.f_frsize // 20):
        raise Damaged(f"there is no room for its {size >> 20:,} MB (TMPDIR names another place)")


def _turned(link: str, top: str, target: str) -> str:
    inside = link == top or link.startswith(top.rstrip("/") + "/")
    return target + link[len(top.rstrip("/")) :] if inside and len(top) > 1 else link


def _write(path: str, data: bytes, state: State) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        os.fchmod(file.fileno(), state.mode & FILE_BITS)
        os.utime(file.fileno(), ns=(state.written, state.written))
