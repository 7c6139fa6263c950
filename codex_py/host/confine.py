"""Commands confined by the operating system: the only caller of the sandbox."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from codex_py.host.processes import QUIET, Ended, Running, shell, starts_code

if TYPE_CHECKING:
    from codex_py_sandbox import Exit, Grant, Job, Policy, Session

READY = 10.0
"""Seconds the launcher may take to say what it enforces."""


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
    git: str = "commit"
    deny_read: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    """Paths among the secrets that may be read after all."""
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
    ) -> Running:
        """Start a shell command confined in a mode, its output going to `out`.

        Commands of one mode share their loopback, so each can reach the servers of the others.
        """
        self.ready(mode)
        assert self._session is not None
        quiet: dict[str, str | None] = dict(QUIET)
        quiet |= {name: None for name in self._environ if starts_code(name)}
        with open(os.devnull, "rb") as nothing:
            job = self._session.start(
                [shell(), "-c", command],
                cwd,
                env=quiet,
                stdin=nothing.fileno() if stdin is None else stdin,
                stdout=out,
                stderr=out,
                wall_s=wall,
                policy=self._policy(mode),
            )
        return _Confined(job, self._policy(mode), cwd, self._environ)

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
            )
        except (SandboxUnavailable, OSError):
            return None
        return _Confined(job, policy, cwd, self._environ)

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

    def _policy(self, mode: str) -> Policy:
        from codex_py_sandbox import EnvRules, Policy  # late: loaded by begin

        ground = self._ground
        return Policy(
            mode="read-only" if mode == "read-only" else "workspace-write",
            roots=tuple(Path(each) for each in ground.roots),
            git="read-only" if ground.git == "read-only" else "commit",
            deny_read=tuple(Path(each) for each in ground.deny_read),
            allow_read=tuple(Path(each) for each in ground.readable),
            network="on" if ground.network else "off",
            env=EnvRules(keep=ground.keep_env, listed=True),
            own=(Path(ground.own),),
        )


def option(grant: Grant | None) -> str:
    """The option of ours that gives one grant; empty when there is none."""
    if grant is None:
        return ""
    if grant.field == "allow_write":
        return f"--add-dir {grant.value}"
    if grant.field == "allow_read":
        return f"-c 'sandbox_workspace_write.readable=[\"{grant.value}\"]'"
    if grant.field == "network":
        return "-c sandbox_workspace_write.network_access=true"
    return ""


class _Confined:
    """A confined command as the process runner sees it."""

    def __init__(self, job: Job, policy: Policy, cwd: str, environ: Mapping[str, str]) -> None:
        self._job = job
        self._policy = policy
        self._cwd = cwd
        self._environ = environ

    def fileno(self) -> int:
        """Readable once the command and all its children ended."""
        return self._job.fileno()

    def collect(self, stderr_tail: str) -> Ended:
        """How it ended, and what was refused to it."""
        found = self._job.wait(5.0)
        if found is None:
            return Ended(None, 9, ("[sandbox] the command could not be ended cleanly",))
        if found.error:
            return Ended(126, None, (f"[sandbox] {found.error}",))
        notes, denied = self._denied(found, stderr_tail)
        return Ended(found.code, found.signal, notes, denied)

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
        certain = [each for each in denied if each.certain]
        if not certain:
            return (), ()
        facts = [
            {"kind": each.kind, "target": each.target, "why": each.why, "grant": option(each.grant)}
            for each in certain
        ]
        told = message(tuple(replace(each, grant=None) for each in certain), self._policy)
        if facts[0]["grant"]:
            told += f" The user can allow just that with {facts[0]['grant']}."
        return (told,), tuple(facts)

    def signal(self, number: int) -> None:
        """Send a signal to everything the command started."""
        self._job.signal(number)

    async def end(self) -> None:
        """Kill the whole tree; the kernel ends what the command left behind."""
        self._job.kill_tree()
