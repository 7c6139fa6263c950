"""Thumbnails above the live area, in terminals known to show pictures; elsewhere the path."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import struct
import sys
import termios
from collections.abc import Mapping
from typing import TYPE_CHECKING

from codex_py.core.entries import Delta, Entry, Image, ToolResult, User
from codex_py.ui.text import one_line, paint

if TYPE_CHECKING:
    from codex_py.agent import Agent
    from codex_py.ui.tui.session import Sitting

ROWS, COLUMNS = 8, 40
"""Cells of the largest thumbnail."""
CELL = (8, 16)
"""Pixels of a cell where the terminal does not tell: rather too few, so that it fits."""
PIECE = 4_096
"""Bytes of one part of a kitty sequence."""
SIXELS = ("foot", "mlterm", "contour", "yaft")
"""Terminals, by the beginning of TERM, that show Sixel pictures."""


def protocol(environ: Mapping[str, str], wanted: str = "auto") -> str:
    """`kitty`, `iterm2`, `sixel`, or empty where pictures are not known to be shown.

    Judged by what terminals say of themselves in the environment: nothing is sent to ask them,
    as a late answer would be taken for typing.
    """
    if wanted != "auto":
        return "" if wanted == "off" else wanted
    term, name = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    between = ("TMUX", "STY", "ZELLIJ")
    if any(environ.get(each) for each in between) or term.startswith(("screen", "tmux", "dumb")):
        return ""
    if environ.get("KITTY_WINDOW_ID") or "kitty" in term or "ghostty" in (name, term[6:]):
        return "kitty"
    if name in ("iTerm.app", "WezTerm") or environ.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    if term.startswith(SIXELS) or name == "mintty":
        return "sixel"
    return ""


def cells(width: int, height: int, room: int, cell: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of a picture's thumbnail, `room` being the columns there are."""
    most = (min(COLUMNS, max(1, room - 4)) * cell[0], ROWS * cell[1])
    scale = min(1.0, most[0] / width, most[1] / height)
    columns, rows = -(-round(width * scale) // cell[0]), -(-round(height * scale) // cell[1])
    return max(1, columns), max(1, rows)


def block(how: str, data: bytes, columns: int, rows: int) -> str:
    """Whole lines that hold a picture: the room is made first, so that nothing scrolls after.

    `data` is PNG, or Sixel text. The cursor ends at the beginning of the line below.
    """
    drawn = {"kitty": _kitty, "iterm2": _iterm2}.get(how, _sixel)(data, columns, rows)
    lines = "\n" * rows
    return f"{lines}\x1b[{rows}A\x1b7\x1b[2C{drawn}\x1b8{lines}"


def _kitty(data: bytes, columns: int, rows: int) -> str:
    text = base64.b64encode(data).decode("ascii")
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    # q=2: the terminal must not answer, C=1: the cursor stays.
    head = f"a=T,f=100,q=2,C=1,c={columns},r={rows},"
    out: list[str] = []
    for place, piece in enumerate(pieces):
        more = int(place < len(pieces) - 1)
        out.append(f"\x1b_G{head if not place else ''}m={more};{piece}\x1b\\")
    return "".join(out)


def _iterm2(data: bytes, columns: int, rows: int) -> str:
    text = base64.b64encode(data).decode("ascii")
    facts = f"inline=1;size={len(data)};width={columns};height={rows};preserveAspectRatio=1"
    return f"\x1b]1337;File={facts};doNotMoveCursor=1:{text}\x07"


def _sixel(data: bytes, columns: int, rows: int) -> str:
    del columns, rows
    return data.decode("ascii")


def cell_size() -> tuple[int, int]:
    """Pixels of a cell, as the terminal tells; a careful guess where it does not."""
    try:
        told = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        rows, columns, width, height = struct.unpack("HHHH", told)
    except (OSError, ValueError):
        return CELL
    if not (rows and columns and width >= 4 * columns and height >= 8 * rows):
        return CELL
    return width // columns, height // rows


class Thumbs:
    """Shows the pictures of a session as they are logged."""

    def __init__(self, sitting: Sitting, agent: Agent, how: str) -> None:
        self._sitting, self._agent, self._how = sitting, agent, how

    def __call__(self, event: Entry | Delta) -> None:
        """A listener of the session's log."""
        if isinstance(event, (User, ToolResult)):
            made = isinstance(event, ToolResult)
            for part in event.parts:
                if not isinstance(part, Image):
                    continue
                if self._how:
                    self._sitting.spawn(self._show(part))
                elif made:
                    self._path(part)

    def _path(self, part: Image) -> None:
        path = one_line(str(self._agent.session.beside / part.blob), 400)
        self._sitting.screen.print(paint(f"    {path}", "dim", self._sitting.look.colour))

    async def _show(self, part: Image) -> None:
        from codex_py.host.images import NotAnImage, thumbnail  # late: few sessions have one

        cell = cell_size()
        columns, rows = cells(part.width, part.height, self._sitting.screen.width, cell)
        form = "sixel" if self._how == "sixel" else "png"
        # kitty and iTerm2 scale to the cells themselves: sharper where pixels are small.
        times = 1 if form == "sixel" else 2
        size = (times * columns * cell[0], times * rows * cell[1])
        try:
            data = await asyncio.to_thread(self._agent.session.blob, part.blob)
            small, _, _ = await asyncio.to_thread(thumbnail, data, *size, form)
        except (OSError, NotAnImage):
            return self._path(part)
        # Other things may have been printed meanwhile: the name says whose it is.
        look = self._sitting.look
        label = f"{'▣' if look.unicode else '#'} {one_line(part.name or part.media_type, 60)}"
        told = f"{paint(label, 'dim', look.colour)}\n{block(self._how, small, columns, rows)}"
        return self._sitting.screen.print(told)


def listen(sitting: Sitting, agent: Agent, environ: Mapping[str, str]) -> None:
    """Show every picture of the session from now on, as the settings and the terminal allow."""
    how = protocol(environ, sitting.settings.thumbnails)
    agent.session.subscribe(Thumbs(sitting, agent, how))
