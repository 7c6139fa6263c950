"""The files of a workspace for completion: listed by git where it can, else by our own walk."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable

from codex_py.ui.tui.fuzzy import best, narrowed

STALE = 15.0
"""Seconds after which a new `@` lists the files again, showing the old list meanwhile."""
MOST = 400_000
"""Files that are listed."""

SAFE = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never",
)  # fmt: skip
"""A repository's own settings never make us start a program."""


class Files:
    """The names under a folder, kept up to date in a thread; `search` never waits for the disk.

    Names are relative to the folder, folders end in a slash. `changed` is called, from the
    thread, when a list is ready.
    """

    def __init__(self, top: str, changed: Callable[[], None]) -> None:
        self._top = top
        self._changed = changed
        self._names: list[str] = []
        self._read_at = 0.0
        self._thread: threading.Thread | None = None
        self._narrowed: tuple[str, list[str]] = ("", [])
        self._stopped = False

    @property
    def busy(self) -> bool:
        """Whether the first list is not there yet."""
        return not self._read_at

    def refresh(self) -> None:
        """List again in the background, unless the list is fresh."""
        running = self._thread is not None and self._thread.is_alive()
        if running or (time.monotonic() - self._read_at < STALE and self._read_at):
            return
        self._thread = threading.Thread(target=self._list, daemon=True)
        self._thread.start()

    def search(self, query: str, most: int = 20) -> list[str]:
        """The names that fit best, from what has been listed so far."""
        asked = query.lower()
        before, kept = self._narrowed
        names = kept if before and asked.startswith(before) else self._names
        if asked:
            names = narrowed(asked, names)
            self._narrowed = (asked, names)
        return best(asked, names, most)

    def stop(self) -> None:
        """Let a running list end."""
        self._stopped = True

    def _list(self) -> None:
        try:
            names = by_git(self._top)
            if names is None:
                names = self._walk()
        except OSError:
            names = []
        self._names, self._narrowed = names, ("", [])
        self._read_at = time.monotonic()
        if not self._stopped:
            self._changed()

    def _walk(self) -> list[str]:
        from codex_py.host.tree import walk  # late: only outside git

        names: list[str] = []
        for item in walk(self._top, 64, lambda: self._stopped):
            names.append(item.path + ("/" if item.folder else ""))
            if len(names) % 5_000 == 0 and not self._read_at:
                self._names = list(names)
                self._changed()
            if len(names) >= MOST:
                break
        return names


def by_git(top: str) -> list[str] | None:
    """Tracked and new files as git lists them, with their folders; None where it cannot."""
    from codex_py.host.git import find_root  # late: after the first paint
    from codex_py.host.processes import capture  # late: after the first paint

    program = shutil.which("git")
    if program is None or find_root(top) is None:
        return None
    argv = [program, *SAFE, "ls-files", "-co", "--exclude-standard", "--deduplicate", "-z"]
    env = {
        **os.environ,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    code, out, _, cut = capture(argv, top, env, b"", MOST * 120)
    if code != 0 and not cut:
        return None
    files = [name for name in out.split("\0") if name and "\n" not in name]
    return [*_folders(files), *files]


def _folders(files: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in files:
        folder = name.rpartition("/")[0]
        while folder and f"{folder}/" not in found:
            found[f"{folder}/"] = None
            folder = folder.rpartition("/")[0]
    return list(found)
