"""What was typed in a project before: a private file that never holds a secret."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History

MOST = 1_000
"""Messages kept for one project."""
LONGEST = 8_000
"""Characters of a message that is kept."""


class ProjectHistory(History):
    """Messages typed in one project, oldest first in the file; one JSON string a line.

    What looks like a key or password, and what begins with a space, is never written. A file
    that cannot be read or written costs the history, nothing else.
    """

    def __init__(self, home: Path, project: str) -> None:
        super().__init__()
        name = hashlib.sha256(os.fsencode(project)).hexdigest()[:24]
        self.path = home / "history" / f"{name}.jsonl"

    def load_history_strings(self) -> Iterable[str]:
        """Newest first, as prompt_toolkit wants them."""
        with contextlib.suppress(OSError):
            return list(reversed(_read(self.path)))
        return []

    def store_string(self, string: str) -> None:
        """Add one message, unless it may hold a secret."""
        from codex_py.ui.tui.secrets import secret  # late: nothing is sent before the first paint

        if string[:1].isspace() or len(string) > LONGEST or secret(string):
            return
        with contextlib.suppress(OSError):
            self._add(string)

    def _add(self, string: str) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(self.path, flags, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            kept = _parse(file.read())
            if kept and kept[-1] == string:
                return
            if len(kept) >= MOST + MOST // 4:
                file.seek(0)
                file.truncate()
                file.write(b"".join(_line(each) for each in kept[-MOST + 1 :]))
            file.write(_line(string))


def _line(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=True).encode() + b"\n"


def _read(path: Path) -> list[str]:
    return _parse(path.read_bytes())[-MOST:]


def _parse(data: bytes) -> list[str]:
    found: list[str] = []
    for line in data.split(b"\n"):
        with contextlib.suppress(ValueError):
            text = json.loads(line) if line else None
            if isinstance(text, str):
                found.append(text)
    return found
