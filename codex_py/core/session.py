"""The append-only log of one session: write, then show."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from codex_py.core.codec import plain, revive
from codex_py.core.entries import Delta, Entry, Json, stamped
from codex_py.core.errors import LogError, UsageError

Listener = Callable[[Entry | Delta], None]


class Session:
    """One log file with one writer. Pictures and whole outputs lie in a folder beside it.

    Contract: `append` returns only after the line is in the file, and listeners hear of it
    after that. A line that cannot be written whole is taken back and LogError is raised.
    """

    def __init__(self, path: Path, entries: list[Entry], file: int) -> None:
        self.path = path
        self.entries = entries
        self.id = path.stem.rpartition("T")[2].partition("-")[2] or path.stem
        self._file = file
        self._end = os.lseek(file, 0, os.SEEK_END)
        self._next = (entries[-1].n + 1) if entries else 0
        self._listeners: list[Listener] = []

    @property
    def beside(self) -> Path:
        """The folder of blobs; it exists only once something was kept."""
        return self.path.with_suffix("")

    def append(self, entry: Entry) -> Entry:
        """Write one entry, then tell the listeners. Returns it with its number and time."""
        entry = stamped(entry, self._next, time.time())
        line = encode(plain(entry))
        self._write(line)
        self._next += 1
        self.entries.append(entry)
        self.publish(entry)
        return entry

    def publish(self, event: Entry | Delta) -> None:
        """Tell every listener."""
        for listener in tuple(self._listeners):
            listener(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear every later entry and delta; the returned function ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def keep(self, data: bytes) -> str:
        """Store bytes by content hash; returns the blob's name."""
        name = hashlib.sha256(data).hexdigest()
        target = self._folder() / name
        if not target.exists():
            fresh = target.with_name(f".{name}.{secrets.token_hex(4)}")
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
            os.replace(fresh, target)
        return name

    def blob(self, name: str) -> bytes:
        """The bytes kept under a name."""
        return (self.beside / Path(name).name).read_bytes()

    def spill(self, name: str) -> tuple[Path, BinaryIO]:
        """A new private file beside the log, for output too long to keep in a line."""
        folder = self._folder()
        safe = "".join(each if each.isalnum() or each in "-_" else "_" for each in name)[:80]
        for attempt in range(1000):
            path = folder / f"{safe or 'output'}{f'-{attempt}' if attempt else ''}.txt"
            try:
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            return path, open(file, "wb", buffering=0)
        raise OSError(f"cannot make a new file in {folder}")

    def close(self) -> None:
        """Let go of the file and its lock."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _folder(self) -> Path:
        folder = self.beside
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _write(self, line: bytes) -> None:
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise LogError(
                f"the session's log {self.path} cannot be written: {error.strerror}; "
                "all that was done until now is kept in it"
            ) from error
        self._end += len(line)


def encode(data: Json) -> bytes:
    """One line of the log. Lone surrogates, which no UTF-8 file can hold, are replaced."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def create(folder: Path) -> Session:
    """A new, empty log under `folder`/YYYY/MM/DD, readable by its owner alone.

    Raises UsageError when the place cannot be written.
    """
    now = time.gmtime()
    name = f"{time.strftime('%Y-%m-%dT%H%M%S', now)}-{secrets.token_hex(6)}.jsonl"
    place = folder / time.strftime("%Y/%m/%d", now)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(place / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    except OSError as error:
        raise UsageError(
            f"cannot write the session log in {place}: {error.strerror}; "
            "set CODEX_PY_HOME to a folder you can write"
        ) from error
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return Session(place / name, [], file)


def resume(path: Path) -> Session:
    """Open an existing log for appending. Raises UsageError when another process has it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND)
    except OSError as error:
        raise UsageError(f"cannot open the session {path}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise UsageError(f"the session {path.stem} is open in another process") from error
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.ftruncate(file, whole)
    return Session(path, decode(data[:whole]), file)


def read(path: Path) -> list[Entry]:
    """The entries of a log, without opening it for writing; a torn last line is dropped."""
    data = path.read_bytes()
    return decode(data[: data.rfind(b"\n") + 1])


def decode(data: bytes) -> list[Entry]:
    """Whole lines as entries, in order; a line that is no JSON object becomes Unknown."""
    found: list[Entry] = []
    for place, line in enumerate(data.split(b"\n")[:-1]):
        try:
            loaded = json.loads(line)
        except ValueError:
            loaded = None
        if not isinstance(loaded, dict):
            loaded = {"kind": "unreadable", "line": line.decode("utf-8", "replace")}
        loaded.setdefault("n", place)
        found.append(revive(loaded))
    return found
