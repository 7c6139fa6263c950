"""The logs of one home: found, summed up, copied, put away."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, field, fields
from pathlib import Path

from codex_py.core import logfile
from codex_py.core.entries import Changed, Entry, Json, Resumed, Sampled, Started, User, words
from codex_py.core.errors import UsageError
from codex_py.core.session import identity, locked, resume
from codex_py.dataclass import dataclass

LOGS, ARCHIVE, CACHE = "sessions", "archived", "summaries.json"
FEW = 64
"""Cards that are made from their logs before what is remembered of all is looked at."""
ENOUGH = 1 << 20
"""Bytes of a log that are looked through at a time for its name."""
LONG = re.compile(rb'\n\{"kind":"user",[^\n]{0,200}?"text":"((?:[^"\\\n]|\\.){0,300})[^\n]*\Z')
"""The beginning of a message of the user's that does not end."""
ID = re.compile(r"[0-9a-f]{4,}")


@dataclass(frozen=True, slots=True)
class Card:
    """A session in a list. Times are UTC seconds."""

    id: str
    path: str
    changed: float = 0.0
    size: int = 0
    cwd: str = ""
    branch: str = ""
    words: str = ""
    """How the user's first message begins."""
    name: str = ""  # as given by the user
    model: str = ""
    choice: str = ""
    """The name by which the model was last chosen."""
    started: float = 0.0
    parent: str = ""
    spent: Json = field(default_factory=dict)
    """Tokens and money by model, as `Sampled.so_far`."""


class Shelf:
    """The sessions of a home. What it remembers of them is a cache, made anew when it is gone.

    A log only grows, so a card is right as long as its file has the same size and time.
    """

    def __init__(self, home: Path, *, archived: bool = False) -> None:
        self.folder = home / (ARCHIVE if archived else LOGS)
        self._kept: dict[str, list[object]] | None = None
        self._fresh = False
        self._made = 0

    def files(self) -> list[tuple[float, int, str]]:
        """When each log last changed, its size and its path; the newest first."""
        found: list[tuple[float, int, str]] = []
        waiting = [str(self.folder)]
        while waiting:
            with contextlib.suppress(OSError), os.scandir(waiting.pop()) as listing:
                for each in listing:
                    if each.name.endswith(".jsonl"):
                        told = each.stat(follow_symlinks=False)
                        if stat.S_ISREG(told.st_mode):  # a pipe would never be read to its end
                            found.append((told.st_mtime, told.st_size, each.path))
                    elif each.name.isdigit() and each.is_dir(follow_symlinks=False):
                        waiting.append(each.path)
        return sorted(found, reverse=True)

    def cards(self) -> Iterator[Card]:
        """A card for each session, the newest first; read as they are asked for."""
        for changed, size, path in self.files():
            if (card := self._card(changed, size, path)) is not None:
                yield card

    def find(self, name: str) -> Path:
        """The log of an id, its beginning, a name, or a path. Raises UsageError.

        It can be read, as far as its first byte tells.
        """
        path = self._find(name)
        try:
            with open(path, "rb", buffering=0) as file:
                file.read(1)
        except OSError as error:
            raise UsageError(f"cannot read the session {path}: {error.strerror}") from error
        return path

    def _find(self, name: str) -> Path:
        if name.endswith(".jsonl") or os.sep in name:
            path = Path(name).expanduser().absolute()
            if path.is_file():
                return path
            raise UsageError(f"there is no session log {name}")
        files = [Path(path) for _, _, path in self.files()]
        if ID.fullmatch(name):
            found = [each for each in files if identity(each).startswith(name)]
            exact = [each for each in found if identity(each) == name]
            if len(exact or found) == 1:
                return (exact or found)[0]
            if found:
                raise UsageError(f"{len(found)} sessions begin with {name}: give more of the id")
        named = [each for each in self.cards() if each.name == name]
        self.save()
        if len(named) == 1:
            return Path(named[0].path)
        if named:
            raise UsageError(f"{len(named)} sessions are named {name!r}: give an id")
        raise UsageError(f"there is no session {name!r} (see `codex-py sessions list --all`)")

    def forget(self, path: Path) -> None:
        """Remember nothing of a session that is no longer here."""
        self._kept = _cache(self.folder / CACHE)
        self._fresh = self._kept.pop(str(path), None) is not None
        self.save()

    def save(self) -> None:
        """Keep the cards that were made; failing to is no matter."""
        if self._fresh and self._kept is not None:
            target = self.folder / CACHE
            fresh = target.with_name(f".{CACHE}.{secrets.token_hex(4)}")
            with contextlib.suppress(OSError):
                with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    json.dump(self._kept, file)
                os.replace(fresh, target)
            with contextlib.suppress(OSError):
                fresh.unlink()
            self._fresh = False

    def _card(self, changed: float, size: int, path: str) -> Card | None:
        if self._kept is None and self._made < FEW:
            self._made += 1
            with contextlib.suppress(OSError):
                return summed_up(Path(path))
            return None
        if self._kept is None:
            self._kept = _cache(self.folder / CACHE)
        kept = self._kept.get(path)
        before = None
        if kept is not None:
            with contextlib.suppress(TypeError):
                before = Card(**kept[2])  # type: ignore[arg-type]
                if kept[:2] == [changed, size]:
                    return before
        try:
            card = summed_up(Path(path), before)
        except OSError:
            return None
        self._kept[path] = [changed, size, asdict(card)]
        self._fresh = True
        return card


def _cache(path: Path) -> dict[str, list[object]]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    names = {each.name for each in fields(Card)}
    return {
        key: value
        for key, value in found.items()
        if isinstance(value, list) and len(value) == 3 and isinstance(value[2], dict)
        and value[2].keys() == names
    }  # fmt: skip


def summed_up(path: Path, before: Card | None = None, *, named: bool = True) -> Card:
    """The card of a log, from its head and its end; `before` is an older one.

    Only its name may stand anywhere in it: without `named` it is not looked for. Raises OSError.
    """
    with open(path, "rb") as file:
        told = os.fstat(file.fileno())
        end = logfile.whole_end(file.fileno(), told.st_size)
        head = logfile.head(file.fileno(), end)
        begins = _begins(file.fileno())
        newest = list(_newest(file.fileno(), end))
        known = before.size if before is not None and before.size <= end else 0
        name = _name(file.fileno(), max(0, known - 1), end) if named else None
        if name is None:
            name = before.name if before is not None and known else ""
    first = head[0] if head and isinstance(head[0], Started) else Started(session="", cwd="")
    said = next((words(each.parts) for each in head if isinstance(each, User)), None)
    sampled = next((each for each in newest if isinstance(each, Sampled)), None)
    again = next((each for each in newest if isinstance(each, Resumed)), None)
    return Card(
        id=identity(path),
        path=str(path),
        changed=told.st_mtime,
        size=told.st_size,
        cwd=again.cwd if again else first.cwd,
        branch=(again.branch if again else first.branch) or first.branch,
        words=" ".join((begins if said is None else said)[:400].split())[:200],
        name=name,
        model=sampled.model if sampled else first.model,
        choice=(again.choice if again else "") or first.choice,
        started=first.at,
        parent=first.parent or "",
        spent=sampled.so_far if sampled else {},
    )


def _begins(file: int) -> str:
    """How the first message begins that is too long for the head of its log to hold."""
    data = os.pread(file, logfile.HEAD, 0)
    found = LONG.search(data)
    try:
        return str(json.loads('"' + found[1].decode("utf-8", "ignore") + '"')) if found else ""
    except ValueError:
        return ""


def _newest(file: int, end: int) -> Iterator[Entry]:
    """The last entries of a log, the newest first, until the totals are known."""
    size = 0
    for line in logfile.backwards(file, end - 1) if end else ():
        size += len(line) + 1
        if line.startswith((b'{"kind":"sampled"', b'{"kind":"resumed"')):
            entry = next(logfile.entries([line]))
            yield entry
            if isinstance(entry, Sampled) and entry.so_far:
                return
        if size > logfile.LIVE:
            return


def _name(file: int, start: int, end: int) -> str | None:
    """The name last given between two places of a log; None when none was given there."""
    mark, at = b'\n{"kind":"changed",', end
    while at > start:
        begin = max(start, at - ENOUGH)
        block = os.pread(file, at - begin + len(mark), begin)
        place = len(block)
        while (place := block.rfind(mark, 0, place)) >= 0:
            line = os.pread(file, 4_096, begin + place + 1).partition(b"\n")[0]
            entry = next(logfile.entries([line]))
            if isinstance(entry, Changed) and entry.setting == "name":
                return entry.value
        at = begin
    return None


def rename(path: Path, name: str) -> None:
    """Give a session a name. Raises UsageError when it is open elsewhere."""
    session = resume(path)
    try:
        session.append(Changed(setting="name", value=name))
    finally:
        session.close()


def move(home: Path, path: Path, *, archive: bool) -> Path:
    """Put a session away, or back. Raises UsageError when it is open, or is no one of this home."""
    source = home / (LOGS if archive else ARCHIVE)
    target = home / (ARCHIVE if archive else LOGS)
    try:
        new = target / path.relative_to(source)
    except ValueError:
        raise UsageError(f"{path} is not in {source}") from None
    file = locked(path)
    try:
        new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if new.exists():
            raise UsageError(f"cannot move {path.stem}: {new} exists")
        os.rename(path, new)  # first: killed here, the way back finds the folder where it was
        try:
            if path.with_suffix("").is_dir():
                os.rename(path.with_suffix(""), new.with_suffix(""))
        except OSError:
            os.rename(new, path)
            raise
    except OSError as error:
        raise UsageError(f"cannot move {path.stem}: {error.strerror}") from error
    finally:
        os.close(file)
    return new


def delete(path: Path) -> None:
    """Remove a session and what lies beside it. Raises UsageError when it is open elsewhere."""
    file = locked(path)
    try:
        shutil.rmtree(path.with_suffix(""), ignore_errors=True)
        path.unlink()  # last: killed before, it can be found and removed again
    finally:
        os.close(file)
