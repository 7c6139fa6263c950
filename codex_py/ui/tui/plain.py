"""The session as plain lines: for screen readers and TERM=dumb; nothing is ever redrawn."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

from codex_py.agent import Agent, open_agent
from codex_py.core.entries import Decision, Delta, Entry, ToolCall, User, words
from codex_py.core.errors import UsageError
from codex_py.host.git import find_root
from codex_py.launch import Launch
from codex_py.lines import read_pieces
from codex_py.redact import NOTHING
from codex_py.settings import Settings
from codex_py.showing import Given
from codex_py.ui.text import visible
from codex_py.ui.tui import saved
from codex_py.ui.tui.ask import answers, effects_of, explanation, grant_of, remembering
from codex_py.ui.tui.bare import Bare
from codex_py.ui.tui.draft import Draft
from codex_py.ui.tui.onboard import MODES, model_line
from codex_py.ui.tui.proof import lines
from codex_py.ui.tui.question import Answer

HELP = "type a message and Enter; Ctrl+C interrupts; /help, /quit"


def run(settings: Settings, launch: Launch, prompt: str, images: Sequence[Given]) -> int:
    """A session of questions and answers in plain lines. Returns the exit code."""
    try:
        return asyncio.run(_Plain(settings, launch).run(prompt, images))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


class _Plain:
    def __init__(self, settings: Settings, launch: Launch) -> None:
        self._settings = settings
        self._launch = launch
        self._bare = Bare()
        self._clean = NOTHING
        self._draft = Draft()
        self._turn: asyncio.Task[object] | None = None

    async def run(self, prompt: str, images: Sequence[Given]) -> int:
        try:
            settings = await self._onboard()
            agent = await asyncio.to_thread(open_agent, settings, self._launch, self._ask)
        except EOFError:
            return 0
        self._clean = agent.session.clean
        agent.session.subscribe(self._heard)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        self._say(agent.describe())
        if agent.began:
            before = agent.session.entries[: agent.began]
            turns = [place for place, each in enumerate(before) if isinstance(each, User)][-3:]
            for entry in before[turns[0] :] if turns else ():
                if isinstance(entry, User):
                    self._say(f"you: {visible(words(entry.parts))}")
                else:
                    self._heard(entry)
        self._say(HELP)
        try:
            if prompt or images:
                await self._one(agent, prompt, images)
            while True:
                line = (await self._read("> ")).strip()
                if line in ("/quit", "exit", "quit", ":q"):
                    return 0
                if line == "/help":
                    self._say(HELP)
                elif line.startswith("/"):
                    self._say(f"{visible(line)}: this mode has /help and /quit")
                elif line:
                    message = self._draft.message(line, self._launch.cwd)
                    for each in self._draft.wrong:
                        self._say(f"not attached: {visible(each)}")
                    self._draft.wrong.clear()
                    await self._one(agent, message.text, message.images)
        except EOFError:
            return 0
        finally:
            self._say(f"\nto go on: codex-py resume {agent.session.id[:8]}")
            await agent.close()

    async def _one(self, agent: Agent, text: str, images: Sequence[Given]) -> None:
        self._say("working")
        self._turn = asyncio.create_task(agent.run(text, images))
        try:
            await self._turn
            for each in await lines(agent, 3):
                self._say(each)
        except asyncio.CancelledError:
            pass
        except UsageError as error:
            self._say(visible(str(error)))
        finally:
            self._turn = None

    def _interrupt(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        else:
            self._say("/quit or Ctrl+D leaves")

    def _heard(self, event: Entry | Delta) -> None:
        if event.__class__.__name__ == "User":
            return
        delta = isinstance(event, Delta)
        text = self._bare.delta(event) if delta else self._bare.entry(event)  # type: ignore[arg-type]
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()

    async def _onboard(self) -> Settings:
        settings = self._settings
        if not settings.mode_given:
            self._say(model_line(settings, os.environ))
            mode = await self._choose("How much may it do without asking?", MODES)
            settings = replace(settings, approval_mode=mode, mode_given=True)  # type: ignore[arg-type]
            saved.save_mode(settings.home, mode)
        cwd = self._launch.cwd
        level = saved.trust_of(settings.home, cwd)
        if not level:
            yes = "Yes: follow its AGENTS.md"
            rows = (Answer("trusted", yes, "y"), Answer("untrusted", "No: work without", "n"))
            level = await self._choose(f"Trust the folder {visible(cwd)}?", rows)
            saved.save_trust(settings.home, str(find_root(cwd) or cwd), level)
        if level != "trusted":
            settings = replace(settings, project_doc_max_bytes=0)
        if settings.approval_mode != "suggest" and not find_root(cwd):
            rows = (Answer("suggest", "No, stay in suggest", "n"), Answer("go", "Yes", "y"))
            value = await self._choose("Not a Git repository. Use this mode all the same?", rows)
            if value == "suggest":
                settings = replace(settings, approval_mode="suggest")
        return settings

    async def _ask(self, call: ToolCall, decision: Decision) -> Decision:
        effects = effects_of(decision)
        command = effects.command or ""
        pieces = read_pieces(command, effects.cwd or "") if command else ()
        self._say(self._bare.question(call, decision))
        grant = grant_of(effects, pieces)
        rows = [each for each in answers(effects, grant) if each.value not in ("mode", "stop")]
        while True:
            value = await self._choose(f"Allow this? {decision.reason}", rows)
            if value == "explain":
                self._say(explanation(decision, effects, pieces))
                continue
            if value == "no":
                why = (await self._read("what should it do instead? ")).strip()
                return replace(decision, verdict="deny", by="user", reason=why)
            allowed = replace(decision, verdict="allow", by="user", grant="")
            return remembering(allowed, effects, grant) if value == "always" else allowed

    async def _choose(self, title: str, rows: tuple[Answer, ...] | list[Answer]) -> str:
        self._say(visible(title))
        for number, each in enumerate(rows, 1):
            key = f" or {each.key}" if each.key else ""
            note = f": {each.note}" if each.note else ""
            self._say(f"{number}{key}: {each.label}{note}")
        while True:
            typed = (await self._read("answer: ")).strip().lower()
            for number, each in enumerate(rows, 1):
                if typed in (str(number), each.key, each.value):
                    return each.value
            self._say(f"answer with a number from 1 to {len(rows)}")

    async def _read(self, mark: str) -> str:
        """A line from the terminal, read as it comes so that an interrupt is heard at once."""
        sys.stdout.write(mark)
        sys.stdout.flush()
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(sys.stdin.fileno(), _set, ready)
        try:
            await ready
        finally:
            loop.remove_reader(sys.stdin.fileno())
        line = os.read(sys.stdin.fileno(), 1 << 16)
        if not line:
            raise EOFError
        return line.decode("utf-8", "replace")

    def _say(self, text: str) -> None:
        sys.stdout.write(self._clean.text(text).rstrip("\n") + "\n")
        sys.stdout.flush()


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
