"""The interactive session: what is typed becomes turns, what happens is printed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codex_py.settings import Settings
from codex_py.ui.text import paint, visible, wrapped
from codex_py.ui.tui.beside import Beside
from codex_py.ui.tui.commands import COMMANDS, Command, perform
from codex_py.ui.tui.composer import Composer
from codex_py.ui.tui.draft import Message
from codex_py.ui.tui.history import ProjectHistory
from codex_py.ui.tui.keys import bindings
from codex_py.ui.tui.live import Live
from codex_py.ui.tui.look import Look
from codex_py.ui.tui.notify import Attention
from codex_py.ui.tui.screen import Device, Parts, Screen
from codex_py.ui.tui.talk import Talk
from codex_py.ui.tui.turns import Turns
from codex_py.ui.tui.view import View

if TYPE_CHECKING:
    from codex_py.agent import Agent
    from codex_py.core.entries import Delta, Entry
    from codex_py.host.background import Process
    from codex_py.launch import Launch
    from codex_py.showing import Given
    from codex_py.ui.render import Renderer
    from codex_py.ui.tui.opening import Opener
    from codex_py.ui.tui.prompts import Prompt


CALM = 0.03
"""Seconds after the first paint for the keys that were typed ahead, before all else is loaded."""


class Sitting:
    """One sitting at the terminal; all on the loop's thread but imports and listings."""

    def __init__(self, settings: Settings, launch: Launch, look: Look, device: Device) -> None:
        self.settings, self.launch, self.look = settings, launch, look
        self.agent: Agent | None = None
        self.renderer: Renderer | None = None
        self.commands = {each.name: each for each in COMMANDS}
        self.prompts: dict[str, Prompt] = {}
        self.expanded = self.expanded_of = -1
        """The entry last shown in full, and how many there were then."""
        self.live = Live(look)
        self.beside = Beside(self.say, settings.home)
        self.talk = Talk(self._asked)
        self.turns = Turns(self)
        self.view = View(self)
        self._mode: tuple[int, str] = (-1, "")
        self._opening = True
        self._quiet = False
        about = {each.name: each.about for each in COMMANDS}
        self.composer = Composer(self, self.talk, launch.cwd, about)
        view = self.view
        parts = Parts(
            live=view.live,
            question=view.question,
            menu=view.menu,
            status=view.status,
            placeholder=view.placeholder,
            mark=view.mark,
            typing=view.typing,
        )
        history = ProjectHistory(settings.home, launch.cwd)
        self.screen = Screen(parts, look, history, bindings(self.composer), device)
        self.screen.resized = self._resized
        self.composer.attach(self.screen.buffer)
        self.attention = Attention(self.screen.raw, os.environ, wanted=settings.notifications)
        self.title = visible(f"codex-py: {os.path.basename(launch.cwd) or '/'}")

    @property
    def mode(self) -> str:
        """The approval mode now."""
        if self.agent is None:
            return self.settings.approval_mode
        from codex_py.core.policy import standing  # late: loaded with the agent

        entries = self.agent.session.entries
        if self._mode[0] != len(entries):
            self._mode = (len(entries), standing(self.agent.kit.policy, entries).mode)
        return self._mode[1]

    async def run(self, prompt: str, images: Sequence[Given]) -> int:
        """Until the person leaves. Returns the exit code."""
        self.attention.begin()
        first = Message(prompt, prompt, tuple(images)) if prompt or images else None
        try:
            return await self.screen.run(lambda: self.spawn(self._begin(first)))
        finally:
            self.attention.end()
            if self.agent is not None:
                self.say(f"session {self.agent.session.path}")
                self.say(f"to go on: codex-py resume {self.agent.session.id[:8]}")
                self.screen.flush()
            await self.close()

    async def _begin(self, first: Message | None) -> None:
        from codex_py.ui.tui.onboard import onboard  # late: after the first paint
        from codex_py.ui.tui.prompts import load

        self.beside.watch()
        await asyncio.sleep(CALM)
        settings = await onboard(self.settings, self.launch, self.talk, self.say)
        if settings is None:
            return self.leave()
        self.settings = settings
        self.prompts = await asyncio.to_thread(load, settings.home / "prompts", self.commands)
        own = {name: each.about for name, each in self.prompts.items()}
        self.composer.about = {**self.composer.about, **own}
        if first is not None:
            self.turns.queue.append(first)
        await self._open_and_go()
        return None

    def retry(self) -> None:
        """A message waits and there is no agent: open one, unless that is under way."""
        if not self._opening:
            self.spawn(self._open_and_go())

    async def _open_and_go(self) -> None:
        if not await self.open():
            self.turns.give_back()
        self.turns.next()

    async def open(self, opener: Opener | None = None) -> bool:
        """Load what a turn needs, in a thread; says what to do when there is no model."""
        from codex_py.ui.tui.opening import opened  # late: heavy

        self._opening = True
        try:
            self.agent = await opened(self, opener)
        finally:
            self._opening = False
        self.redraw()
        return self.agent is not None

    def take(self, agent: Agent, renderer: Renderer) -> None:
        """Begin to show what this agent does."""
        self.renderer, self._mode = renderer, (-1, "")
        self.screen.clean = agent.session.clean
        self.view.model = agent.brain.model
        self.turns.told_mode = self.settings.approval_mode
        agent.kit = replace(agent.kit, inbox=self.turns.inbox)
        agent.kit.host.background.changed = self._changed
        agent.session.subscribe(self._heard)

    async def reopen(self, opener: Opener | None = None) -> None:
        """End this conversation and begin another: a new one, or what `opener` opens."""
        self.settings = replace(self.settings, approval_mode=self.mode)  # type: ignore[arg-type]
        agent, self.agent, self._opening = self.agent, None, True
        try:
            if agent is not None:
                await agent.close()
        finally:
            self._opening = False
        if not await self.open(opener):
            self.turns.give_back()
        self.turns.next()  # what was sent meanwhile belongs to the conversation that goes on

    async def close(self) -> None:
        """End the turn, let go of the agent."""
        self.composer.stop()
        await self.turns.close()
        self.beside.stop()
        if self.agent is not None:
            agent, self.agent = self.agent, None
            await agent.close()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the rest; a failure is shown, not lost."""
        self.beside.spawn(work)

    def failed(self, error: Exception) -> None:
        """Say what went wrong in a line."""
        self.beside.failed(error)

    def _heard(self, event: Entry | Delta) -> None:
        self.live(event)
        if self.renderer is None or self._quiet:
            return
        self.screen.print(self.renderer.pieces(event))
        if getattr(event, "kind", "") == "changed":
            self.redraw()

    def _changed(self, process: Process) -> None:
        """A background process began or ended."""
        if process.ended is not None and not process.asked:
            self.say(f"{process.name} has ended; /tasks shows its output", "dim")
        self.redraw()

    def quietly(self, entry: Entry) -> None:
        """Log an entry that was shown already."""
        assert self.agent is not None
        self._quiet = True
        try:
            self.agent.session.append(entry)
        finally:
            self._quiet = False

    def _resized(self, width: int) -> None:
        if self.renderer is not None:
            self.renderer.resize(width)

    # what the keys do: see composer.Acts

    def submit(self, message: Message, *, steer: bool) -> None:
        """A message was sent."""
        self.turns.submit(message, steer=steer)

    def command(self, line: str) -> None:
        """A /command that exists."""
        name, _, rest = line[1:].partition(" ")
        if name in self.prompts:
            message = Message(self.prompts[name].filled(rest.strip()), line)
            return self.submit(message, steer=False)
        command = self.commands[name]
        if self.live.running and not command.beside:
            self.say(f"/{name} waits for quiet: Esc interrupts the turn", "yellow")
        else:
            self.say(f"{self.view.mark()}{line}", "bold")
            self.spawn(self._quiet_then(command, rest.strip()))
        return None

    async def _quiet_then(self, command: Command, rest: str) -> None:
        """A turn that has ended may still be tidying up: what must not run beside it waits."""
        if not command.beside:
            await self.turns.quiet()
        await perform(self, command.does, rest)

    def own_command(self, line: str) -> None:
        """A `!command` of the person's own."""
        from codex_py.ui.tui.own import run_own  # late: rarely needed

        self.spawn(run_own(self, line))

    def do(self, does: str) -> None:
        """A key that stands for a function, as commands do."""
        self.spawn(perform(self, does))

    def focus(self, on: bool) -> None:
        """The window got or lost the focus."""
        self.attention.focused = on

    def leave(self) -> None:
        """End the sitting."""
        self.screen.leave(0)

    # telling

    def say(self, text: str, style: str = "dim") -> None:
        """A line of our own above the live area."""
        lines = wrapped(visible(text), self.screen.width).split("\n")
        colour = self.look.colour
        self.screen.print(
            "\n".join(paint(line, style, colour) if style else line for line in lines)
        )

    def hint(self, text: str) -> None:
        """A word in place of the status line, until the next key."""
        if text != self.view.hint:
            self.view.hint = text
            self.redraw()

    def redraw(self) -> None:
        """Draw the live area again."""
        self.screen.redraw()

    def _asked(self) -> None:
        self.view.hint = ""
        asking = self.talk.question is not None
        self.screen.ask(asking)
        mark = "? " if asking else "… " if self.turns.running else ""
        self.attention.title(f"{mark}{self.title}")
        self.redraw()
        if not asking:
            self.turns.next()
