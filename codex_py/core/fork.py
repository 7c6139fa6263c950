"""A session parted from another: a copy of its log, up to a line, that goes on by itself."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

from codex_py.core import logfile
from codex_py.core.chain import chained, parted, rechained, verify
from codex_py.core.codec import plain
from codex_py.core.entries import Notice, Started, stamped
from codex_py.core.errors import UsageError
from codex_py.core.session import honest, identity, place, settle
from codex_py.core.shelf import LOGS


def fork(home: Path, source: Path, at: int | None = None) -> Path:
    """A new log that begins as another one did, up to and with its line number `at`.

    Pictures and whole outputs are shared with it: their files are linked, or copied. The new
    log appears only when it is whole. What was changed in the other one since it was written is
    told at the end: the chain of the new one is its own. Raises UsageError.
    """
    honest(source)
    path = place(home / LOGS)
    fresh = path.with_name(f".{path.stem}.part")
    old, new = _quoted(source.with_suffix("")), _quoted(path.with_suffix(""))
    link, number = "", -1
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for number, line in enumerate(logfile.lines(source)):
                body = parted(line)[0].replace(old, new)
                if number == 0:
                    body = _begun(line, identity(path), identity(source), at)
                line, link = rechained(body, link)
                file.write(line)
                if number == at:
                    break
            file.write(_warned(source, link, number))
            file.flush()
            os.fsync(file.fileno())
        if number < max(0, at or 0):
            raise UsageError(f"the session has no line {at or 0}: its last is {number}")
        _share(source.with_suffix(""), path.with_suffix(""))
        os.replace(fresh, path)
        settle(path.parent)
    except OSError as error:
        raise UsageError(f"cannot fork {source.stem}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()
    return path


def _warned(source: Path, link: str, number: int) -> bytes:
    """A line that says where the copied lines were changed; empty when they are as written."""
    told = verify(islice(logfile.lines(source), number + 1))
    if told.whole:
        return b""
    text = f"the log this was forked from was changed at line {told.breaks[0].line} (see `audit`)"
    return chained(plain(stamped(Notice(text=text), number + 1, time.time())), link)[0]


def _quoted(path: Path) -> bytes:
    """A path as it stands inside a line."""
    return json.dumps(str(path), ensure_ascii=False).encode("utf-8", "replace")[1:-1]


def _begun(line: bytes, name: str, parent: str, at: int | None) -> bytes:
    """The first line of a fork: whose it is, and where it parted."""
    first = next(logfile.entries([line]))
    if not isinstance(first, Started):
        return parted(line)[0]
    first = replace(first, session=name, parent=parent, at_line=at, version=logfile.VERSION)
    text = json.dumps(plain(first), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")[:-1]


def _share(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    target.mkdir(mode=0o700)
    for each in os.scandir(source):
        if each.is_file(follow_symlinks=False) and not each.name.startswith("."):
            try:
                os.link(each.path, target / each.name)
            except OSError:
                shutil.copyfile(each.path, target / each.name)
