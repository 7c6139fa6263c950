"""Turns one after another: what runs, what waits, what goes into the running one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from codex_py.core.errors import UsageError
from codex_py.ui.tui import status
from codex_py.ui.tui.draft import Message
from codex_py.ui.tui.proof import footer

if TYPE_CHECKING:
    from codex_py.agent import Agent
    from codex_py.core.entries import Part
    from codex_py.ui.tui.session import Sitting

TICK = 0.1
"""Seconds between two pictures of the spinner."""


After = Callable[[], Awaitable[None]]
Work = Coroutine[Any, Any, After | None]


class Turns:
    """The queue and the running turn of a sitting."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting
        self.queue: list[Message] = []
        self.steered: list[Message] = []
        self.told_mode = ""
        """The mode that the model was last told."""
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether a turn runs."""
        return self._task is not None

    def submit(self, message: Message, *, steer: bool) -> None:
        """A message was sent: a turn, or the queue, or into the running turn."""
        if self.running and steer:
            self._steer(message)
        else:
            self.queue.append(message)
        self.next()

    def steer_first(self) -> None:
        """The first queued message goes into the running turn."""
        if self.running and self.queue:
            self._steer(self.queue.pop(0))
        self.next()

    def _steer(self, message: Message) -> None:
        if message.images:
            self._sitting.spawn(self._ready(message))
        else:
            self.steered.append(message)

    async def _ready(self, message: Message) -> None:
        """Decode the pictures beside the turn, then let the message in."""
        sitting = self._sitting
        try:
            assert sitting.agent is not None
            parts = await sitting.agent.parts(message.text, message.images)
        except UsageError:
            sitting.composer.put_back(message.typed)
            raise
        if self.running:
            self.steered.append(replace(message, parts=parts))
        else:
            self.queue.append(message)
        self.next()

    def take_back(self) -> str:
        """The newest waiting message, as it was typed."""
        message = self.queue.pop() if self.queue else self.steered.pop()
        self._count()
        return message.typed

    def next(self) -> None:
        """Begin the next turn, if one waits and none runs."""
        self._count()
        sitting = self._sitting
        if self.running or not self.queue or sitting.talk.question is not None:
            return
        if sitting.agent is None:
            sitting.retry()
            return
        message = self.queue.pop(0)
        self._count()
        self.occupy(self._turn(sitting.agent, message))

    def occupy(self, work: Work) -> None:
        """Work that messages wait for and that can be interrupted, as a turn is.

        What it returns, if anything, is called and awaited once it is over.
        """
        self._task = asyncio.get_running_loop().create_task(self._run(work))

    async def _turn(self, agent: Agent, message: Message) -> After:
        self._tell_mode(agent)
        try:
            await agent.run(message.text, message.images)
        except UsageError:
            # Nothing was sent: the message is the person's again.
            self._sitting.composer.put_back(message.typed)
            raise
        return partial(footer, self._sitting, agent)

    async def _run(self, work: Work) -> None:
        sitting = self._sitting
        after: After | None = None
        sitting.live.begin()
        sitting.attention.title(f"… {sitting.title}")
        ticking = asyncio.create_task(self._tick())
        try:
            after = await work
        except asyncio.CancelledError:
            self.give_back()
        except Exception as error:
            sitting.failed(error)
        finally:
            ticking.cancel()
            sitting.live.end()
            self._task = None
            self.queue[:0] = self.steered
            self.steered.clear()
            sitting.view.branch = status.branch(sitting.launch.cwd)
            sitting.attention.title(sitting.title)
            sitting.attention.call("codex-py is done")
            sitting.redraw()
        if after is not None:
            try:
                await after()
            except Exception as error:
                sitting.failed(error)
        self.next()

    async def quiet(self) -> None:
        """Wait until nothing runs, nor what was queued after it."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def interrupt(self) -> bool:
        """Stop what runs; False when nothing does."""
        if self._task is None:
            return False
        self._sitting.live.stopping = True
        self._task.cancel()
        self._sitting.redraw()
        return True

    async def close(self) -> None:
        """Stop what runs and wait until it is logged."""
        task = self._task
        if task is not None and not task.done():
            self.queue.clear()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def give_back(self) -> None:
        """What waited goes back into the composer, to be sent again or not."""
        waiting = [message.typed for message in (*self.steered, *self.queue)]
        self.steered.clear()
        self.queue.clear()
        self._count()
        if waiting:
            self._sitting.composer.put_back("\n".join(waiting))

    def inbox(self) -> list[tuple[Part, ...]]:
        """What goes into the running turn now, taken away by asking."""
        from codex_py.core.entries import Text  # late: loaded with the agent

        found = [message.parts or (Text(message.text),) for message in self.steered]
        self.steered.clear()
        self._count()
        return found

    def _tell_mode(self, agent: Agent) -> None:
        """The model learns of a changed mode with the next message."""
        from codex_py.context import MODE_TEXT  # late: loaded with the agent

        mode = self._sitting.mode
        if mode != self.told_mode:
            self.told_mode = mode
            text = f"Approval mode now: {MODE_TEXT[mode]}"
            from codex_py.core.entries import Context  # late: loaded with the agent

            agent.session.append(Context(name="mode", text=text))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK if self._sitting.look.motion else 1.0)
            self._sitting.redraw()

    def _count(self) -> None:
        self._sitting.composer.queued = len(self.queue) + len(self.steered)
