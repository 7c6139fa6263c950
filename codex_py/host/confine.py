"""Commands confined by the operating system: the only caller of the sandbox."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codex_py.dataclass import dataclass
from codex_py.effects import Effects
from codex_py.host.confined import Confined, Unopenable
from codex_py.host.processes import QUIET, Running, shell, starts_code

if TYPE_CHECKING:
    from codex_py_sandbox import Event, Policy, Session

READY = 10.0
"""Seconds the launcher may take to say what it enforces."""
WALL = 30.0
"""Seconds that a program of ours may take to read."""
IDLE = 2
"""Confinements kept ready beside the usual ones, for what was opened for the session."""


class Unconfined(Exception):
    """Commands cannot be confined here; the message says why and what to do."""


class WrongPlace(Unconfined):
    """The folder cannot be a workspace: a command there would own too much."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where confined commands may work: what the policies are made of."""

    cwd: str
    roots: tuple[str, ...]
    own: str
    """Our data folder: never writable, never readable inside."""
    logs: tuple[str, ...] = ()
    """The session's log and what lies beside it, when it lies elsewhere: closed as `own` is."""
    git: str = "commit"
    deny_read: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    """Paths among the secrets that may be read after all."""
    writable: tuple[str, ...] = ()
    """Paths that commands may write although they are outside or protected."""
    keep_env: tuple[str, ...] = ()
    """Variables that commands may see beside the usual ones."""
    network: bool = False
    """Commands may use the network: only ever by the user's own word."""


class Confinement:
    """A sandbox session, opened when first needed. `close` ends every command in it.

    Contract: `ready` raises Unconfined unless the kernel enforces; `launch` never runs a
    command without it.
    """

    def __init__(self, ground: Ground, environ: Mapping[str, str]) -> None:
        self._ground = ground
        self._environ = dict(environ)
        self._session: Session | None = None
        self._open: Session | None = None
        """Holds approved commands that go on in the background; without walls."""
        self._names: dict[str, str] = {}
        self._why: type[Unconfined] | None = None
        self._words = ""
        self._lock = threading.Lock()
        self._running: dict[Policy, int] = {}
        self._idle: list[Policy] = []
        self._told = 0

    def begin(self, mode: str = "workspace-write") -> None:
        """Start the launcher in the background. Raises Unconfined for a refused workspace."""
        from codex_py_sandbox import PolicyError, SandboxUnavailable, open_session  # late: 10 ms

        if self._session is not None:
            return
        try:
            policy = self._policy(mode)
            self._session = open_session(
                policy, environ=self._environ, state=Path(self._ground.own) / "sandbox"
            )
        except (PolicyError, SandboxUnavailable, OSError) as error:
            self._why = WrongPlace if isinstance(error, PolicyError) else Unconfined
            self._words = str(error)
            raise self._why(self._words) from error

    def ready(self, mode: str = "workspace-write") -> str:
        """What enforces a mode, in a few words; waits until it is known. Raises Unconfined.

        May be called from any thread.
        """
        with self._lock:
            return self._ready(mode)

    def _ready(self, mode: str) -> str:
        if mode in self._names:
            return self._names[mode]
        from codex_py_sandbox import PolicyError, SandboxUnavailable  # late: loaded by begin

        if self._why is not None:
            raise self._why(self._words)
        self.begin(mode)
        assert self._session is not None
        try:
            name = self._session.ready(READY, self._policy(mode))
        except (PolicyError, SandboxUnavailable, OSError) as error:
            self._why = WrongPlace if isinstance(error, PolicyError) else Unconfined
            self._words = str(error)
            raise self._why(self._words) from error
        self._names[mode] = name
        return name

    def launch(
        self,
        mode: str,
        command: str,
        cwd: str,
        out: int,
        wall: float | None = None,
        stdin: int | None = None,
        opened: Effects | None = None,
    ) -> Running:
        """Start a shell command confined in a mode, its output going to `out`.

        `opened` is what was allowed to it beyond the usual: paths to write and read, the network.
        A `stdin` that is a terminal becomes its controlling one.
        Commands of one mode, with the same opened, share their loopback: each can reach the
        servers of the others.
        """
        self.ready(mode)
        session = self._session
        assert session is not None
        policy = self._policy(mode, opened)
        quiet: dict[str, str | None] = dict(QUIET)
        quiet |= {name: None for name in self._environ if starts_code(name)}
        with open(os.devnull, "rb") as nothing:
            job = session.start(
                [shell(), "-c", command],
                cwd,
                env=quiet,
                stdin=nothing.fileno() if stdin is None else stdin,
                stdout=out,
                stderr=out,
                tty=stdin is not None and os.isatty(stdin),
                wall_s=wall,
                policy=policy,
            )
        if policy != self._policy(mode):
            self._running[policy] = self._running.get(policy, 0) + 1
        return Confined(job, policy, cwd, self._environ, self)

    def ended(self, policy: Policy) -> None:
        """A command ended: confinement made for what was opened to it is kept for a while only."""
        left = self._running.get(policy, 0) - 1
        if left < 0 or self._session is None:
            return
        self._running[policy] = left
        if left == 0:
            # Order of use: the newest is last.
            del self._running[policy]
            self._idle = [*(each for each in self._idle if each != policy), policy]
            while len(self._idle) > IDLE:
                old = self._idle.pop(0)
                if old not in self._running:
                    self._session.release(old)

    def hidden(self, mode: str) -> tuple[str, ...]:
        """Paths that commands cannot read: keys, tokens, our own folder; all that can be told."""
        if self._session is None:
            return (self._ground.own, *self._ground.logs, *self._ground.deny_read)
        return self._session.hidden(self._policy(mode))

    def reading(
        self, mode: str, argv: Sequence[str], cwd: str, given: bytes, limit: int
    ) -> tuple[int, str, str, bool] | None:
        """Run a program of ours that reads for the model, confined: code, output, errors, cut off.

        So that it reads nothing that a command could not, whatever is swapped under it meanwhile.
        None where nothing confines. Blocks; call it from a thread.
        """
        try:
            self.ready(mode)
        except Unconfined:
            return None
        assert self._session is not None
        out, theirs = os.pipe()
        told = os.memfd_create("in")
        errors = os.memfd_create("err")
        try:
            os.write(told, given)
            os.lseek(told, 0, os.SEEK_SET)
            try:
                job = self._session.start(
                    argv, cwd, stdin=told, stdout=theirs, stderr=errors, wall_s=WALL,
                    policy=self._policy(mode),
                )  # fmt: skip
            finally:
                os.close(theirs)
            data = bytearray()
            while len(data) <= limit and (piece := os.read(out, 1 << 16)):
                data += piece
            cut = len(data) > limit
            if cut:
                job.kill_tree()
            ended = job.wait(WALL + 5)
            said = os.pread(errors, 8_000, 0)
        finally:
            for each in (out, told, errors):
                os.close(each)
        code = ended.status if ended else 126
        why = ended.error or "" if ended else "it did not end"
        text = bytes(data[:limit]).decode("utf-8", "replace")
        return (
            code,
            text,
            why or said.decode("utf-8", "replace"),
            cut or bool(ended and ended.timed_out),
        )

    def found(self) -> list[Event]:
        """What the launcher set aside in the background since the last command."""
        if self._session is None:
            return []
        all_ = self._session.findings()
        new, self._told = list(all_[self._told :]), len(all_)
        return new

    def openable(self, path: str) -> str:
        """A real path, or the nearest folder above it that exists; see `Host.openable`."""
        from codex_py_sandbox import layout  # late: loaded by begin

        own = [os.path.realpath(each) for each in (self._ground.own, *self._ground.logs)]
        home = os.path.realpath(self._environ.get("HOME", "/"))
        found = path
        while not os.path.lexists(found):
            found = os.path.dirname(found)
        why = layout.refuse_grant(path, [])
        if not why and os.path.isdir(found):
            why = layout.refuse_root(found, home, own)
            if why and found != path:
                why = f"{path} does not exist, and opening all of {found} would be too much"
        why = why or layout.refuse_grant(path, own) or layout.refuse_grant(found, own)
        if not why and not found.isprintable():
            why = f"{found!r} cannot be opened: its name holds characters that do not show"
        if why:
            raise Unopenable(why)
        return found

    def launch_open(
        self, command: str, cwd: str, out: int, stdin: int, env: Mapping[str, str]
    ) -> Running | None:
        """Start an approved command without walls, but so that its whole tree ends with us.

        Even when we are killed, and whatever it detached. None where there is no such launcher.
        """
        from codex_py_sandbox import (  # late: 10 ms
            EnvRules,
            Policy,
            SandboxUnavailable,
            open_session,
        )

        policy = Policy(mode="unrestricted", network="on", env=EnvRules(keep=("*",)))
        try:
            if self._open is None:
                self._open = open_session(
                    policy, environ=env, state=Path(self._ground.own) / "sandbox", warm=False
                )
            gone: dict[str, str | None] = {name: None for name in self._environ if name not in env}
            job = self._open.start(
                [shell(), "-c", command],
                cwd,
                env={**gone, **env},
                stdin=stdin,
                stdout=out,
                stderr=out,
                tty=os.isatty(stdin),
            )
        except (SandboxUnavailable, OSError):
            return None
        return Confined(job, policy, cwd, self._environ, self)

    def host_path(self, path: str) -> str:
        """Where a path seen by confined commands lies: their /tmp is the session's own."""
        if self._session is None:
            return path
        return str(self._session.host_path(path))

    def temporary(self) -> str:
        """The folder for the /tmp that confined commands see; empty when there is none."""
        inner = os.path.dirname(self.host_path("/tmp/x"))
        return "" if inner == "/tmp" else os.path.dirname(os.path.realpath(inner))

    def close(self) -> None:
        """End every confined command and remove the session's temporary files."""
        for session in (self._session, self._open):
            if session is not None:
                session.close()
        self._session = self._open = None

    def _policy(self, mode: str, opened: Effects | None = None) -> Policy:
        return policy(self._ground, mode, opened)


def policy(ground: Ground, mode: str, opened: Effects | None = None) -> Policy:
    """The confinement of a mode, with what was opened beyond it, as the sandbox takes it."""
    from codex_py_sandbox import EnvRules, Policy  # late: 10 ms

    opened = opened or Effects()
    reading = mode == "read-only"
    writes = () if reading else (*ground.writable, *opened.writes)
    return Policy(
        mode="read-only" if reading else "workspace-write",
        roots=tuple(Path(each) for each in ground.roots),
        git="read-only" if ground.git == "read-only" else "commit",
        deny_read=tuple(Path(each) for each in ground.deny_read),
        allow_read=tuple(Path(each) for each in (*ground.readable, *opened.reads)),
        allow_write=tuple(Path(each) for each in writes),
        network="on" if ground.network or opened.network else "off",
        env=EnvRules(keep=ground.keep_env, listed=True),
        own=tuple(Path(each) for each in (ground.own, *ground.logs)),
    )
