"""One shot: a prompt in, the result on stdout, progress on stderr, an honest exit code."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TextIO, cast

from codex_py.agent import Agent, open_agent
from codex_py.core import money
from codex_py.core.entries import (
    Assistant,
    Cited,
    Decision,
    Delta,
    Entry,
    Notice,
    Source,
    ToolCall,
    ToolResult,
    Touched,
    TurnEnded,
)
from codex_py.core.money import Tally, tally
from codex_py.core.receipt import final_message
from codex_py.dataclass import dataclass
from codex_py.launch import Launch
from codex_py.proof import unmet
from codex_py.redact import NOTHING
from codex_py.settings import Settings
from codex_py.showing import Given
from codex_py.ui import outfile
from codex_py.ui.asjson import as_json, escaped
from codex_py.ui.codex_events import Mapping
from codex_py.ui.guard import Cleaned
from codex_py.ui.progress import Progress
from codex_py.ui.text import count, duration, listed, one_line, paint, visible

DONE, FAILED, USAGE, LIMIT, CHECK, REFUSED = 0, 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked of a one-shot run."""

    prompt: str
    json: bool = False
    last_message: str = ""
    colour: bool = False
    receipt: str = ""
    """Where to write the receipt."""


async def nobody(call: ToolCall, decision: Decision) -> Decision:
    """The answer where nobody can be asked: no."""
    del call
    return Decision(verdict="deny", by="headless", reason=decision.reason, grant=decision.grant)


def run(settings: Settings, launch: Launch, options: Options, images: Sequence[Given]) -> int:
    """Run one task to its end. Returns the exit code."""
    if options.last_message:
        options = replace(options, last_message=outfile.place(options.last_message, "-o"))
    if options.receipt:
        options = replace(options, receipt=outfile.place(options.receipt, "--receipt"))
    interrupted: list[int] = []
    try:
        code = asyncio.run(_main(settings, launch, options, images, interrupted))
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = 128 + (interrupted[0] if interrupted else signal.SIGINT)
    return code


async def _main(
    settings: Settings,
    launch: Launch,
    options: Options,
    images: Sequence[Given],
    interrupted: list[int],
) -> int:
    _catch_signals(interrupted)
    out = _Out(options)
    agent = open_agent(settings, launch, nobody, lambda line: out.note(line, "dim"))
    out.clean = agent.session.clean
    sys.stderr = cast(TextIO, Cleaned(sys.stderr, out.clean))  # for what is not written by us
    agent.brain.warm()
    gc.freeze()
    gc.enable()
    try:
        out.opened(agent)
        out.header(agent)
        agent.session.subscribe(out)
        # Before the close: a receipt looks for what was claimed, confined.
        return out.finish(agent, await _walled(agent, options, images, out))
    except asyncio.CancelledError:
        out.note("interrupted; what was done is kept", "yellow")
        out.note(f"session {agent.session.path}", "dim")
        if options.receipt:
            out.receipt(agent, "interrupted")
        raise
    finally:
        await asyncio.shield(agent.close())


async def _walled(agent: Agent, options: Options, images: Sequence[Given], out: _Out) -> TurnEnded:
    """The turn, ended at once where it turns out that nothing can confine its commands.

    The launcher takes its time while the first request is under way; a command waits for it.
    """
    turn = asyncio.ensure_future(agent.run(options.prompt, images))
    try:
        warning = await agent.wall()
        if agent.kit.host.free and not options.json:
            out.note(f"commands are confined by {agent.kit.host.confinement}", "dim")
        if warning:
            agent.session.append(Notice(text=warning))
        return await turn
    except BaseException:
        turn.cancel()
        await asyncio.gather(turn, return_exceptions=True)
        raise


def _catch_signals(interrupted: list[int]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def stop(number: int) -> None:
        if interrupted:
            os._exit(128 + number)
        interrupted.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)


class _Out:
    """Where things go: the result to stdout, everything else to stderr."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._mapping = Mapping()
        self.clean = NOTHING
        """Takes known secrets out of all that is written."""
        self._progress = Progress(self._error, colour=options.colour)

    def __call__(self, event: Entry | Delta) -> None:
        if self._options.json:
            for each in self._mapping.events(event):
                self._print(as_json(each) + "\n")
        else:
            self._progress(event)

    def opened(self, agent: Agent) -> None:
        """What was logged before the first turn of this run."""
        entries = agent.session.entries
        if agent.began:
            self._mapping = Mapping.resumed(agent.session.spent.values())
            self(entries[0])
        for entry in entries[agent.began :]:
            self(entry)

    def header(self, agent: Agent) -> None:
        """One line that says what will work, how free it is, and where."""
        self._progress.beside = agent.session.beside
        if not self._options.json:
            self.note(agent.describe(), "dim")

    def note(self, text: str, style: str) -> None:
        """A line on stderr."""
        self._error(paint(text, style, self._options.colour) + "\n")

    def finish(self, agent: Agent, ended: TurnEnded) -> int:
        """Write the result and say how it ended."""
        turn = agent.turn()
        message = final_message(turn)
        sources = listed(cited(turn))
        if sources and not agent.kit.settings.output_schema:
            message = "\n".join([message.rstrip(), "", *sources])
        if self._options.last_message:
            outfile.write(self._options.last_message, message, "-o")
        if not self._options.json:
            if message and ended.reason == "done":
                safe = escaped if agent.kit.settings.output_schema else visible
                shown = safe(message) if sys.stdout.isatty() else message
                self._print(shown.rstrip("\n") + "\n")
            self._summary(agent, ended)
        refused = refusals(turn)
        if refused:
            self.note("refused, because nobody could be asked:", "yellow")
            for each in refused:
                self.note(f"  {each}", "yellow")
        walls = walled(turn)
        if walls and not self._options.json:
            self.note("refused by the sandbox:", "yellow")
            for each in walls:
                self.note(f"  {each}", "yellow")
        if not self._options.json or self._options.receipt:
            self.receipt(agent, ended.reason)
        if ended.reason == "failed":
            return FAILED
        if ended.reason in ("limit", "stuck"):
            return LIMIT
        if unmet(turn):
            return CHECK
        return REFUSED if refused else DONE

    def receipt(self, agent: Agent, reason: str) -> None:
        """Say what really happened, and write it down where that was asked for."""
        from codex_py.core.receipt.plain import plain  # late: when all is done
        from codex_py.ui.receipt import doubts, line  # late: as above

        found = agent.receipt()
        if self._options.receipt:
            data = plain(found, session=agent.session.id, ended=reason)
            text = as_json(self.clean.json(data), indent=2)
            outfile.write(self._options.receipt, text + "\n", "--receipt")
        self.note(f"receipt: {line(found)}", "dim")
        for each in doubts(found):
            self.note(f"  {each}", "yellow")

    def _summary(self, agent: Agent, ended: TurnEnded) -> None:
        if ended.error:
            self.note(f"codex-py: {one_line(ended.error, 500)}", "red")
        used = spending(ended, tally(agent.turn()))
        self.note(f"{ended.reason} · {duration(ended.seconds)} · {used}", "dim")
        changed = sum(each.total for each in agent.turn() if isinstance(each, Touched))
        if changed:
            files = f"{changed} file{'' if changed == 1 else 's'} changed"
            self.note(f"{files} · codex-py undo {agent.session.id}", "dim")
        self.note(f"session {agent.session.path}", "dim")

    def _print(self, text: str) -> None:
        sys.stdout.write(self.clean.text(text))
        sys.stdout.flush()

    def _error(self, text: str) -> None:
        sys.stderr.write(self.clean.text(text))
        sys.stderr.flush()


def cited(turn: Sequence[Entry]) -> tuple[Source, ...]:
    """The sources of the last whole message of a turn."""
    found: tuple[Source, ...] = ()
    for entry in turn:
        if isinstance(entry, Assistant):
            found = ()
        elif isinstance(entry, Cited):
            found = entry.sources
    return found


def spending(ended: TurnEnded, used: Tally) -> str:
    """Tokens and money of a turn in a few words; a price that is not known is said to be so."""
    usage = ended.usage
    cached, thinking = f" ({count(usage.cached)} cached)", f" ({count(usage.reasoning)} reasoning)"
    tokens = f"{count(usage.input)} tokens in{cached}, {count(usage.output)} out"
    tokens += thinking if usage.reasoning else ""
    if not (usage.input or usage.output):
        return tokens
    about = "about " if used.estimated else ""
    cost = money.read(ended.cost)
    return f"{about}{tokens} · {about + money.spoken(cost) if cost is not None else NO_PRICE}"


NO_PRICE = "price unknown"


def refusals(turn: Sequence[Entry]) -> list[str]:
    """What was refused because nobody could be asked, and which option would allow it."""
    calls = {entry.call_id: entry for entry in turn if isinstance(entry, ToolCall)}
    found: list[str] = []
    for entry in turn:
        if not isinstance(entry, Decision) or entry.by != "headless":
            continue
        call = calls.get(entry.call_id)
        what = str(entry.effects.get("command", "")) or ", ".join(entry.effects.get("writes", []))
        fix = f" (allowed by {entry.grant})" if entry.grant else ""
        line = f"{call.name if call else 'call'}: {one_line(what, 120)} — {entry.reason}{fix}"
        if line not in found:
            found.append(line)
    return found


def walled(turn: Sequence[Entry]) -> list[str]:
    """What the sandbox refused to commands, and which option would allow it."""
    found: list[str] = []
    for entry in turn:
        for each in entry.data.get("denied", ()) if isinstance(entry, ToolResult) else ():
            fix = f" (allowed by {each['grant']})" if each.get("grant") else ""
            line = one_line(f"{each['kind']} {each['target']}: {each['why']}{fix}", 300)
            if line not in found:
                found.append(line)
    return found
