"""A confined command under way: how it ended, what was refused to it and what would allow that."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from codex_py import effects
from codex_py.host.processes import Ended

if TYPE_CHECKING:
    from codex_py_sandbox import Denial, Event, Exit, Grant, Job, Policy


class Unopenable(Exception):
    """A path that nobody can open to a command; the message says why."""


MOST = 6
"""Findings about one command that are told."""


class Owner(Protocol):
    """What started the command."""

    def openable(self, path: str) -> str: ...

    def ended(self, policy: Policy) -> None: ...

    def found(self) -> list[Event]: ...


class Confined:
    """A confined command as the process runner sees it."""

    def __init__(
        self, job: Job, policy: Policy, cwd: str, environ: Mapping[str, str], owner: Owner
    ) -> None:
        self._job = job
        self._policy = policy
        self._cwd = cwd
        self._environ = environ
        self._owner = owner

    def fileno(self) -> int:
        """Readable once the command and all its children ended."""
        return self._job.fileno()

    def collect(self, stderr_tail: str) -> Ended:
        """How it ended, and what was refused to it."""
        found = self._job.wait(5.0)
        self._owner.ended(self._policy)
        if found is None:
            return Ended(None, 9, ("[sandbox] the command could not be ended cleanly",))
        if found.error:
            return Ended(126, None, (f"[sandbox] {found.error}",))
        notes, denied = self._denied(found, stderr_tail)
        events = [*found.events, *self._owner.found()]
        looked = [each for each in events if each.kind in ("audit", "history")]
        told = [f"[sandbox] {each.target}: {each.detail}" for each in looked[:MOST]]
        if len(looked) > MOST:
            told.append(f"[sandbox] and {len(looked) - MOST} more of the kind")
        return Ended(found.code, found.signal, (*notes, *told), denied)

    def _denied(
        self, found: Exit, tail: str
    ) -> tuple[tuple[str, ...], tuple[Mapping[str, str], ...]]:
        """A line for the model and facts for the log, about what was certainly refused."""
        if self._policy.mode == "unrestricted":
            return (), ()
        if found.code == 0 and not found.events and not tail:
            return (), ()
        from codex_py_sandbox.denial import denials, message  # late: few commands are refused

        denied = denials(self._policy, found, tail, self._cwd, environ=self._environ)
        certain = [self._reached(each) for each in denied if each.certain]
        if not certain:
            return (), ()
        facts = [
            {"kind": each.kind, "target": each.target, "why": each.why, "grant": self._option(each)}
            for each in certain
        ]
        told = message(tuple(replace(each, grant=None) for each in certain), self._policy)
        ask = asking(certain[0].grant)
        if ask:
            told += (
                f" To ask the user for just that, run it once more with {ask} "
                f"(or they start with {self._option(certain[0])})."
            )
        return (told,), tuple(facts)

    def _option(self, denial: Denial) -> str:
        return option(denial.grant, self._policy.roots)

    def _reached(self, denial: Denial) -> Denial:
        """The refusal with what can be opened: the nearest folder of what does not exist yet."""
        grant = denial.grant
        if grant is None or grant.field not in ("allow_write", "allow_read"):
            return denial
        try:
            path = self._owner.openable(grant.value)
        except Unopenable:
            return replace(denial, grant=None)
        return replace(denial, grant=replace(grant, value=path))

    def signal(self, number: int) -> None:
        """Send a signal to everything the command started."""
        self._job.signal(number)

    async def end(self) -> None:
        """Kill the whole tree; the kernel ends what the command left behind."""
        self._job.kill_tree()


def option(grant: Grant | None, roots: tuple[Path, ...] = ()) -> str:
    """The option of ours that gives one grant; empty when there is none."""
    if grant is None:
        return ""
    if grant.field == "allow_write":
        inside = any(Path(grant.value).is_relative_to(root) for root in roots)
        if os.path.isdir(grant.value) and not inside:
            import shlex  # late: only when something is refused

            return f"--add-dir {shlex.quote(grant.value)}"
        return effects.option((grant.value,))
    if grant.field == "allow_read":
        return effects.option(reads=(grant.value,))
    return effects.option(network=True) if grant.field == "network" else ""


def asking(grant: Grant | None) -> str:
    """The parameter of the shell tool that asks the user for one grant."""
    if grant is None:
        return ""
    names = {"allow_write": "grant_write", "allow_read": "grant_read"}
    if grant.field in names:
        return f"{names[grant.field]} {json.dumps([grant.value], ensure_ascii=False)}"
    return "grant_network true" if grant.field == "network" else ""
