"""A list in the terminal to choose a session from, before one is open."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Literal

from codex_py.ui.newest import Newest, reading
from codex_py.ui.sifter import Row, Sifter
from codex_py.ui.text import visible
from codex_py.ui.tui.look import Look, look

NUMBERED = 50
"""Sessions listed where nothing can be redrawn."""


def pick(heading: str, rows: Sequence[Row], newest: Newest) -> str:
    """Ask on the terminal; returns the log that was taken, empty for none.

    `rows` are the first ones; the others are read as somebody looks.
    """
    seen = look(os.environ, sys.stderr.encoding or "")
    if seen.plain:
        return _numbered(heading, rows)
    return asyncio.run(_listed(heading, rows, newest, seen))


def _numbered(heading: str, rows: Sequence[Row]) -> str:
    """The same where nothing can be redrawn."""
    shown = rows[:NUMBERED]
    told = [visible(heading)]
    for at, row in enumerate(shown, 1):
        parts = (row.age, row.folder, row.branch, row.cost, row.title)
        told.append(f"{at}: {'  '.join(each for each in parts if each)}")
    sys.stderr.write("\n".join(told) + "\nnumber: ")
    sys.stderr.flush()
    said = sys.stdin.readline().strip()
    return shown[int(said) - 1].path if said.isdecimal() and 0 < int(said) <= len(shown) else ""


async def _listed(heading: str, rows: Sequence[Row], newest: Newest, seen: Look) -> str:
    from prompt_toolkit.application import Application  # late: only where a person chooses
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.keys import Keys
    from prompt_toolkit.layout import FormattedTextControl, Layout, Window
    from prompt_toolkit.output import ColorDepth
    from prompt_toolkit.output.defaults import create_output

    from codex_py.ui.tui.screen import STYLE

    keys, output = KeyBindings(), create_output(stdout=sys.stderr)
    sifter = Sifter(heading, lambda: output.get_size().rows - 3)
    sifter.add(rows, done=newest.done)

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        if sifter.taken:
            event.app.exit(result=sifter.taken)

    @keys.add("escape", eager=True)
    @keys.add("c-c")
    @keys.add("c-d")
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result="")

    def moving(name: str, by: int) -> None:
        keys.add(name)(lambda _: sifter.move(by))

    def going(where: Literal["home", "end", "pageup", "pagedown"]) -> None:
        keys.add(where)(lambda _: sifter.go(where))

    for name, by in (("up", -1), ("c-p", -1), ("down", 1), ("c-n", 1)):
        moving(name, by)
    going("home")
    going("end")
    going("pageup")
    going("pagedown")
    keys.add("backspace")(lambda _: sifter.rub())

    @keys.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        sifter.paste(event.data)

    @keys.add(Keys.Any)
    def _(event: KeyPressEvent) -> None:
        sifter.key(event.data)

    def shown() -> StyleAndTextTuples:
        return [*sifter.fragments(output.get_size().columns, seen.unicode)]

    control = FormattedTextControl(shown, show_cursor=False)
    app: Application[str] = Application(
        Layout(Window(control, wrap_lines=False, dont_extend_height=True)),
        style=STYLE,
        key_bindings=keys,
        output=output,
        color_depth=None if seen.colour else ColorDepth.DEPTH_1_BIT,
        erase_when_done=True,
    )
    async with reading(sifter, newest, app.invalidate):
        return await app.run_async()
