"""The approval question: what would happen, why it is asked, and what may be answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from codex_py.agent import Agent
from codex_py.core.entries import Decision, Text, ToolCall, ToolResult
from codex_py.core.policy import Piece, Policy, decide, standing
from codex_py.dataclass import dataclass
from codex_py.effects import Effects
from codex_py.lines import read_pieces
from codex_py.ui.text import visible
from codex_py.ui.tui.prefix import prefix_of
from codex_py.ui.tui.question import Answer
from codex_py.ui.tui.talk import Talk


@dataclass(slots=True)
class Asking:
    """Asks about calls. `show` prints what a call would do, `say` a line of our own."""

    talk: Talk
    show: Callable[[ToolCall, Decision], None]
    say: Callable[[str], None]
    call_for: Callable[[str], None]
    """Brings the person to the terminal."""
    switch: Callable[[], Any]
    """Asks for another mode and sets it; awaited."""
    agent: Callable[[], Agent]

    async def __call__(self, call: ToolCall, decision: Decision) -> Decision:
        """The person's answer, as a decision that allows or denies."""
        effects = effects_of(decision)
        pieces: Sequence[Piece] = ()
        if effects.command is not None:
            pieces = await asyncio.to_thread(read_pieces, effects.command, effects.cwd or "")
        self.show(call, decision)
        self.call_for(f"codex-py asks: {decision.reason}")
        return await self._rounds(call, decision, effects, pieces)

    async def _rounds(
        self, call: ToolCall, decision: Decision, effects: Effects, pieces: Sequence[Piece]
    ) -> Decision:
        grant, title = grant_of(effects, pieces), "Allow this?"
        allowed = replace(decision, verdict="allow", by="user", grant="")
        while True:
            value = await self.talk.choose(title, answers(effects, grant), escape="stop")
            if value == "yes":
                return allowed
            if value == "always":
                return remembering(allowed, effects, grant)
            if value == "no":
                comment = await self.talk.write("What should it do instead? (Enter: just no)")
                if comment is not None:
                    return replace(decision, verdict="deny", by="user", reason=comment.strip())
            elif value == "explain":
                self.say(explanation(decision, effects, pieces))
            elif value == "mode":
                await self.switch()
                now = self._again(effects)
                if now.verdict == "allow":
                    return replace(
                        now, by="user", reason=f"allowed by switching mode: {now.reason}"
                    )
                title = f"Allow this? {now.reason}"
                decision = replace(decision, reason=now.reason, confined=now.confined)
                allowed = replace(allowed, confined=now.confined)
            else:
                await self._stop(call, decision)

    async def _stop(self, call: ToolCall, decision: Decision) -> None:
        """Log the refusal, then end the turn here: the model is not asked again."""
        session = self.agent().session
        session.append(
            replace(decision, call_id=call.call_id, verdict="deny", by="user", reason="")
        )
        refused = "The user refused this and stopped the turn."
        session.append(ToolResult(call_id=call.call_id, ok=False, parts=(Text(refused),)))
        task = asyncio.current_task()
        if task is not None:
            task.cancel()
        await asyncio.sleep(0)

    def _again(self, effects: Effects) -> Decision:
        agent = self.agent()
        policy: Policy = standing(agent.kit.policy, agent.session.entries)
        if effects.command is not None:
            policy = replace(policy, confines=agent.kit.host.confines)
        return decide(policy, effects, agent.kit.read_line)


def remembering(allowed: Decision, effects: Effects, grant: str) -> Decision:
    """The decision that also holds for the rest of the sitting."""
    opened = openings(effects)
    return replace(allowed, opened=opened) if opened else replace(allowed, remember=grant)


NO = (
    Answer("no", "No, and say what to do instead", "n"),
    Answer("stop", "No, and stop here", "s", "Esc"),
)


def openings(effects: Effects) -> tuple[str, ...]:
    """What a command wants beyond what confines it, as grants."""
    if effects.command is None:
        return ()
    found = [f"write: {path}" for path in effects.writes]
    found += [f"read: {path}" for path in effects.reads]
    return (*found, "network") if effects.network else tuple(found)


def answers(effects: Effects, grant: str) -> list[Answer]:
    """What may be answered, in the order of the digits."""
    if openings(effects):
        return [
            Answer("yes", "Yes, for this one command", "y"),
            Answer("always", "Yes, and keep it open to commands in this session", "a"),
            *NO,
            Answer("explain", "Explain this command", "e"),
        ]
    found = [Answer("yes", "Yes", "y")]
    if grant.startswith("command: "):
        prefix = visible(grant.removeprefix("command: "))
        found.append(
            Answer("always", f"Yes, and don't ask again for `{prefix} …` in this session", "a")
        )
    elif grant.startswith("type: "):
        number = effects.into.split(" (")[0]
        found.append(Answer("always", f"Yes, and don't ask again to type into {number}", "a"))
    elif grant:
        path = visible(grant.removeprefix("edit: ").rpartition("/")[2])
        found.append(Answer("always", f"Yes, and don't ask again to edit {path}", "a"))
    found += NO
    if effects.command is not None:
        found.append(Answer("explain", "Explain this command", "e"))
    found.append(Answer("mode", "Switch the approval mode", "m"))
    return found


def grant_of(effects: Effects, pieces: Sequence[Piece]) -> str:
    """What an answer of `a` would allow for this sitting; empty when nothing safe can be."""
    if effects.command is not None:
        prefix = "" if openings(effects) else prefix_of(pieces)
        return f"command: {prefix}" if prefix else ""
    if effects.typed is not None:
        return f"type: {effects.into}"
    if len(effects.writes) == 1 and not (effects.network or effects.unknown):
        return f"edit: {effects.writes[0]}"
    return ""


def explanation(decision: Decision, effects: Effects, pieces: Sequence[Piece]) -> str:
    """What each part of the command does to the question, as read by our own reader."""
    lines = [f"asked because {decision.reason}"]
    for piece in pieces:
        verdict = "only reads" if piece.reading else piece.why or "does more than read"
        lines.append(f"  {visible(piece.text)}\n      {visible(verdict)}")
        if piece.reads:
            lines.append(f"      reads {visible(', '.join(piece.reads))}")
    if decision.confined:
        lines.append(f"it would run confined: {decision.confined}")
        lines += [f"  with this opened: {visible(each)}" for each in openings(effects)]
    else:
        lines.append("if you allow it, it runs as you would run it: with your files and network")
    if effects.cwd:
        lines.append(f"in {visible(effects.cwd)}")
    if decision.grant:
        lines.append(f"never asked with {decision.grant}")
    return "\n".join(lines)


def effects_of(decision: Decision) -> Effects:
    """The effects as the decision logs them."""
    found = decision.effects
    return Effects(
        command=found.get("command"),
        cwd=found.get("cwd"),
        reads=tuple(found.get("reads", ())),
        writes=tuple(found.get("writes", ())),
        network=bool(found.get("network")),
        typed=found.get("typed"),
        into=str(found.get("into", "")),
        walled=str(found.get("walled", "")),
        outward=tuple(found.get("outward", ())),
        confined=bool(found.get("confined")),
        unknown=bool(found.get("unknown")),
    )
