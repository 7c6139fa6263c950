"""What stands between `the model says it is done` and the end of the turn: checks and proof."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from codex_py.core.entries import Checked, Entry, Notice, ToolResult, User, words
from codex_py.core.receipt import Claim, Workspace, receipt
from codex_py.core.session import Session
from codex_py.core.truncate import join, truncate
from codex_py.dataclass import dataclass
from codex_py.effects import Effects
from codex_py.host import Host, Unconfined
from codex_py.host.processes import Ran

SHOWN = 6_000
"""Characters of a failed check's output that the model is shown."""
MARK = "[receipt] "
"""How a question about unproved claims begins, so that a turn is asked it once."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Asked when the model calls nothing more: what it must still do, empty to let it end.

    Its memory is the log: which checks ran in this turn, and whether proof was asked for.
    """

    host: Host
    verify: bool = False
    """Ask once, for evidence of claims that the log does not support."""
    require: tuple[str, ...] = ()
    """Commands that must end with 0."""
    tries: int = 3
    """How often a failed check goes back to the model."""
    workspace: Callable[[Host], Workspace] | None = None

    async def __call__(self, session: Session, start: int) -> str:
        """The text that goes back to the model, empty when the turn may end."""
        turn = session.entries[start:]
        if self.verify and not any(_asked(entry) for entry in turn):
            doubtful = await asyncio.to_thread(self._doubtful, session.entries, start)
            if doubtful:
                return MARK + question(doubtful)
        if not self.require:
            return ""
        if given_up(turn):
            return self._failed(unmet(turn), session)
        failed = [
            each
            for each in [await self._check(one, session) for one in self.require]
            if not each.ok
        ]
        if not failed:
            return ""
        told = failures([*turn, *failed])
        if told > self.tries:
            return self._failed(failed, session)
        return report(failed, told, self.tries)

    def _failed(self, failed: Sequence[Checked], session: Session) -> str:
        names = ", ".join(f"`{each.command}`" for each in failed)
        session.append(Notice(text=f"required check failed: {names}", level="error"))
        return ""

    def _doubtful(self, entries: Sequence[Entry], start: int) -> tuple[Claim, ...]:
        known = self.workspace(self.host) if self.workspace else None
        found = receipt(
            entries, start, cwd=self.host.cwd, **({"workspace": known} if known else {})
        )
        return found.doubtful

    async def _check(self, command: str, session: Session) -> Checked:
        host = self.host.under(Effects(command=command, cwd=self.host.cwd), "workspace-write")

        def spill() -> tuple[str, BinaryIO]:
            path, file = session.spill("required")
            return str(path), file

        try:
            await asyncio.to_thread(host.confined.ready, "workspace-write")
            ran = await host.run(command, ".", 0.0, _silent, spill, room=SHOWN)
        except Unconfined as error:
            entry = Checked(command=command, output=f"it could not be confined: {error}")
        else:
            entry = _checked(command, ran)
        appended = session.append(entry)
        assert isinstance(appended, Checked)
        return appended


def _silent(text: str) -> None:
    del text


def _checked(command: str, ran: Ran) -> Checked:
    body = ran.head
    if ran.tail:
        body = join(ran.head, ran.tail, ran.size, "bytes", ran.full, ran.lost)
    return Checked(
        command=command,
        exit_code=ran.ended.code,
        timed_out=ran.timed_out,
        ok=ran.ended.code == 0 and not ran.timed_out and ran.ended.signal is None,
        output=body.rstrip() + "".join(f"\n{note}" for note in ran.ended.notes),
        seconds=round(ran.seconds, 3),
        full=ran.full if ran.tail else "",
        confined="workspace-write",
    )


def _asked(entry: Entry) -> bool:
    return isinstance(entry, User) and words(entry.parts).startswith(MARK)


def question(doubtful: Sequence[Claim]) -> str:
    """What the model is told, once, about claims without evidence."""
    lines = [f'- "{_short(each.text)}": {each.why}' for each in doubtful]
    return (
        "Your last message makes statements that the record of this session does not support:\n"
        + "\n".join(lines)
        + "\nFor each of them, either do now what would prove it (run the command, read the file) "
        "or take it back. Then write your final message again, stating only what the record shows."
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 160 else f"{flat[:159]}…"


def report(failed: Sequence[Checked], told: int, tries: int) -> str:
    """What the model is told about required checks that failed."""
    parts = [
        f"`{each.command}` {_ending(each)}:\n{truncate(each.output, SHOWN) or '(no output)'}"
        for each in failed
    ]
    return (
        "The task is not done: these commands must end with 0, and were run just now.\n\n"
        + "\n\n".join(parts)
        + f"\n\nFind the cause and mend it. (Failure {told} of at most {tries} that are sent back.)"
    )


def _ending(check: Checked) -> str:
    if check.timed_out:
        return "ran too long and was ended"
    return (
        f"ended with exit code {check.exit_code}" if check.exit_code is not None else "was killed"
    )


def failures(turn: Sequence[Entry]) -> int:
    """How many rounds of checks failed in a turn."""
    rounds, bad = 0, False
    for entry in turn:
        if isinstance(entry, Checked):
            bad = bad or not entry.ok
        elif bad:
            rounds, bad = rounds + 1, False
    return rounds + bad


def given_up(turn: Sequence[Entry]) -> bool:
    """Whether the model did nothing since the last failed check: running it again is no use."""
    last = max(
        (place for place, entry in enumerate(turn) if isinstance(entry, Checked)), default=-1
    )
    if last < 0:
        return False
    return not any(isinstance(entry, ToolResult) for entry in turn[last + 1 :])


def unmet(turn: Sequence[Entry]) -> list[Checked]:
    """The required checks whose last run in this turn failed."""
    newest: dict[str, Checked] = {}
    for entry in turn:
        if isinstance(entry, Checked):
            newest[entry.command] = entry
    return [replace(each) for each in newest.values() if not each.ok]


def files_now(host: Host) -> Workspace:
    """The workspace as it is now, looked at only when asked, within bounds."""
    from codex_py.core.receipt.message.names import spellings  # late: as above
    from codex_py.core.receipt.verdict.ledger import (
        is_document,  # late: only where claims are judged
    )

    names: dict[str, bool] = {}
    whole: list[bool] = []

    def listed() -> dict[str, bool]:
        if not whole:
            reading = host.under(Effects(reads=(host.real("."),)))
            found, more = reading.listing(".", 40, MOST)
            names.update({each.path: each.folder for each in found})
            whole.append(not more)
        return names

    def exists(path: str) -> bool | None:
        plain = path.strip().removeprefix("./").rstrip("/")
        full = Path(host.absolute(plain))
        try:
            if full.exists() or full.is_symlink():
                return True
        except (OSError, ValueError):
            return None
        if not any(str(full).startswith(f"{root}/") for root in host.roots):
            return None
        if any(name == plain or name.endswith(f"/{plain}") for name in listed()):
            return True
        return False if whole[0] else None

    def mentions(word: str) -> bool | None:
        forms = spellings(word)
        reading = host.under(Effects(reads=(host.real("."),)))
        for form in forms:
            hits = reading.search(".", form, glob="", fixed=True, ignore_case=False, limit=400)
            if hits.error:
                return None
            if any(not is_document(line.split(":", 1)[0]) for line in hits.lines):
                return True
            if hits.more:
                return None
        return False

    return Workspace(exists, mentions)


MOST = 60_000
"""Files of a workspace that are listed to tell whether one exists."""
