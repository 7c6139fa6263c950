"""A session of confined commands: opened at once, commands started without blocking."""

from __future__ import annotations

import _socket
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from codex_py_sandbox import _wire, layout
from codex_py_sandbox.envscrub import scrub
from codex_py_sandbox.folders import SessionFolder, default_state
from codex_py_sandbox.job import Job, Room, event
from codex_py_sandbox.plan import Plan
from codex_py_sandbox.policy import Policy, PolicyError, to_data
from codex_py_sandbox.values import Denial, Event, Exit, SandboxUnavailable

BACKENDS = ("namespaces", "bubblewrap", "landlock")


class Session:
    """Commands under one policy or several; made by `open_session`, ended by `close`."""

    def __init__(
        self,
        policy: Policy,
        environ: Mapping[str, str],
        folder: SessionFolder,
        backends: tuple[str, ...],
        warm: bool,
    ) -> None:
        self.policy = policy
        self._warm = warm
        self._backends = backends
        self._environ = dict(environ)
        self._folder = folder
        self._home = environ.get("HOME", "")
        self._rooms: dict[Policy, Room] = {}
        self._plans: dict[Policy, Plan] = {}
        self._shown: list[str] | None = None
        self._closed = False
        self._found: list[Event] = []
        self._deaf = False
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        self._control = ours
        try:
            self._pid = _launch(theirs)
        finally:
            theirs.close()
        _wire.send(self._control, f"session {folder.path}", [folder.lock], wait=False)
        self.dropped = scrub(environ, policy)[1]
        self.prepare(policy)

    def prepare(self, policy: Policy) -> None:
        """Begin to set up the room for `policy` in the background, if there is none yet."""
        if policy in self._rooms:
            return
        check_roots(policy, self._home, self._folder.state)
        env, _ = scrub(self._environ, policy)
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        payload = _wire.pack(
            {
                "spec": to_data(policy),
                "home": self._home,
                "state": str(self._folder.state),
                "session": str(self._folder.path),
                "env": env,
                "backends": list(self._backends),
                "warm": self._warm,
            }
        )
        try:
            _wire.send(self._control, "room", [payload, theirs.fileno()])
        except OSError:
            ours.close()
            raise SandboxUnavailable("the launcher is gone") from None
        finally:
            os.close(payload)
            theirs.close()
        self._rooms[policy] = Room(ours, self._control, policy.mode == "workspace-write")

    def start(
        self,
        argv: Sequence[str],
        cwd: Path | str,
        *,
        env: Mapping[str, str | None] | None = None,
        stdin: int = 0,
        stdout: int = 1,
        stderr: int = 2,
        tty: bool = False,
        wall_s: float | None = None,
        policy: Policy | None = None,
    ) -> Job:
        """Start one command; never waits for it or for the launcher.

        `env` is laid over the scrubbed environment (None removes a name). The three descriptors
        stay the caller's. With `tty` stdin must be a terminal and becomes the controlling one.
        `wall_s` overrides the policy's limit. SandboxUnavailable when the launcher is gone.
        """
        policy = policy or self.policy
        if self._closed:
            raise SandboxUnavailable("the session is closed")
        if not argv or any("\0" in part for part in argv):
            raise ValueError("a command needs at least a program, without NUL characters")
        if policy in self._rooms and self._rooms[policy].lost():
            self._rooms.pop(policy).sock.close()
        self.prepare(policy)
        room = self._rooms[policy]
        job = {
            "argv": list(argv),
            "cwd": str(cwd),
            "env": dict(env or {}),
            "tty": tty,
            "wall": wall_s if wall_s is not None else policy.limits.wall_s or 0.0,
        }
        payload = _wire.pack(job)
        read, write = os.pipe()
        room.count += 1
        try:
            room.send(f"start {room.count}", [payload, stdin, stdout, stderr, write])
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(payload)
            os.close(write)
        return Job(room, str(room.count), read)

    def release(self, policy: Policy) -> None:
        """Give up the room of a policy that will not be used again; its commands end."""
        room = self._rooms.pop(policy, None) if policy != self.policy else None
        if room is not None:
            room.sock.close()
            self._plans.pop(policy, None)

    def ready(self, timeout: float = 10.0, policy: Policy | None = None) -> str:
        """The name of the backend that enforces; SandboxUnavailable when nothing can."""
        policy = policy or self.policy
        self.prepare(policy)
        room = self._rooms[policy]
        room.listen(timeout)
        if room.backend:
            return room.backend
        raise SandboxUnavailable(room.why() or f"the launcher was not ready in {timeout:g} seconds")

    def findings(self) -> tuple[Event, ...]:
        """Everything so far that was set aside in the background, oldest first; never blocks."""
        while not self._deaf and select.select([self._control.fileno()], [], [], 0)[0]:
            try:
                text, _ = _wire.receive(self._control)
            except OSError:
                break
            if not text:
                break
            self._found.append(event(text))
        return tuple(self._found)

    def host_path(self, path: Path | str) -> Path:
        """Where a path seen inside lies on the host: /tmp and /var/tmp are the session's own."""
        text = os.path.normpath(str(path))
        mounted = self._rooms[self.policy].backend in ("namespaces", "bubblewrap", "")
        if mounted and self.policy.tmp == "private" and self.policy.mode != "unrestricted":
            if self._shown is None:
                roots = [os.path.realpath(root) for root in self.policy.roots]
                self._shown = [*roots, *layout.around(roots)]
            if not any(layout.beneath(text, each) for each in self._shown):
                for inside, name in (("/tmp", "tmp"), ("/var/tmp", "var-tmp")):
                    if layout.beneath(text, inside):
                        return self._folder.path / (name + text[len(inside) :])
        return Path(text)

    def denials(
        self, exit: Exit, stderr_tail: str, cwd: Path | str, policy: Policy | None = None
    ) -> tuple[Denial, ...]:
        """What confinement refused to a command of this session; see `denial.denials`."""
        from codex_py_sandbox import denial, explain  # late: only after a failure

        policy = policy or self.policy
        if policy not in self._plans and policy.mode != "unrestricted":
            self._plans[policy] = explain.plan_for(policy, self._environ, self._folder.state)
        plan = self._plans.get(policy)
        return denial.denials(policy, exit, stderr_tail, str(cwd), environ=self._environ, plan=plan)

    def hidden(self, policy: Policy | None = None) -> tuple[str, ...]:
        """The paths that nobody inside can read, as they were when this was first asked."""
        from codex_py_sandbox import explain  # late: few callers ask

        policy = policy or self.policy
        if policy not in self._plans:
            self._plans[policy] = explain.plan_for(policy, self._environ, self._folder.state)
        return tuple(self._plans[policy].masks)

    def close(self) -> None:
        """End every command, remove the session's temporary files and placeholders."""
        if self._closed:
            return
        self._closed = True
        for room in self._rooms.values():
            room.sock.close()
        self._control.shutdown(_socket.SHUT_WR)
        _gone(self._pid, 5.0)
        self.findings()
        self._deaf = True
        self._control.close()
        self._folder.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_session(
    policy: Policy,
    *,
    environ: Mapping[str, str],
    state: Path | None = None,
    backends: tuple[str, ...] | None = None,
    warm: bool = True,
) -> Session:
    """Open a session; returns at once, the launcher starts in the background.

    `state` is a private folder of the caller (made with mode 700 if absent) for the session's
    /tmp and safety copies; default `~/.cache/codex_py_sandbox`. PolicyError when a root cannot be
    one, SandboxUnavailable when this system has no launcher at all. `backends` are tried in order
    and the first that enforces is used; default: strongest first. With
    `warm` the next command's first process is made ahead, which saves a millisecond or two.
    """
    state = state or default_state(environ)
    check_roots(policy, environ.get("HOME", ""), state)
    if sys.platform == "darwin":
        from codex_py_sandbox.seatbelt import SeatbeltSession  # late: on macOS alone

        # The same promises; only who keeps them differs.
        return cast(Session, SeatbeltSession(policy, environ, SessionFolder(state)))
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable(f"no session launcher for {sys.platform}")
    return Session(policy, environ, SessionFolder(state), backends or BACKENDS, warm)


def check_roots(policy: Policy, home: str, state: Path) -> None:
    """PolicyError when a root is the machine's, the user's or the caller's own ground."""
    own = [os.path.realpath(p) for p in (*policy.own, state)]
    real_home = os.path.realpath(home) if home else ""
    for root in policy.roots:
        path = os.path.realpath(root)
        why = layout.refuse_root(path, real_home, own) if policy.mode != "unrestricted" else ""
        if not why and not os.path.isdir(path):
            why = f"{path} cannot be a workspace: it is not a folder"
        if why:
            raise PolicyError(why)


def _launch(control: _socket.socket) -> int:
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_zygote.py")
    actions = [
        (os.POSIX_SPAWN_DUP2, control.fileno(), 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
    ]
    argv = [sys.executable, "-I", "-S", "-E", script]
    return os.posix_spawn(sys.executable, argv, {}, file_actions=actions)


def _gone(pid: int, patience: float) -> None:
    """Wait for the launcher, which cleans up after its connection is closed."""
    end = time.monotonic() + patience
    pause = 0.001
    try:
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
    except ChildProcessError:
        pass
