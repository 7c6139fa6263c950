"""The fresh folder of a replay; those that killed replays left are cleared by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from codex_py.core.policy import inside

PREFIX = "codex-py-replay-"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def scratch(cwd: str) -> Iterator[Path]:
    """A fresh folder, ours as long as it is locked; outside of `cwd` where there is such a place.

    What is in it is removed at the end, and before that what no replay holds any more.
    """
    places = _places(cwd)
    for each in dict.fromkeys(places):
        _sweep(each)
    apart = [each for each in places if not inside(each, (cwd,))]
    able = [each for each in apart if os.access(each, os.W_OK)]
    fd, path = _made(next(iter(able), None))
    try:
        yield path
    finally:
        cleared(path)
        os.close(fd)


def _places(cwd: str) -> list[str]:
    """Where the folder may lie, the best first; what a session wrote beside /tmp shall do so again.

    Confined commands have a /tmp of their own, in which more can be written than elsewhere.
    """
    places = [tempfile.gettempdir(), "/var/tmp"]
    if not os.environ.get("TMPDIR") and not inside(cwd, ("/tmp", "/var/tmp")):
        cache = os.path.join(os.path.expanduser("~"), ".cache", "codex-py")
        with contextlib.suppress(OSError):
            os.makedirs(cache, mode=0o700, exist_ok=True)
            places.insert(0, cache)
    return [os.path.realpath(each) for each in places]


def _made(place: str | None) -> tuple[int, Path]:
    """A new folder that is locked; one that somebody swept before it was is made again."""
    while True:
        path = Path(os.path.realpath(tempfile.mkdtemp(prefix=PREFIX, dir=place)))
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(path, FOLDER)
            if _held(fd) and path.exists() and os.path.samestat(os.fstat(fd), os.lstat(path)):
                return fd, path
            os.close(fd)


def _held(fd: int) -> bool:
    """Lock a folder; False when somebody else has. Where none can be locked it counts as ours."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _sweep(place: str) -> None:
    """Clear the folders of ours in `place` that nobody holds."""
    with contextlib.suppress(OSError):
        for each in os.scandir(place):
            if each.name.startswith(PREFIX):
                with contextlib.suppress(OSError):
                    _swept(each.path)


def _swept(path: str) -> None:
    info = os.lstat(path)
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        return
    fd = os.open(path, FOLDER)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        cleared(Path(path))
    finally:
        os.close(fd)


def cleared(folder: Path) -> None:
    """Remove a folder of ours with all in it, whatever modes commands gave to its folders."""
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
    for path, names, _ in os.walk(folder):
        for inner in (os.path.join(path, each) for each in names):
            with contextlib.suppress(OSError):
                if not os.path.islink(inner):
                    os.chmod(inner, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
