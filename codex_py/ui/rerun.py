"""A recording run again: the recorded model's answers, real tools, confined, in a fresh folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import cast

from codex_py.agent import Agent, open_agent
from codex_py.core import logfile
from codex_py.core.entries import (
    Changed,
    Decision,
    Delta,
    Entry,
    Image,
    Part,
    Started,
    Text,
    ToolCall,
    ToolResult,
)
from codex_py.core.errors import UsageError
from codex_py.core.kit import Ask, silent
from codex_py.core.policy import MODES, Mode, inside
from codex_py.core.recording import Turn, cut_off, recording
from codex_py.core.session import kept
from codex_py.core.turn import run_turn
from codex_py.dataclass import dataclass
from codex_py.host.git import find_root
from codex_py.launch import Launch
from codex_py.settings import Settings
from codex_py.ui.footing import footing
from codex_py.ui.scratch import scratch
from codex_py.undo import Damaged, repeated

PLAIN = re.compile(r"\w[\w.-]{0,80}")
"""Names of folders that are taken over; a log may come from anybody."""
PART = re.compile(r"(?!\.{1,2}$|\.git$)[^/\0]{1,255}", re.IGNORECASE)
DEEPEST = 60
"""Folders inside folders that a session's folder may lie below its repository."""
Show = Callable[[Entry | Delta], None]


@dataclass(slots=True)
class Rerun:
    """What came of it: the tool results then and now, by call, and what was not run again."""

    then: dict[str, ToolResult] = field(default_factory=dict)
    now: dict[str, ToolResult] = field(default_factory=dict)
    calls: dict[str, ToolCall] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    """Calls that were not run again, and why."""
    place: str = ""
    """What the fresh folder held at the start, in words; below, what it lacked."""
    missing: tuple[str, ...] = ()


def rerun(path: Path, settings: Settings, repository: str, show: Show) -> Rerun:
    """Run a recording again, from its first line to its last.

    `repository` is where the commit is looked for instead of the recorded folder. Every command
    is confined, without network; nothing outside the fresh folder is written. Raises UsageError.
    """
    entries = logfile.read(path)
    first = entries[0] if entries else None
    if not isinstance(first, Started):
        raise UsageError(f"{path} is not the log of a session")
    with scratch(first.cwd) as free:
        old, top, work = _places(first, free)
        work.mkdir(parents=True)
        held = footing(entries, first, settings.home, repository, work, top, free)
        found = Rerun(place=held.place, missing=held.missing)
        copy = free / path.name
        _mapped(path, copy, {old: str(top), **dict(held.added)})
        places = (top, work, *(Path(each) for _, each in held.added))
        return asyncio.run(_all(copy, path, settings, places, free, found, show))


def _places(first: Started, free: Path) -> tuple[str, Path, Path]:
    """Where the session's repository began, or its folder; where that and the folder are now."""
    cwd, within = first.cwd, first.within
    if not within and first.commit:  # of a version that did not note it
        with contextlib.suppress(OSError, ValueError):
            root = find_root(cwd)
            within = os.path.relpath(cwd, root) if root and str(root) != cwd else ""
    parts = within.split("/")
    sound = len(parts) < DEEPEST and all(PART.fullmatch(each) for each in parts)
    old = cwd.removesuffix(f"/{within}")
    if not sound or old == cwd or len(old) < 4:
        old, parts = cwd, []
    name = os.path.basename(old)
    top = free / (name if PLAIN.fullmatch(name) else "work")
    return old, top, top.joinpath(*parts)


def _mapped(source: Path, target: Path, places: Mapping[str, str]) -> None:
    """A copy of a log whose paths lead into the fresh folders."""
    known = {
        old.encode("utf-8", "replace"): new.encode("utf-8", "replace")
        for old, new in places.items()
        if os.path.isabs(old) and len(old) > 3
    }
    names = b"|".join(re.escape(each) for each in sorted(known, key=len, reverse=True))
    whole = re.compile(b"(" + names + rb")(?![\w-]|\.\w)")  # not a folder beside it
    with open(target, "wb") as file:
        for line in logfile.lines(source):
            file.write((whole.sub(lambda x: known[x[0]], line) if known else line) + b"\n")


async def _all(
    copy: Path,
    source: Path,
    settings: Settings,
    places: tuple[Path, ...],
    scratch: Path,
    found: Rerun,
    show: Show,
) -> Rerun:
    top, work, *more = places
    added = tuple(str(each) for each in more)
    entries = logfile.read(copy)
    decided = {each.call_id: each for each in entries if isinstance(each, Decision)}
    first = cast(Started, entries[0])
    mode: Mode = next((each for each in MODES if each == first.mode), "suggest")
    mine = Settings(
        home=settings.home,
        approval_mode=mode,
        mode_given=True,
        model=f"recorded/{copy}",
        model_given=True,
        deny_read=settings.deny_read,
        readable=(str(top),) if top != work else (),
        command_timeout=settings.command_timeout,
        output_file_mb=settings.output_file_mb,
        undo=False,
        project_doc_max_bytes=0,
    )
    here = str(work)
    launch = Launch(here, added, skip_git_check=True, scratch=str(scratch / "log"))

    async def ask(call: ToolCall, decision: Decision) -> Decision:
        why = _refused(decided.get(call.call_id), decision, (here, *added))
        if not why:
            return Decision(
                verdict="allow", by="rule", reason="as recorded", confined="workspace-write"
            )
        found.kept[call.call_id] = why
        return Decision(verdict="deny", by="rule", reason=f"{why}: not run again")

    agent = open_agent(mine, launch, ask)
    try:
        if not agent.kit.host.confines:
            raise UsageError("nothing can confine commands here: a recording is not run again")
        agent.session.subscribe(show)
        before = logfile.read(source)
        turns = zip(recording(entries).turns, recording(before).turns, strict=True)
        for turn, then in turns:
            found.missing += _undone(then, before[0], settings, work)
            cwd = str(work) if then.cwd == cast(Started, before[0]).cwd else turn.cwd
            if cwd != here:
                if not _lies(cwd, top):
                    calls = [each for part in turn.responses for each in part]
                    why = f"it ran in {then.cwd}, which is not there"
                    found.kept |= {x.call_id: why for x in calls if isinstance(x, ToolCall)}
                    continue
                here, mine = cwd, replace(mine, readable=(str(top),))
                agent = await _moved(agent, mine, replace(launch, cwd=here), ask)
                agent.session.subscribe(show)
            await _turn(agent, turn, source)
        _collect(found, entries, agent, source)
    finally:
        await agent.close()
    return found


def _lies(cwd: str, top: Path) -> bool:
    """Whether a folder is really there, below the fresh one."""
    real = os.path.realpath(cwd) if "\0" not in cwd else ""
    return real == cwd and os.path.isdir(real) and inside(real, (str(top),))


async def _moved(agent: Agent, settings: Settings, launch: Launch, ask: Ask) -> Agent:
    """The same session, gone on with in another folder."""
    await agent.close()
    fresh = open_agent(settings, replace(launch, resume=str(agent.session.path)), ask)
    fresh.kit = replace(fresh.kit, model=agent.kit.model)
    return fresh


def _refused(then: Decision | None, decision: Decision, roots: tuple[str, ...]) -> str:
    """Why a call that would be asked about is not run again; empty when it is."""
    effects = decision.effects
    if then is None or then.verdict != "allow":
        return "it was refused then"
    if effects.get("network") or effects.get("unknown") or effects.get("typed"):
        return "it would reach outside"
    writes = effects.get("writes") or []
    if not all(inside(str(each), roots) for each in writes):
        return "it would write outside the fresh folder"
    reads = effects.get("reads") or []
    if not all(inside(str(each), roots) for each in reads) or not (
        effects.get("command") or writes
    ):
        return "it would read what may be secret"
    return ""


def _undone(turn: Turn, first: Entry, settings: Settings, work: Path) -> tuple[str, ...]:
    """Undo and redo again what the user did before a turn; what of it could not be."""
    assert isinstance(first, Started)
    failed: list[str] = []
    for each in turn.undone:
        verb = "a redo" if each.redo else "an undo"
        try:
            lost = repeated(each, settings.home, first.cwd, str(work))
        except (Damaged, OSError) as error:
            failed.append(f"{verb} between two turns ({error})")
        else:
            failed += [f"{path} of {verb} between two turns ({why})" for path, why in lost.items()]
    return tuple(failed)


async def _turn(agent: Agent, turn: Turn, source: Path) -> None:
    """One recorded turn; what was typed while it ran comes in at the same places."""
    if turn.mode:
        agent.session.append(Changed(setting="mode", value=turn.mode))
    waiting = list(turn.typed)
    taken = 0

    def inbox() -> list[tuple[Part, ...]]:
        nonlocal taken
        taken += 1
        due = [_with_pictures(agent, parts, source) for after, parts in waiting if after <= taken]
        waiting[:] = [each for each in waiting if each[0] > taken]
        return due

    kit = replace(agent.kit, inbox=inbox, nudge=silent)
    await run_turn(agent.session, _with_pictures(agent, turn.prompt, source), kit)


def _with_pictures(agent: Agent, parts: Iterable[Part], source: Path) -> tuple[Part, ...]:
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Image):
            try:
                data = kept(source.with_suffix(""), part.blob)
                found.append(replace(part, blob=agent.session.keep(data)))
            except OSError:
                found.append(Text(f"[picture {part.name}, which is not in the recording]"))
        else:
            found.append(part)
    return tuple(found)


def _collect(found: Rerun, entries: Sequence[Entry], agent: Agent, source: Path) -> None:
    """Results then and now, with the names of folders made alike."""
    beside = str(source.with_suffix(""))
    new = str(agent.session.beside)
    for entry in entries:
        if isinstance(entry, ToolCall):
            found.calls[entry.call_id] = entry
        elif isinstance(entry, ToolResult):
            found.then[entry.call_id] = _alike(entry, beside)
    found.kept |= dict.fromkeys(cut_off(entries), "it was cut off then")
    for entry in agent.session.history():
        if isinstance(entry, ToolResult):
            found.now[entry.call_id] = _alike(entry, new)


def _alike(entry: ToolResult, beside: str) -> ToolResult:
    parts = tuple(
        Text(part.text.replace(beside, "SESSION")) if isinstance(part, Text) else part
        for part in entry.parts
    )
    return replace(entry, parts=parts)
