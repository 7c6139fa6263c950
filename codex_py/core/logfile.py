"""Reading a log's file: all of it, its head, or only what is needed from its end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from codex_py.core.chain import parted
from codex_py.core.codec import revive
from codex_py.core.entries import Context, Entry, Json, Sampled, Spent, Started
from codex_py.dataclass import dataclass

VERSION = 2
"""Of the format that is written: docs/reference/entries.md."""
BLOCK = 1 << 18
LIVE = 8 << 20
"""Bytes of a log's end that are looked through: more text than any model can be shown."""
HEAD = 1 << 20
"""Bytes of a log's beginning that are looked through."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What a log that is opened again goes on from."""

    entries: list[Entry]
    """The first line, then all that a model may still be shown, in the order of the log."""
    whole: bool
    """`entries` is the whole log."""
    end: int
    """Bytes of the file up to its last whole line."""
    link: str
    """The chain's last link; empty when the last line has none."""
    next: int
    """The number of the next line."""


def decode(data: bytes) -> list[Entry]:
    """Whole lines as entries, in order; a line that is no JSON object becomes Unknown."""
    return list(entries(data.split(b"\n")[:-1]))


def entries(lines: Iterable[bytes], first: int = 0) -> Iterator[Entry]:
    """The entries of lines given without their newlines; `first` is the first one's number."""
    place = first
    for line in lines:
        data = _loaded(line)
        if not isinstance(data.get("n"), int):
            data["n"] = place
        place = data["n"] + 1
        yield revive(data)


def _loaded(line: bytes) -> Json:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    return {"kind": "unreadable", "line": line.decode("utf-8", "replace")}


def read(path: Path) -> list[Entry]:
    """The entries of a log, without opening it for writing; a torn last line is dropped."""
    return list(entries(lines(path)))


def some(path: Path, kinds: Iterable[str]) -> Iterator[Entry]:
    """The entries of some kinds; the lines of others are passed over unread."""
    begins = tuple(f'{{"kind":"{kind}"'.encode() for kind in kinds)
    return entries(line for line in lines(path) if line.startswith(begins))


def lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a log without their newlines; a torn last line is dropped."""
    with open(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def backwards(file: int, end: int) -> Iterator[bytes]:
    """The lines of an open file that end before `end`, the last first, without newlines."""
    rest: list[bytes] = []
    at = end
    while at > 0:
        size = min(BLOCK, at)
        at -= size
        block = os.pread(file, size, at)
        pieces = block.split(b"\n")
        if len(pieces) == 1:
            rest.append(block)
            continue
        last = b"".join([pieces[-1], *reversed(rest)])
        yield last
        yield from reversed(pieces[1:-1])
        rest = [pieces[0]]
    if end > 0:
        yield b"".join(reversed(rest))


def whole_end(file: int, size: int) -> int:
    """Where the last whole line of an open file ends: what follows was torn off."""
    at = size
    while at > 0:
        step = min(BLOCK, at)
        found = os.pread(file, step, at - step).rfind(b"\n")
        if found >= 0:
            return at - step + found + 1
        at -= step
    return 0


def tail(file: int) -> Tail:
    """What a log goes on from, read from its end: back to the newest compaction's cut.

    A log without one is read whole, up to LIVE bytes: a model could not be shown more.
    """
    end = whole_end(file, os.fstat(file).st_size)
    raw: list[Json] = []
    cut, size, link, whole = -1, 0, "", True
    for line in backwards(file, end - 1) if end else ():
        if not raw:
            link = parted(line)[1]
        data = _loaded(line)
        raw.append(data)
        size += len(line) + 1
        if cut < 0 and data.get("kind") == "compacted" and isinstance(data.get("keep_from"), int):
            cut = data["keep_from"]
        reached = cut >= 0 and isinstance(data.get("n"), int) and data["n"] <= cut
        if size < end and (reached or size >= LIVE):
            whole = False
            break
    found = list(_revived(raw[::-1]))
    following = found[-1].n + 1 if found else 0
    if not whole:
        begun = [each for each in head(file, end) if each.n < found[0].n]
        kept = [each for each in begun if isinstance(each, Context)]
        found = [*(each for each in begun[:1] if each not in kept), *kept, *found]
    return Tail(found, whole, end, link, following)


def _revived(raw: list[Json]) -> Iterator[Entry]:
    """Entries of lines that may lack their number; the first with one tells the others'."""
    known = next((place for place, each in enumerate(raw) if isinstance(each.get("n"), int)), None)
    place = 0 if known is None else raw[known]["n"] - known
    for data in raw:
        if not isinstance(data.get("n"), int):
            data["n"] = place
        place = data["n"] + 1
        yield revive(data)


def head(file: int, end: int) -> list[Entry]:
    """The entries before the first message of the user, as far as HEAD bytes go."""
    data = os.pread(file, min(HEAD, end), 0)
    found: list[Entry] = []
    for entry in entries(data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]):
        found.append(entry)
        if entry.kind == "user":
            break
    return found


def spent(found: list[Entry]) -> tuple[Json | None, list[Sampled | Spent]]:
    """Sums by model as the newest response that tells them has them, and what came after it."""
    later: list[Sampled | Spent] = []
    for entry in reversed(found):
        if isinstance(entry, Sampled) and entry.so_far:
            return entry.so_far, later[::-1]
        if isinstance(entry, (Sampled, Spent)):
            later.append(entry)
    return None, later[::-1]


def started(path: Path) -> Started | None:
    """The first line of a log; None when it cannot be read or is something else."""
    try:
        with open(path, "rb") as file:
            line = file.readline(HEAD)
    except OSError:
        return None
    first = next(entries([line.rstrip(b"\n")])) if line.endswith(b"\n") else None
    return first if isinstance(first, Started) else None
