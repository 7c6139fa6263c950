"""What a command left for the user's own programs: links in git's folders, rules that were not there."""

from __future__ import annotations

import os
import stat

from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Below these git writes or reads by name; the others are read-only or hold objects alone.
DEEP = ("refs", "logs", "rebase-merge", "rebase-apply", "sequencer")
FLAT = ("objects", "objects/info", "objects/pack")
MOST = 20_000

# folder -> (when it was changed, links in it, folders in it)
Seen = dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]]


class Links:
    """The links in one git folder. Git writes through them: `COMMIT_EDITMSG` that is a link to
    a start-up file becomes that file's content at the next commit.

    Contract: a link that was there when this was made stays; any other is removed.
    """

    def __init__(self, git: str) -> None:
        self.git = git
        self._seen: Seen = {}
        self.known, _ = self._walk({})

    def look(self) -> list[tuple[str, str]]:
        """Remove what is new: (path, why) of each."""
        found, whole = self._walk(self._seen)
        out = []
        for path in sorted(found - self.known):
            done = _remove(path)
            out.append((path, f"a link that git would write or read through; {done}"))
        if not whole:
            out.append((self.git, "there is too much in it to look at all of it"))
        return out

    def _walk(self, before: Seen) -> tuple[set[str], bool]:
        links: set[str] = set()
        queue = [(self.git, False)]
        queue += [(f"{self.git}/{name}", False) for name in FLAT]
        queue += [(f"{self.git}/{name}", True) for name in DEEP]
        count = 0
        for folder, deep in queue:
            seen = _look_into(folder, before)
            if seen is None:
                continue
            self._seen[folder] = seen
            links.update(f"{folder}/{name}" for name in seen[1])
            count += 1 + len(seen[1])
            if count > MOST:
                return links, False
            if deep:
                queue += [(f"{folder}/{name}", True) for name in seen[2]]
        return links, True


def _look_into(folder: str, before: Seen) -> tuple[int, tuple[str, ...], tuple[str, ...]] | None:
    try:
        info = os.lstat(folder)
        if not stat.S_ISDIR(info.st_mode):
            return None
        known = before.get(folder)
        # No command can set the time of change, so a folder with the old one holds what it held.
        if known is not None and known[0] == info.st_ctime_ns:
            return known
        links, folders = [], []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    links.append(entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
        return info.st_ctime_ns, tuple(links), tuple(folders)
    except OSError:
        return None


def _remove(path: str) -> str:
    """Remove a link in a folder that is reached without following any; what to say about it."""
    at = lx.hold(os.path.dirname(path), os.O_DIRECTORY)
    if at < 0:
        return "could not be removed: its folder is gone"
    name = os.path.basename(path)
    try:
        if not stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
            return "it is gone"
        os.unlink(name, dir_fd=at)
    except OSError as error:
        return f"could not be removed: {error.strerror}"
    finally:
        os.close(at)
    return "removed"


def new_rules(absent: Iterable[tuple[str, str]], there: set[str]) -> list[tuple[str, str]]:
    """What was not there when the session began and other programs would run: (path, why).

    With "aside" it is renamed; with "tell" it is only told, once, by the command that made it:
    `there` is what was there when that began.
    """
    from codex_py_sandbox.audit import rename  # late: they know each other

    out = []
    for path, how in absent:
        if not os.path.lexists(path):
            continue
        if how == "aside":
            done = rename(path, f"{path}-set-aside")
            out.append((path, f"git takes rules or hooks from it and it was not there; {done}"))
        elif path not in there:
            out.append((path, "it is new, and other programs run what is in it; look at it first"))
    return out
