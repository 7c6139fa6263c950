"""Whole trees of earlier sessions: what need not be read again, and what a journal starts from."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import NamedTuple

from codex_py.snapshots.store import Damaged, Folders, read_base, write_base

PACKS = 20
"""Packs that a base may lie in: then it is written anew, in one."""


class Base(NamedTuple):
    """A whole tree, where its contents lie, and how many paths it has."""

    name: str
    folders: Folders
    packs: list[str]
    contents: dict[str, tuple[str, int]]
    paths: int


def newest(folder: str, roots: Sequence[str]) -> Base | None:
    """The newest base for these roots that is whole; None when there is none of use."""
    name = _pointer(folder, roots)
    if not name:
        return None
    try:
        folders, packs = read_base(folder, name)
    except Damaged:
        return None
    sizes = {}
    for each in packs:
        try:
            sizes[each] = os.path.getsize(os.path.join(folder, "packs", each))
        except OSError:
            return None
    if len(packs) > PACKS:
        return None
    contents = {}
    count = 0
    for names in folders.values():
        count += len(names)
        for state in names.values():
            if state.kind == "file":
                if state.at + state.size > sizes.get(state.pack, 0) and state.pack:
                    return None
                contents[state.content] = (state.pack, state.at)
    return Base(name, folders, packs, contents, count)


def write(
    folder: str, name: str, roots: Sequence[str], folders: Folders, packs: Sequence[str]
) -> None:
    """Keep a whole tree as the newest base for these roots."""
    used = {state.pack for names in folders.values() for state in names.values() if state.pack}
    write_base(folder, name, folders, [each for each in packs if each in used])
    path = os.path.join(folder, "newest")
    fresh = f"{path}.{name}"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"name": name, "roots": list(roots)}, file)
    os.rename(fresh, path)


def _pointer(folder: str, roots: Sequence[str]) -> str:
    try:
        with open(os.path.join(folder, "newest"), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return ""
    if not isinstance(found, dict) or found.get("roots") != list(roots):
        return ""
    return str(found.get("name", ""))
