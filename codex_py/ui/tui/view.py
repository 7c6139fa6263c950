"""What the live area shows: a window on the session, asked anew at every redraw."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codex_py.ui.text import one_line
from codex_py.ui.tui import status

if TYPE_CHECKING:
    from codex_py.agent import Agent
    from codex_py.core.money import Tally
    from codex_py.models.catalogue import Model
    from codex_py.ui.tui.session import Sitting

Fragments = list[tuple[str, str]]

QUEUE_LINES = 3
HELP = "Ask anything, / for commands, @ for files, ! for a shell command"


class View:
    """Turns the state of a sitting into the few lines under what was printed."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting
        self.hint = ""
        self.branch = status.branch(sitting.launch.cwd)
        self.model: Model | None = None
        """What the catalogue knows of the model."""
        self._counted = (-1, 0)
        self._budgeted: tuple[object, str] = (None, "")

    def live(self, width: int) -> Fragments:
        """The unfinished text, the spinner, what waits."""
        from codex_py.ui.tui.screen import ansi

        sitting = self._sitting
        found: Fragments = []
        asking = sitting.talk.question is not None or bool(sitting.talk.writing)
        running = sitting.live.running and not asking
        tail = sitting.renderer.live() if sitting.renderer and running else ""
        if tail.strip():
            found += ansi(tail.rstrip("\n") + "\n")
        if not asking:
            found += sitting.live.fragments(width)
        steered, queued = sitting.turns.steered, sitting.turns.queue
        rows = [("sent in", each) for each in steered] + [("queued", each) for each in queued]
        for mark, message in rows[:QUEUE_LINES] if sitting.turns.running else []:
            break_ = "\n" if found else ""
            found.append(("class:dim", f"{break_}  {mark}: {one_line(message.typed, width - 13)}"))
        if len(rows) > QUEUE_LINES:
            found.append(("class:dim", f"\n  and {len(rows) - QUEUE_LINES} more"))
        return found

    def question(self, width: int) -> Fragments:
        """The question and its answers."""
        question = self._sitting.talk.question
        return question.fragments(width, self._sitting.look.unicode) if question else []

    def menu(self, width: int) -> Fragments:
        """Commands or files to choose from."""
        return self._sitting.composer.menu.fragments(width)

    def status(self, width: int) -> Fragments:
        """The last line."""
        sitting = self._sitting
        agent = sitting.agent
        effort = sitting.settings.model_reasoning_effort
        label = agent.brain.label if agent else sitting.settings.model
        entries = agent.session.entries if agent else ()
        budget = ""
        if agent is not None and self._counted[0] != len(entries):
            self._counted = (len(entries), status.context_used(entries))
        if agent is not None:
            budget = self._budget(agent, len(entries))
        facts = status.Facts(
            model=f"{label} {effort}".strip(),
            mode=sitting.mode,
            confinement=agent.kit.host.confinement if agent else None,
            cwd=sitting.launch.cwd,
            branch=self.branch,
            used=self._counted[1],
            window=self.window,
            usage=self.spent.usage if agent else None,
            money=self.money,
            background=len(agent.kit.host.background.running) if agent else 0,
            budget=budget,
            queued=len(sitting.turns.queue) + len(sitting.turns.steered),
            hint=self.hint,
        )
        return status.line(facts, width - 1, "·" if sitting.look.unicode else "|")

    def _budget(self, agent: Agent, entries: int) -> str:
        """The tightest budget in words, read from the log once a second and for each new line."""
        from codex_py.ui.tui.budget import tightest  # late: loaded with the agent

        now = (agent.session.id, entries, int(time.monotonic()))
        if self._budgeted[0] != now:
            self._budgeted = (now, tightest(agent, self._sitting))
        return self._budgeted[1]

    @property
    def window(self) -> int:
        """The model's context in tokens; 0 when unknown."""
        agent = self._sitting.agent
        told = agent.brain.asking.found if agent and agent.brain.asking else 0
        known = self.model.window if self.model else 0
        return self._sitting.settings.model_context_window or told or known

    @property
    def spent(self) -> Tally:
        """Tokens and money of the whole session."""
        from codex_py.core.money import Tally, whole  # late: loaded with the agent

        agent = self._sitting.agent
        return whole(agent.session.spent.values()) if agent is not None else Tally()

    @property
    def money(self) -> str:
        """What the session has cost, as far as prices are known; empty when nothing was used."""
        if self._sitting.agent is None:
            return ""
        from codex_py.core.money import spoken  # late: loaded with the agent

        found = self.spent
        if not found.requests:
            return ""
        if found.unpriced == found.requests:
            return "price unknown"
        about = "≈" if found.estimated else ""
        return f"{about}{spoken(found.cost)}" + (" + unknown" if found.unpriced else "")

    def placeholder(self) -> str:
        """What an empty composer says."""
        if self._sitting.talk.writing:
            return self._sitting.talk.writing
        if self._sitting.live.running:
            return "Enter queues, Ctrl+S sends now"
        return HELP if self._sitting.screen.width > len(HELP) + 4 else HELP.partition(",")[0]

    def mark(self) -> str:
        """What stands before the draft."""
        return "› " if self._sitting.look.unicode else "> "

    def typing(self) -> bool:
        """Whether the composer is shown."""
        return self._sitting.talk.question is None
