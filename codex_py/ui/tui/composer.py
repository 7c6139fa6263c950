"""The composer: what is typed, completed, pasted and sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

from prompt_toolkit.application.current import get_app
from prompt_toolkit.buffer import Buffer

from codex_py.ui.tui import menu as menus
from codex_py.ui.tui.draft import Draft, Message
from codex_py.ui.tui.files import Files
from codex_py.ui.tui.menu import Choice, Menu
from codex_py.ui.tui.talk import Talk
from codex_py.ui.tui.turns import Turns

TWICE = 1.5
"""Seconds in which a second Ctrl+C quits."""
BARE = ("exit", "quit", ":q")
"""Words that end the session when they are all that is sent."""


class Acts(Protocol):
    """What the composer asks of the session."""

    turns: Turns

    def submit(self, message: Message, *, steer: bool) -> None: ...

    def command(self, line: str) -> None: ...

    def own_command(self, line: str) -> None: ...

    def leave(self) -> None: ...

    def do(self, does: str) -> None: ...

    def focus(self, on: bool) -> None: ...

    def say(self, text: str, style: str = "dim") -> None: ...

    def hint(self, text: str) -> None: ...

    def redraw(self) -> None: ...


class Composer:
    """Ties the draft, the menu and the keys to what the session does. `buffer` is set once."""

    buffer: Buffer

    def __init__(self, acts: Acts, talk: Talk, cwd: str, about: Mapping[str, str]) -> None:
        self.acts = acts
        self.talk = talk
        self.menu = Menu()
        self.draft = Draft()
        self.queued = 0
        """Messages that wait, told by the session."""
        self._cwd = cwd
        self.about = about
        """The commands, each with what it does."""
        self._files: Files | None = None
        self._wanted: tuple[int, str] | None = None
        self._finding: asyncio.Task[None] | None = None
        self._stale = False
        self._dismissed = ""
        self._control_c_at = 0.0

    def attach(self, buffer: Buffer) -> None:
        """Take the screen's buffer."""
        self.buffer = buffer
        buffer.on_text_changed += lambda _: self._changed()
        buffer.on_cursor_position_changed += lambda _: self._changed()

    def enter(self, *, steer: bool = False) -> None:
        """Enter: choose from the menu, make a new line after a backslash, or send."""
        text = self.buffer.text
        if self.talk.writing:
            self._clear()
            self.talk.written(text)
            return
        if self.menu.open and not self._exact(text):
            return self.complete()
        before = self.buffer.document.text_before_cursor
        if before.endswith("\\") and not before.endswith("\\\\"):
            self.buffer.delete_before_cursor()
            self.buffer.insert_text("\n")
            return None
        if not text.strip():
            self.acts.turns.steer_first()
            return None
        self._send(text, steer)
        return None

    def _send(self, text: str, steer: bool) -> None:
        stripped = text.strip()
        self.menu.close()
        if stripped in BARE:
            self.acts.leave()
        elif stripped == "?":
            self._clear()
            self.acts.command("/keys")
        elif self._is_command(stripped):
            name = stripped[1:].split(None, 1)[0]
            if name in self.about:
                self._keep()
                self.acts.command(stripped)
            else:
                self.acts.say(f"there is no command /{name}; / lists them", "yellow")
        elif stripped.startswith("!") and stripped[1:].strip():
            self._keep()
            self.acts.own_command(stripped[1:].strip())
        else:
            message = self.draft.message(text.strip("\n"), self._cwd)
            self._tell_wrong()
            self.buffer.text = message.text
            self._keep()
            self.draft.clear()
            self.acts.submit(message, steer=steer)

    def _is_command(self, text: str) -> bool:
        name = text[1:].split(None, 1)[0] if text.startswith("/") and text[1:].strip() else ""
        return bool(name) and "/" not in name and name.replace("-", "").isalpha()

    def _keep(self) -> None:
        """The draft goes into the history; the history leaves out what holds a secret."""
        self._clear(keep=True)

    def _clear(self, *, keep: bool = False) -> None:
        self.buffer.reset(append_to_history=keep)
        get_app().vi_state.reset()  # with vi keys the next message begins in insert mode
        self.menu.close()
        self._wanted = None
        self.talk.typed_at = 0.0

    def _exact(self, text: str) -> bool:
        """Whether what is typed is itself a whole command or file, so that Enter sends it."""
        if text.startswith("/"):
            return text[1:].strip() in self.about
        before = self.buffer.document.text_before_cursor
        return any(before[self.menu.start :] == row.text.rstrip() for row in self.menu.rows)

    def complete(self) -> None:
        """Put the marked row into the draft."""
        if not self.menu.open:
            return
        row = self.menu.rows[self.menu.index]
        before = self.buffer.document.text_before_cursor
        self.buffer.delete_before_cursor(len(before) - self.menu.start)
        self.buffer.insert_text(row.text)
        if row.text.endswith(" "):
            self.menu.close()

    def dismiss(self) -> None:
        """Close the menu until the text changes."""
        self._dismissed = self.buffer.text
        self.menu.close()

    def _changed(self) -> None:
        self.talk.typed_at = time.monotonic()
        self.acts.hint("")
        if self.talk.writing:
            return self.menu.close()
        text = self.buffer.text
        before = self.buffer.document.text_before_cursor
        if text == self._dismissed and text:
            return None
        self._dismissed = ""
        if (
            text.startswith("/")
            and not any(each.isspace() for each in text)
            and "/" not in text[1:]
        ):
            return self.menu.show(menus.commands(text, self.about), 0)
        self._wanted = menus.at_word(before)
        if self._wanted is None:
            return self.menu.close()
        if self._finding is None or self._finding.done():
            self._finding = asyncio.get_running_loop().create_task(self._find())
        return None

    def _listed(self) -> None:
        """The files were listed anew: what is shown of them is looked up again."""
        self._stale = True
        if self._wanted is not None and (self._finding is None or self._finding.done()):
            self._finding = asyncio.get_running_loop().create_task(self._find())

    async def _find(self) -> None:
        """Search for what is wanted now, again while it changes."""
        files = self._opened()
        files.refresh()
        while self._wanted is not None:
            wanted, self._stale = self._wanted, False
            start, typed = wanted
            rows = await asyncio.to_thread(menus.files, typed, files.search)
            if self._wanted != wanted or self._stale:
                continue
            self._show_files(rows, start, files.busy)
            return
        self.menu.close()

    def _show_files(self, rows: list[Choice], start: int, busy: bool) -> None:
        note = "listing files…" if busy else "" if rows else "no file fits"
        self.menu.show(rows, start, note)
        self.acts.redraw()

    def _opened(self) -> Files:
        if self._files is None:
            loop = asyncio.get_running_loop()

            def again() -> None:
                loop.call_soon_threadsafe(self._listed)

            self._files = Files(self._cwd, again)
        return self._files

    def paste(self, data: str) -> None:
        """Pasted text: paths of pictures become tokens, long text is folded."""
        token = self.draft.dropped(data, self._cwd) if len(data) < 4_096 else ""
        self._tell_wrong()
        self.buffer.insert_text(f"{token} " if token else self.draft.paste(data))

    def _tell_wrong(self) -> None:
        for each in self.draft.wrong:
            self.acts.say(f"not attached: {each}", "yellow")
        self.draft.wrong.clear()

    def picture(self, name: str, data: bytes) -> None:
        """A picture from the clipboard."""
        self.buffer.insert_text(self.draft.picture(name, data) + " ")

    def backspace(self) -> None:
        """One character; a token goes as a whole."""
        token = self.draft.token_before(self.buffer.document.text_before_cursor)
        self.buffer.delete_before_cursor(max(1, len(token)))

    def can_take_back(self) -> bool:
        """Whether Up takes a queued message back."""
        return bool(self.queued) and not self.buffer.text

    def take_back(self) -> None:
        """The newest queued message returns to the composer."""
        self.buffer.insert_text(self.acts.turns.take_back())

    def put_back(self, text: str) -> None:
        """Text that could not be sent returns before what is typed now."""
        here = self.buffer.text
        self.buffer.text = f"{text}\n{here}" if here else text
        self.buffer.cursor_position = len(self.buffer.text)

    def escape(self) -> None:
        """Esc: leave a line that was asked for, or interrupt."""
        if self.talk.writing:
            self._clear()
            self.talk.written(None)
        else:
            self.acts.turns.interrupt()

    def control_c(self) -> None:
        """Ctrl+C: clear the line; else interrupt; else quit at the second."""
        if self.talk.writing or self.buffer.text:
            if self.talk.writing:
                self.talk.written(None)
            self.draft.clear()
            self._clear()
            return
        now = time.monotonic()
        if self.acts.turns.interrupt():
            return
        if now - self._control_c_at < TWICE:
            self.acts.leave()
        self._control_c_at = now
        self.acts.hint("Ctrl+C again quits")

    def stop(self) -> None:
        """No more completion."""
        if self._files is not None:
            self._files.stop()


def editor(environ: Mapping[str, str]) -> list[str]:
    """The person's editor as words of a command; empty when none is set or found."""
    import shlex
    import shutil

    for name in ("VISUAL", "EDITOR"):
        if environ.get(name, "").strip():
            return shlex.split(environ[name])
    return next(([each] for each in ("editor", "nano", "vi") if shutil.which(each)), [])
