"""One case's throwaway world: a workspace, an outside folder, a home, and a way to run scripts."""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.sandbox.battery.backends import command, launcher_path
from tests.sandbox.battery.inside import PRELUDE, SHELL_PRELUDE
from tests.sandbox.battery.model import Options, Ran, Skip

PLAIN = Options()


class Stage:
    """The folders of one case and the backend it is played on; `close` removes everything.

    `ws` is the workspace and the command's folder, `out` stands for the rest of the person's
    files, `home` is HOME. `runs` keeps every command's result for the report.
    """

    def __init__(self, base: Path, backend: str, emulate: tuple[str, ...] = ()) -> None:
        self.backend = backend
        self.emulate = emulate
        self.nonce = secrets.token_hex(6)
        self.base = base
        self.ws, self.out, self.home = base / "ws", base / "out", base / "home"
        for folder in (self.ws, self.out, self.home):
            folder.mkdir(parents=True)
        self.home.joinpath(".gitconfig").write_text(
            "[user]\n\tname = Case\n\temail = case@example.org\n[init]\n\tdefaultBranch = main\n"
            '[protocol "file"]\n\tallow = always\n'
        )
        self.runs: list[Ran] = []
        self._closers: list[Callable[[], object]] = []

    def env(self, opt: Options) -> dict[str, str]:
        """The environment of the launcher: small, with our own HOME."""
        base = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "NONCE": self.nonce,
            "PYTHONPATH": launcher_path(),
        }
        return base | dict(opt.env)

    def py(self, code: str, opt: Options = PLAIN, /, **names: object) -> Ran:
        """Run Python code inside; `names` (paths as text) are its variables."""
        return self._finish(self.start(self.script(code, **names), opt), opt)

    def sh(self, code: str, opt: Options = PLAIN, /) -> Ran:
        """Run a shell script inside."""
        return self._finish(self.start(["/bin/sh", "-c", SHELL_PRELUDE + code], opt), opt)

    def script(self, code: str, /, **names: object) -> list[str]:
        """The argument list of a Python script with proof of start."""
        known = {k: str(v) if isinstance(v, Path) else v for k, v in names.items()}
        known["NONCE"] = self.nonce
        head = "".join(f"{name} = {value!r}\n" for name, value in known.items())
        return [sys.executable, "-S", "-c", head + PRELUDE + code]

    def start(self, argv: list[str], opt: Options = PLAIN) -> subprocess.Popen[bytes]:
        """Start a command through the backend without waiting for it; ended at `close`."""
        line = command(self.backend, argv, self.ws, opt, self.emulate)
        fed = subprocess.PIPE if isinstance(opt.stdin, bytes) else opt.stdin
        process = subprocess.Popen(
            line,
            cwd=opt.cwd or self.ws,
            env=self.env(opt),
            stdin=subprocess.DEVNULL if fed is None else fed,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=opt.fds,
            start_new_session=True,
        )
        self.later(lambda: (process.kill(), process.communicate()))
        return process

    def _finish(self, process: subprocess.Popen[bytes], opt: Options) -> Ran:
        given = opt.stdin if isinstance(opt.stdin, bytes) else None
        try:
            out, err = process.communicate(given, timeout=opt.timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate(timeout=5)
            return self.note(None, out, err + b"\n[battery: time-out]")
        return self.note(process.returncode, out, err)

    def note(self, code: int | None, out: bytes, err: bytes) -> Ran:
        """Keep one command's result, with the battery's own lines taken out of its output."""
        begun = f"@START {self.nonce}\n".encode()
        mark = f"@CLAIM {self.nonce} ".encode()
        lines = out.splitlines(keepends=True)
        claims = tuple(x[len(mark) :].strip().decode() for x in lines if x.startswith(mark))
        kept = b"".join(x for x in lines if x != begun and not x.startswith(mark))
        ran = Ran(code, kept, err, begun in lines, claims)
        self.runs.append(ran)
        return ran

    def victim(self, name: str = "victim.txt", text: str = "old\n") -> Path:
        """A file outside the workspace."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def git(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run git on the host as the person would."""
        return subprocess.run(
            ["git", *words],
            cwd=cwd or self.ws,
            env=self.env(PLAIN) | {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    def need(self, tool: str) -> str:
        """The path of a program, or a skip."""
        found = shutil.which(tool)
        if found is None:
            raise Skip(f"no {tool} here")
        return found

    def need_root(self) -> None:
        """Skip unless we are root."""
        if os.getuid() != 0:
            raise Skip("only root can do this anyway")

    def later(self, action: Callable[[], object]) -> None:
        """Do this when the case is over, last asked first."""
        self._closers.append(action)

    def lives(self, lock: Path, seconds: float = 1.5) -> bool:
        """Whether a process still holds the lock file after at most `seconds` of patience."""
        end = time.monotonic() + seconds
        with lock.open("a") as file:
            while time.monotonic() < end:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(0.02)
                else:
                    return False
        return True

    def close(self) -> None:
        """End what the case started and remove its folders."""
        while self._closers:
            try:
                self._closers.pop()()
            except (OSError, ValueError, subprocess.SubprocessError):
                continue
        shutil.rmtree(self.base, ignore_errors=True)


def wait_for(path: Path, seconds: float = 10.0) -> bool:
    """Wait until a file exists."""
    end = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def real_home() -> Path:
    """The home folder of the person who runs the battery, whatever HOME says."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path("/nonexistent")
