"""Sessions on macOS: every command by sandbox-exec, tried by its effect before it is used."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from codex_py_sandbox import explain, macos
from codex_py_sandbox.envscrub import scrub
from codex_py_sandbox.folders import SessionFolder
from codex_py_sandbox.plan import Plan
from codex_py_sandbox.policy import Policy
from codex_py_sandbox.values import Denial, Event, Exit, SandboxUnavailable

# Says what was possible and must not be; the words are judged outside, as is the file.
PROOF = """(: > "$1") 2>/dev/null && echo wrote
[ -z "$2" ] || { cat "$2" >/dev/null 2>&1 && echo read; }
kill -0 "$3" 2>/dev/null && echo signalled
echo tried"""


class SeatbeltJob:
    """One running command. `fileno()` becomes readable when it has ended."""

    def __init__(self, process: subprocess.Popen[bytes], wall: float | None) -> None:
        self._process = process
        self._read, self._write = os.pipe()
        self._exit: Exit | None = None
        self._late = False
        threading.Thread(target=self._watch, args=(wall,), daemon=True).start()

    def _watch(self, wall: float | None) -> None:
        try:
            self._process.wait(wall)
        except subprocess.TimeoutExpired:
            self._late = True
            self.kill_tree()
            self._process.wait()
        self._end_all()
        os.close(self._write)

    def fileno(self) -> int:
        """A descriptor to poll for reading; closed by `collect`."""
        return self._read

    def collect(self) -> Exit | None:
        """How it ended, or None while it still runs; never blocks."""
        if self._exit is None and select.select([self._read], [], [], 0)[0]:
            os.close(self._read)
            self._read = -1
            code = self._process.returncode
            done, number = (None, -code) if code < 0 else (code, None)
            number = signal.SIGKILL if self._late else number
            self._exit = Exit(None if self._late else done, number, timed_out=self._late)
        return self._exit

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait until it ended; None when `timeout` seconds passed first."""
        if self._exit is None and not select.select([self._read], [], [], timeout)[0]:
            return None
        return self.collect()

    def signal(self, number: int) -> None:
        """Send a signal to the command's process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def kill_tree(self) -> None:
        """End the command and what it started, as far as it can be found."""
        self._end_all()

    def _end_all(self) -> None:
        """There are no process namespaces here: a daemon that left its parents can stay."""
        for pid in descendants(self._process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        self.signal(signal.SIGKILL)


def descendants(top: int) -> list[int]:
    """Every process below `top`, and of its session's groups, as ps tells."""
    try:
        told = subprocess.run(
            ["/bin/ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return []
    below: dict[int, list[int]] = {}
    for line in told.splitlines():
        pid, parent = (int(each) for each in line.split()[:2])
        below.setdefault(parent, []).append(pid)
    found = [top]
    for pid in found:
        found += [each for each in below.get(pid, []) if each not in found]
    return found[1:]


class SeatbeltSession:
    """Commands under one policy or several; made by `open_session` on macOS."""

    backend = "seatbelt"

    def __init__(
        self,
        policy: Policy,
        environ: Mapping[str, str],
        folder: SessionFolder,
        program: str = macos.PROGRAM,
    ) -> None:
        self.policy = policy
        self._environ = dict(environ)
        self._folder = folder
        self._program = program
        self._plans: dict[Policy, Plan] = {}
        self._proved: dict[Policy, str] = {}
        self._lock = threading.Lock()
        self.dropped = scrub(environ, policy)[1]
        self.prepare(policy)

    def prepare(self, policy: Policy) -> None:
        """Work out the plan of a policy, once, before any command ran under it."""
        if policy.mode != "unrestricted" and policy not in self._plans:
            plan = explain.plan_for(policy, self._environ, self._folder.state)
            plan.tmp = str(self._folder.path / "tmp") if plan.tmp else ""
            self._plans[policy] = plan

    def release(self, policy: Policy) -> None:
        """Forget a policy that will not be used again."""
        if policy != self.policy:
            self._plans.pop(policy, None)
            self._proved.pop(policy, None)

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
    ) -> SeatbeltJob:
        """Start one command; see `Session.start`. Nothing runs before the walls are proved."""
        del tty
        policy = policy or self.policy
        if not argv or any("\0" in part for part in argv):
            raise ValueError("a command needs at least a program, without NUL characters")
        self.ready(policy=policy)
        return self._spawn(argv, str(cwd), env or {}, (stdin, stdout, stderr), wall_s, policy)

    def _spawn(
        self,
        argv: Sequence[str],
        cwd: str,
        env: Mapping[str, str | None],
        fds: tuple[int, int, int],
        wall: float | None,
        policy: Policy,
    ) -> SeatbeltJob:
        told: dict[str, str | None] = {**scrub(self._environ, policy)[0], **env}
        line = list(argv)
        if policy.mode != "unrestricted":
            plan = self._plans[policy]
            if plan.tmp:
                told |= {"TMPDIR": plan.tmp}
            text, params = macos.profile(plan, policy)
            line = [self._program, *macos.arguments(text, params, line)[1:]]
        try:
            process = subprocess.Popen(
                line,
                cwd=cwd,
                env={name: value for name, value in told.items() if value is not None},
                stdin=fds[0],
                stdout=fds[1],
                stderr=fds[2],
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxUnavailable(f"{line[0]}: {error.strerror}") from None
        return SeatbeltJob(process, wall or policy.limits.wall_s)

    def ready(self, timeout: float = 10.0, policy: Policy | None = None) -> str:
        """The name of the backend; SandboxUnavailable when a confined process could get out."""
        policy = policy or self.policy
        if policy.mode == "unrestricted":
            return "unrestricted"
        with self._lock:
            self.prepare(policy)
            if policy not in self._proved:
                self._proved[policy] = self._prove(policy, timeout)
            why = self._proved[policy]
        if why:
            raise SandboxUnavailable(f"the sandbox could not be set up: seatbelt: {why}")
        return self.backend

    def _prove(self, policy: Policy, timeout: float) -> str:
        """Why it does not hold; empty when it does."""
        outside = self._folder.path / f"proof-{os.urandom(4).hex()}"
        masks = [path for path in self._plans[policy].masks if os.path.isfile(path)]
        line = ["/bin/sh", "-c", PROOF, "sh", str(outside), masks[0] if masks else ""]
        with tempfile.TemporaryFile() as said, open(os.devnull, "r+b") as null:
            fds = (null.fileno(), said.fileno(), null.fileno())
            try:
                job = self._spawn([*line, str(os.getpid())], "/", {}, fds, timeout, policy)
            except SandboxUnavailable as error:
                return error.reason
            ended = job.wait(timeout + 5)
            said.seek(0)
            words = said.read().decode("utf-8", "replace").split()
        wrote = outside.exists()
        outside.unlink(missing_ok=True)
        if ended is None or words[-1:] != ["tried"]:
            return f"{self._program} did not run a command ({ended.status if ended else 'it hung'})"
        holes = [word for word in ("wrote", "read", "signalled") if word in words]
        return f"it does not hold: {', '.join(holes) or 'wrote'}" if holes or wrote else ""

    def findings(self) -> tuple[Event, ...]:
        """Nothing is looked for in the background here."""
        return ()

    def host_path(self, path: Path | str) -> Path:
        """Paths are the same inside."""
        return Path(os.path.normpath(str(path)))

    def denials(
        self, exit: Exit, stderr_tail: str, cwd: Path | str, policy: Policy | None = None
    ) -> tuple[Denial, ...]:
        """What confinement refused; see `denial.denials`."""
        from codex_py_sandbox import denial  # late: only after a failure

        policy = policy or self.policy
        plan = self._plans.get(policy)
        return denial.denials(policy, exit, stderr_tail, str(cwd), environ=self._environ, plan=plan)

    def close(self) -> None:
        """Remove the session's temporary files."""
        from codex_py_sandbox import _host  # late: loads what only the end needs

        name = self._folder.path.name
        at = os.open(self._folder.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _host.remove_tree(name, at)
            with contextlib.suppress(OSError):
                os.unlink(f"{name}.lock", dir_fd=at)
        finally:
            os.close(at)
        self._folder.close()

    def __enter__(self) -> SeatbeltSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
