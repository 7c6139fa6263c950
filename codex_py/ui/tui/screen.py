"""The terminal: a small live area at the end of what was printed, nothing above it touched."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import field
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Size
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition, is_searching
from prompt_toolkit.formatted_text import ANSI, AnyFormattedText, to_formatted_text
from prompt_toolkit.history import History
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.key_binding import KeyBindingsBase
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, VerticalAlign, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.processors import AfterInput, ConditionalProcessor
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import SearchToolbar

from codex_py.dataclass import dataclass
from codex_py.redact import NOTHING
from codex_py.ui.tui.look import Look

STYLE = Style.from_dict(
    {
        "dim": "ansibrightblack",
        "warn": "ansiyellow",
        "free": "ansigreen",
        "ask": "ansicyan",
        "spin": "ansicyan",
        "chosen": "bold ansicyan",
        "question": "bold",
        "mark": "bold ansicyan",
    }
)
TOGETHER = 0.03
"""Seconds for which what is printed is gathered, so that one redraw serves many pieces."""
SLICE = 0.004
"""Seconds of drawing after which keys are looked at again."""


@dataclass(slots=True)
class Parts:
    """What the live area shows: each is asked at every redraw, for a width in columns."""

    live: Callable[[int], Sequence[tuple[str, str]]]
    question: Callable[[int], Sequence[tuple[str, str]]]
    menu: Callable[[int], Sequence[tuple[str, str]]]
    status: Callable[[int], Sequence[tuple[str, str]]]
    placeholder: Callable[[], str]
    mark: Callable[[], str]
    typing: Callable[[], bool]
    """Whether the composer is shown."""


@dataclass(slots=True)
class Device:
    """The terminal's two ends; tests hand in a pipe and a recorder."""

    input: Input = field(default_factory=create_input)
    output: Output | None = None


class Screen:
    """One prompt_toolkit application for the whole session, without the alternate screen.

    Contract: `print` may be called at any time from the loop's thread; the text, whole lines
    already safe for a terminal, lands above the live area in order. What is handed over as
    pieces is drawn a little at a time, so that a key never waits for a long answer.
    """

    def __init__(
        self, parts: Parts, look: Look, history: History, keys: KeyBindingsBase, device: Device
    ) -> None:
        self._parts = parts
        self._undrawn: deque[Iterator[str]] = deque()
        self._drawing = False
        self.clean = NOTHING
        """Takes known secrets out of what is printed."""
        self._pending: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._away = False
        self._columns = 0
        self.resized: Callable[[int], None] = lambda _: None
        """Told the new width before anything is printed for it."""
        self.buffer = Buffer(history=history, multiline=True, name="composer")
        self.search = SearchToolbar()
        self.app: Application[int] = Application(
            layout=self._layout(),
            style=STYLE,
            key_bindings=keys,
            editing_mode=EditingMode.VI if look.vi else EditingMode.EMACS,
            color_depth=None if look.colour else ColorDepth.DEPTH_1_BIT,
            input=device.input,
            output=device.output or _output(),
            include_default_pygments_style=False,
            erase_when_done=True,
            max_render_postpone_time=None,
        )
        self.app.ttimeoutlen = self.app.timeoutlen = 0.05

    @property
    def width(self) -> int:
        """Columns."""
        return self.app.output.get_size().columns

    def _layout(self) -> Layout:
        parts = self._parts
        composer = Window(
            BufferControl(
                self.buffer,
                search_buffer_control=self.search.control,
                preview_search=True,
                input_processors=[
                    ConditionalProcessor(
                        AfterInput(lambda: parts.placeholder(), style="class:dim"),
                        Condition(lambda: not self.buffer.text) & ~is_searching,
                    )
                ],
            ),
            get_line_prefix=lambda line, wrapped: [
                ("class:mark", parts.mark() if not line and not wrapped else "  ")
            ],
            wrap_lines=True,
            height=lambda: Dimension(min=1, max=max(3, self.app.output.get_size().rows // 2)),
            dont_extend_height=True,
        )
        typing = Condition(parts.typing)
        control = FormattedTextControl(
            self._once(parts.question), focusable=True, show_cursor=False
        )
        self._choice = Window(control, dont_extend_height=True)
        self._composer = composer
        rows = HSplit(
            [
                self._strip(parts.live),
                ConditionalContainer(self._choice, ~typing),
                ConditionalContainer(composer, typing),
                ConditionalContainer(self.search, typing),
                self._strip(parts.menu),
                self._strip(parts.status),
            ],
            align=VerticalAlign.TOP,
        )
        return Layout(rows, focused_element=composer)

    def _strip(self, text: Callable[[int], Sequence[tuple[str, str]]]) -> ConditionalContainer:
        once = self._once(text)
        window = Window(FormattedTextControl(once), dont_extend_height=True)
        return ConditionalContainer(window, Condition(lambda: bool(once())))

    def _once(
        self, text: Callable[[int], Sequence[tuple[str, str]]]
    ) -> Callable[[], AnyFormattedText]:
        """The text of a strip, asked for once in a redraw, which wants it several times."""
        known: list[Any] = [-1, []]

        def asked() -> AnyFormattedText:
            if known[0] != self.app.render_counter:
                known[:] = self.app.render_counter, list(text(self.width))
            found: AnyFormattedText = known[1]
            return found

        return asked

    def ask(self, on: bool) -> None:
        """Keys go to the question, or back to the composer."""
        self.app.layout.focus(self._choice if on else self._composer)

    def print(self, text: str | Iterable[str]) -> None:
        """Put finished lines above the live area; pieces are drawn when their turn comes."""
        self._undrawn.append(iter((text,) if isinstance(text, str) else text))
        if not self._drawing and self.app.is_running:
            self._drawing = True
            asyncio.get_running_loop().call_soon(self._draw)

    def _draw(self, seconds: float = SLICE) -> None:
        """Draw what waits, for so long; the rest after the keys that were typed meanwhile."""
        self._drawing = False
        until = time.monotonic() + seconds
        while self._undrawn and time.monotonic() < until:
            try:
                text = next(self._undrawn[0], None)
            except BaseException:
                self._undrawn.popleft()
                raise
            if text is None:
                self._undrawn.popleft()
            elif text:
                text = self.clean.text(text)
                self._pending.append(text if text.endswith("\n") else text + "\n")
        loop = asyncio.get_running_loop()
        if self._undrawn:
            self._drawing = True
            loop.call_soon(self._draw)
        if self._pending and self._timer is None and self.app.is_running:
            self._timer = loop.call_later(TOGETHER, self._write)

    def flush(self) -> None:
        """Draw and write all that waits now."""
        while self._undrawn:
            self._draw(60.0)
        self._write()

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending or self._away:
            return
        text = "".join(self._pending)
        self._pending.clear()
        output = self.app.output
        if self.app.is_running:
            output.write_raw("\x1b[?2026h")
            self.app.renderer.erase(leave_alternate_screen=False)
        output.write_raw(text.replace("\n", "\r\n"))
        try:
            if self.app.is_running:
                self.app._redraw()
        finally:  # what is printed gets out whatever becomes of the live area
            output.write_raw("\x1b[?2026l")
            output.flush()

    def raw(self, sequence: str) -> None:
        """Send a control sequence that moves nothing: a title, a bell."""
        self.app.output.write_raw(sequence)
        self.app.output.flush()

    def redraw(self) -> None:
        """Draw the live area again soon."""
        self.app.invalidate()

    async def away(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Give the terminal to another program until `work` is done."""
        from prompt_toolkit.application import in_terminal  # late: rarely needed

        self.flush()
        self._away = True
        try:
            async with in_terminal():
                return await work()
        finally:
            self._away = False
            self.flush()

    async def run(self, ready: Callable[[], None]) -> int:
        """Draw, then read keys until `leave`. `ready` is called after the first paint."""
        first = [ready]

        def painted(_: object) -> None:
            if first:
                first.pop()()
            if self.width != self._columns:
                self._columns = self.width
                self.resized(self._columns)

        self.app.after_render += painted
        try:
            return await self.app.run_async(handle_sigint=False, set_exception_handler=False)
        finally:
            self.flush()

    def leave(self, code: int) -> None:
        """End `run`."""
        if self.app.is_running and not self.app.is_done:
            self.app.exit(result=code)


def ansi(text: str) -> list[tuple[str, str]]:
    """Text with colour sequences of our own renderer, for the live area."""
    return [(style, words) for style, words, *_ in to_formatted_text(ANSI(text))]


class _Quiet(Vt100_Output):
    """Erases so that no terminal takes the live area into its scrollback.

    tmux keeps what is erased from the top left corner on; one column to the right it does not.
    """

    def erase_down(self) -> None:
        self.write_raw("\x1b[K\x1b[C\x1b[J\x1b[D")


def _output() -> Output:
    def size() -> Size:
        columns, rows = shutil.get_terminal_size((80, 24))
        try:
            columns, rows = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            pass
        return Size(rows=rows or 24, columns=columns or 80)

    return _Quiet(sys.stdout, size, term=os.environ.get("TERM"), enable_cpr=False)
