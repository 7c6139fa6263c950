"""The façade: puts a session and a kit together, and runs turns."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codex_py.brain import Brain, Tell, choose
from codex_py.context import documents, environment
from codex_py.core import session as sessions
from codex_py.core.compact import compact, measured
from codex_py.core.entries import (
    Changed,
    Compacted,
    Context,
    Entry,
    Notice,
    Part,
    Resumed,
    Started,
    Text,
    TurnEnded,
)
from codex_py.core.errors import UsageError
from codex_py.core.kit import Ask, Kit
from codex_py.core.logfile import VERSION
from codex_py.core.receipt import Receipt, receipt
from codex_py.core.session import Session
from codex_py.core.turn import run_turn
from codex_py.effects import Effects
from codex_py.equip import equip
from codex_py.ground import exposed, ground, opened
from codex_py.host import Host, Unconfined, open_host
from codex_py.host.confine import WrongPlace
from codex_py.host.git import branch, find_root, head
from codex_py.host.keeping import Keeper, Keeping
from codex_py.launch import Launch
from codex_py.proof import files_now
from codex_py.settings import Settings
from codex_py.showing import Given, blind, parts, take
from codex_py.version import __version__


class Agent:
    """A session and the kit that works on it. No logic of its own."""

    def __init__(self, session: Session, kit: Kit, brain: Brain, began: int = 0) -> None:
        self.session = session
        self.kit = kit
        self.brain = brain
        self.began = began
        """Where in the session's entries this sitting begins."""
        self._turn = began

    async def run(self, prompt: str, images: Sequence[Given] = ()) -> TurnEnded:
        """One turn, from the user's words to quiet.

        A picture is a path, bytes, a name with bytes, or a PIL image. Raises UsageError, with
        nothing logged and nothing sent, for one that cannot be sent or a model without eyes.
        """
        parts = await self.parts(prompt, images)
        self._turn = len(self.session.entries)
        if self.kit.keeper is not None:
            self.kit.keeper.begin_soon()
        return await run_turn(self.session, parts, self.kit)

    async def parts(self, prompt: str, images: Sequence[Given] = ()) -> tuple[Part, ...]:
        """A message's parts, its pictures decoded, scaled for the model and kept."""
        if not images:
            return (Text(prompt),)
        if not self.kit.vision:
            raise UsageError(blind(self.brain.label))
        host = self.kit.host

        def ready() -> list[Part]:
            shown = [take(each, host.cwd, host.roots) for each in images]
            return parts(shown, self.kit.eyes, self.session.keep)

        return (Text(prompt), *await asyncio.to_thread(ready))

    async def compact(self) -> Compacted | None:
        """Sum up the conversation now; None when nothing is new since it last was."""
        return await compact(self.session, await measured(self.session, self.kit))

    @property
    def turn_start(self) -> int:
        """Where in the log the newest turn begins."""
        return self._turn

    def turn(self) -> list[Entry]:
        """The entries of the newest turn."""
        return self.session.entries[self._turn :]

    def receipt(self) -> Receipt:
        """What really happened in the newest turn, and its final message held against it."""
        host = self.kit.host
        now = files_now(host)
        return receipt(self.session.entries, self._turn, cwd=host.cwd, workspace=now)

    def describe(self) -> str:
        """One line: version, model, mode, folder."""
        policy, host = self.kit.policy, self.kit.host
        effort = f" {self.kit.settings.effort}" if self.kit.settings.effort else ""
        return f"codex-py {__version__} · {self.brain.label}{effort} · {policy.mode} · {host.cwd}"

    async def wall(self) -> str:
        """Wait until it is known what confines commands; returns a warning, empty when strong.

        Raises UsageError where full-auto has nothing to confine with.
        """
        host = self.kit.host
        if not host.free and not self.kit.requires:
            return ""
        try:
            await asyncio.to_thread(host.confined.ready, "workspace-write")
        except Unconfined as error:
            if not host.free:
                raise UsageError(f"required commands run confined, but {error}") from error
            raise UsageError(no_wall(error)) from error
        return host.weakness

    async def close(self) -> None:
        """End what was started, let go of the log."""
        if self.kit.keeper is not None:
            self.kit.keeper.close()
        try:
            await self.kit.model.close()
        finally:
            self.kit.host.close()
            self.session.close()


def quiet(line: str) -> None:
    """Tells nobody."""
    del line


def open_agent(settings: Settings, launch: Launch, ask: Ask, tell: Tell = quiet) -> Agent:
    """A session, new or opened again, ready to run.

    Raises UsageError before anything is written or sent.

    `tell` is given a line when something takes its time, as loading the embedded model does.
    """
    cwd = os.path.realpath(launch.cwd)
    git_root = find_root(cwd)
    root = str(git_root) if git_root else None
    bare = not root and settings.approval_mode != "suggest" and not launch.skip_git_check
    if bare and settings.require_git:
        raise UsageError(
            f"{cwd} is not in a Git repository and require_git is set: "
            "run `git init`, or give --skip-git-repo-check"
        )
    more = (*launch.add_dirs, *settings.writable_roots)
    roots = (cwd, *(os.path.realpath(each) for each in more))
    needed = settings.approval_mode == "full-auto"
    place = ground(settings, cwd, roots, launch.resume)
    try:
        host = open_host(
            place,
            os.environ,
            timeout=settings.command_timeout,
            free=needed,
            most=settings.output_file_mb << 20,
        )
    except Unconfined as error:
        raise UsageError(no_wall(error)) from error
    try:
        brain = choose(settings, os.environ, tell)
        if launch.pictures and not brain.vision:
            raise UsageError(blind(brain.label))
        host = host.without_keys(brain.key_names, brain.clean)
        if launch.resume:
            session = sessions.resume(Path(launch.resume))
        else:
            folder = Path(launch.scratch) if launch.scratch else settings.home / "sessions"
            session = sessions.create(folder)
    except BaseException:
        host.close()
        raise
    session.guard(brain.clean)
    began = len(session.entries)
    try:
        _begin(session, settings, launch, host, brain, root)
    except BaseException:
        host.close()
        session.close()
        if not session.entries:  # nothing could be written: no session to go on with
            session.path.unlink()
        raise
    if told := opened(place):
        session.append(Changed(setting="opened", value=told))
    for warning in (f"{NO_GIT} ({cwd})" if bare else "", exposed(place)):
        if warning:
            session.append(Notice(text=warning))
    kit = equip(settings, host, brain, session, ask, _keeper(settings, launch, host))
    return Agent(session, kit, brain, began)


def _begin(
    session: Session,
    settings: Settings,
    launch: Launch,
    host: Host,
    brain: Brain,
    git_root: str | None,
) -> None:
    app = f"codex_py {__version__} python {platform.python_version()}"
    facts: dict[str, Any] = {
        "cwd": host.cwd,
        "app": app,
        "mode": settings.approval_mode,
        "model": brain.settings.model,
        "choice": "local" if settings.local else brain.label,
        "branch": branch(host.cwd) or "",
        "commit": head(host.cwd) or "",
    }
    again = bool(launch.resume)
    within = os.path.relpath(host.cwd, git_root) if git_root and git_root != host.cwd else ""
    session.append(
        Resumed(**facts)
        if again
        else Started(session=session.id, version=VERSION, within=within, **facts)
    )
    begun = session.entries[0]
    if isinstance(begun, Started) and begun.version > VERSION:
        told = "a newer version began this session: what it added to the log is kept, not used"
        session.append(Notice(text=told))
    if brain.warning:
        session.append(Notice(text=brain.warning))
    if brain.settings.search:
        session.append(Notice(text=SEARCHING.format(brain.settings.search), level="info"))
    texts = [
        environment(
            cwd=host.cwd,
            roots=host.roots,
            mode=settings.approval_mode,
            git_root=git_root,
            interactive=launch.interactive,
            network=settings.network_access,
        )
    ]
    found, warning = documents(settings, host.cwd, git_root)
    texts += found if brain.profile is None else ()
    if brain.profile is not None and brain.profile.files is not None:
        seen = host.under(Effects(reads=(host.cwd,))).listing(".", 3, NAMES)[0]
        texts.append(
            brain.profile.files([(each.path, each.size) for each in seen if not each.folder])
        )
    known = {
        (each.name, each.source): each.text for each in session.entries if isinstance(each, Context)
    }
    for each in texts:
        if known.get((each.name, each.source)) != each.text:
            session.append(each)
    if warning:
        session.append(Notice(text=warning))


NAMES = 41
"""Files and folders looked at for a model that is told their names."""


def no_wall(error: Unconfined) -> str:
    """Why full-auto cannot start, and what to do."""
    return str(error) if isinstance(error, WrongPlace) else f"{NO_WALL}: {error}"


NO_WALL = (
    "full-auto runs every command confined, and nothing can be enforced here "
    "(see `codex-py sandbox doctor`; suggest and auto-edit work without)"
)
SEARCHING = (
    "web search is on ({}): the provider sends queries made from this conversation to the web"
)
NO_GIT = "not a Git repository: there is no history to go back to if an edit goes wrong"


def keeping(settings: Settings, cwd: str, roots: tuple[str, ...]) -> Keeping:
    """What is kept of a workspace, so that steps can be undone."""
    return Keeping(
        os.path.realpath(settings.home),
        cwd,
        roots,
        most_files=settings.undo_max_files,
        largest_file=settings.undo_file_mb << 20,
        disk=settings.undo_disk_mb << 20,
    )


def _keeper(settings: Settings, launch: Launch, host: Host) -> Keeper | None:
    if not settings.undo or launch.scratch:
        return None
    return Keeper(keeping(settings, host.cwd, host.roots))
