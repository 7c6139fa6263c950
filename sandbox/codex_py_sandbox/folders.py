"""The private folders of sessions on the host: made safely, locked while alive, swept when not."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from codex_py_sandbox.values import SandboxUnavailable


def default_state(environ: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/codex_py_sandbox`, or below `~/.cache`."""
    cache = environ.get("XDG_CACHE_HOME", "")
    if cache.startswith("/"):
        return Path(cache) / "codex_py_sandbox"
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        raise SandboxUnavailable("HOME is not set, so there is no place for temporary files")
    return Path(home) / ".cache" / "codex_py_sandbox"


def private_folder(path: Path) -> None:
    """Make the folder with mode 700, or accept it only if it is ours alone and no link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
        return
    except FileExistsError:
        pass
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        raise SandboxUnavailable(f"{path} is not a folder of our own; move it away")
    if info.st_mode & 0o077:
        path.chmod(0o700)


class SessionFolder:
    """One session's folder: `tmp` (seen as /tmp), `var-tmp`, and a lock held while it lives."""

    def __init__(self, state: Path) -> None:
        try:
            private_folder(state)
            self.state = Path(os.path.realpath(state))
            private_folder(self.state / "tmp")
            self.lock, name = _locked(self.state / "tmp")
            self.path = self.state / "tmp" / name
            self.path.mkdir(mode=0o700)
            for inner in ("tmp", "var-tmp"):
                (self.path / inner).mkdir()
                (self.path / inner).chmod(0o1777)
        except OSError as error:
            raise SandboxUnavailable(f"no place for temporary files: {error}") from None

    def close(self) -> None:
        """Give up the lock; the launcher has removed the folder, a sweep gets the rest."""
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1


def _locked(folder: Path) -> tuple[int, str]:
    """A new session's name and its lock, held before there is anything under that name.

    A sweep may look at it between our making it and our locking it, and remove it: then anew.
    """
    while True:
        name = f"{os.getpid():x}-{os.urandom(6).hex()}"
        path = folder / f"{name}.lock"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(path, flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(fd), path.lstat()):
                return fd, name
        except FileNotFoundError:
            pass
        except OSError:
            os.close(fd)
            raise
        os.close(fd)
