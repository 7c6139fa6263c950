"""Pure but for `read`: operations on files become the changes that a commit writes."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import field

from codex_py.dataclass import dataclass
from codex_py.host.change import Change
from codex_py.tools._lines import EditError
from codex_py.tools._locate import apply
from codex_py.tools._patch import Add, Delete, Operation, Update
from codex_py.tools._placeholder import placeholder

MISSING = "No such file or directory (os error 2)"


def plan(
    operations: Sequence[Operation],
    read: Callable[[str], bytes | None],
    *,
    cwd: str = "",
    key: Callable[[str], str] | None = None,
    link: Callable[[str], str | None] | None = None,
    once: bool = False,
) -> tuple[Change, ...]:
    """The changes of all operations, in order, or EditError; nothing is written.

    `read` gives a file's bytes, None when there is none, and raises OSError otherwise.
    `cwd` completes paths in messages. `key` says which paths are one file and `link` what a
    link points to (None: no link); by default spelling decides and there are no links.
    With `once`, two operations on one file are an error; else later ones see the earlier.
    """
    desk = _Desk(read, cwd, key or (lambda path: posixpath.normpath(path)), link, {})
    if once:
        _only_once(operations, desk)
    return tuple(_change(operation, desk) for operation in operations)


@dataclass(frozen=True, slots=True)
class _Desk:
    """The files as they will be after the operations so far."""

    read: Callable[[str], bytes | None]
    cwd: str
    key: Callable[[str], str]
    link: Callable[[str], str | None] | None
    known: dict[str, bytes | None] = field(default_factory=dict)

    def full(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.cwd, path))

    def get(self, path: str) -> bytes | None:
        for name in (self.full(path), self.key(path)):
            if name in self.known:
                return self.known[name]
        return self.read(path)

    def put(self, path: str, data: bytes | None) -> None:
        # A removed link frees its own name only: the file it pointed to is another name.
        full = self.full(path)
        self.known[full if full in self.known else self.key(path)] = data

    def linked(self, path: str) -> str | None:
        if self.link is None or self.full(path) in self.known:
            return None
        return self.link(path)

    def remove(self, path: str) -> str | None:
        target = self.linked(path)
        if target is not None:
            self.known[self.full(path)] = None
        else:
            self.put(path, None)
        return target


def _only_once(operations: Sequence[Operation], desk: _Desk) -> None:
    seen: set[str] = set()
    for operation in operations:
        targets = {desk.key(operation.path): operation.path}
        if isinstance(operation, Update) and operation.move_to:
            targets.setdefault(desk.key(operation.move_to), operation.move_to)
        for name, path in targets.items():
            if name in seen:
                raise EditError(
                    f"multiple operations target {desk.full(path)}: put all changes of a file "
                    "under one header, as several @@ blocks"
                )
            seen.add(name)


def _change(operation: Operation, desk: _Desk) -> Change:
    match operation:
        case Add():
            return _add(operation, desk)
        case Delete():
            return _delete(operation, desk)
        case Update():
            return _update(operation, desk)


def _add(operation: Add, desk: _Desk) -> Change:
    before = _existing(operation.path, desk)
    after = _bytes("".join(line + "\n" for line in operation.lines))
    desk.put(operation.path, after)
    notes = () if before is None else (f"{operation.path} existed and was overwritten.",)
    return Change("add", operation.path, before, after, notes=notes)


def _delete(operation: Delete, desk: _Desk) -> Change:
    path = operation.path
    target = desk.linked(path)
    if target is not None:
        desk.remove(path)
        return Change("delete", path, None, None, link=target)
    full = desk.full(path)
    try:
        before = desk.get(path)
    except OSError as error:
        raise EditError(
            f"Failed to delete file {full}: Failed to read {full}: {reason(error)}"
        ) from None
    if before is None:
        raise EditError(f"Failed to delete file {full}: Failed to read {full}: {MISSING}")
    desk.remove(path)
    return Change("delete", path, before, None)


def _update(operation: Update, desk: _Desk) -> Change:
    path, moved = operation.path, operation.move_to
    before = _readable(path, desk)
    text, notes = apply(_text(before, desk.full(path)), operation.blocks, desk.full(path))
    after = _bytes(text)
    notes += _left_out(operation)
    if moved is not None and desk.key(moved) == desk.key(path):
        notes += (f"{path} was moved to itself: it stays where it is.",)
        path, moved = moved, None
    if moved is None:
        desk.put(path, after)
        return Change("update", path, before, after, notes=notes)
    replaced = _existing(moved, desk)
    if replaced is not None:
        notes += (f"{moved} existed and was overwritten.",)
    target = desk.remove(path)
    desk.put(moved, after)
    return Change("update", moved, before, after, path, replaced, target, notes)


def _readable(path: str, desk: _Desk) -> bytes:
    try:
        data = desk.get(path)
    except IsADirectoryError:
        full = desk.full(path)
        raise EditError(
            f"Failed to read file to update {full}: path `{full}` is not a file"
        ) from None
    except OSError as error:
        raise EditError(
            f"Failed to read file to update {desk.full(path)}: {reason(error)}"
        ) from None
    if data is None:
        raise EditError(f"Failed to read file to update {desk.full(path)}: {MISSING}")
    return data


def _existing(path: str, desk: _Desk) -> bytes | None:
    try:
        return desk.get(path)
    except OSError as error:
        raise EditError(f"Failed to write file {desk.full(path)}: {reason(error)}") from None


def _text(data: bytes, full: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        what = (
            f"incomplete utf-8 byte sequence from index {error.start}"
            if error.reason == "unexpected end of data"
            else f"invalid utf-8 sequence of {error.end - error.start} bytes "
            f"from index {error.start}"
        )
        raise EditError(
            f"Failed to read file to update {full}: {what}; only UTF-8 text can be patched"
        ) from None


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        bad = text[error.start]
        raise EditError(
            f"The new text holds {bad!a}, half of a character, which no file can hold: "
            "write the whole character."
        ) from None


def _left_out(operation: Update) -> tuple[str, ...]:
    lines = [line for block in operation.blocks for line in block.lines]
    old = "\n".join(line[1:] for line in lines if line[0] != "+")
    found = placeholder("\n".join(line[1:] for line in lines if line[0] == "+"), old)
    if found is None:
        return ()
    return (
        f"{operation.path}: the added line {found.strip()!r} was written as it is; if it stands "
        "for lines left out, put them back.",
    )


def reason(error: OSError) -> str:
    """Why the system refused, in the words of the case tables: `… (os error N)`."""
    words = error.strerror or str(error)
    known = error.errno is not None and words == os.strerror(error.errno)
    return f"{words} (os error {error.errno})" if known else words


def summary(changes: Sequence[Change]) -> str:
    """What was done, one file a line: added, modified, deleted, as spelled in the patch."""
    told = ["Success. Updated the following files:"]
    for letter, kind in (("A", "add"), ("M", "update"), ("D", "delete")):
        told += [f"{letter} {change.path}" for change in changes if change.kind == kind]
    return "\n".join(told) + "\n"
