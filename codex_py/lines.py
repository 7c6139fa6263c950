"""Reads a command line as it would run here: its parts, resolved, for policy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from codex_py.core.policy import Piece, ReadLine, inside


def reader(roots: Sequence[str], environ: Mapping[str, str]) -> ReadLine:
    """Reads command lines as they would run here, with this PATH."""

    def read(command: str, cwd: str) -> tuple[Piece, ...]:
        return read_pieces(command, cwd, tuple(roots), environ.get("PATH", ""))

    return read


def read_pieces(
    command: str, cwd: str, roots: tuple[str, ...] = (), path: str = ""
) -> tuple[Piece, ...]:
    """A command line's parts for policy; a line not understood in whole is an asking part itself.

    A name that PATH leads into one of the roots is not the program it seems to be.
    """
    from codex_py.core.commands import read_line  # late: the grammar is loaded when needed

    line = read_line(command)
    unread = Piece(command, False, "it could not be understood", known=False)
    if not line.understood and all(part.reading for part in line.parts):
        return (unread,)
    found = []
    for part in line.parts:
        reads = tuple(_real(each, cwd) for each in part.reads)
        planted = next((each for each in part.programs if _planted(each, cwd, roots, path)), "")
        if planted:
            why = f"PATH leads to a {planted} inside the workspace"
            found.append(Piece(part.text, False, why, reads))
        else:
            found.append(Piece(part.text, part.reading, part.why, reads, part.walled))
    return tuple(found) if line.understood else (*found, unread)


def _planted(name: str, cwd: str, roots: tuple[str, ...], path: str) -> bool:
    """Whether the first program of that name on PATH lies where an edit could have put it."""
    for folder in path.split(":") if path and "/" not in name else ():
        full = os.path.join(cwd, folder, name)
        if os.access(full, os.X_OK) and not os.path.isdir(full):
            return (
                not os.path.isabs(folder)
                or inside(os.path.realpath(full), roots)
                or inside(os.path.realpath(folder or cwd), roots)
            )
    return False


def _real(path: str, cwd: str) -> str:
    return os.path.realpath(os.path.join(cwd, os.path.expanduser(path)))
