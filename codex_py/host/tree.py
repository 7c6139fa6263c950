"""Walk a folder as its .gitignore files would have it, and search file contents."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from codex_py.dataclass import dataclass

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

ALWAYS = frozenset({".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", ".tox"})
"""Folders never entered: a user who wants them names them."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file or folder, as a path relative to the walk's top."""

    path: str
    folder: bool
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Rules:
    base: str
    spec: GitIgnoreSpec


def walk(top: str, depth: int, stopped: Callable[[], bool] = lambda: False) -> Iterator[Item]:
    """Files and folders under `top`, sorted, folders first seen then entered, links not followed.

    Honours .gitignore from the Git root downwards and .git/info/exclude. `depth` 1 is the
    folder itself. Unreadable folders are left out.
    """
    top = os.path.realpath(top)
    yield from _walk(top, top, _above(top), depth, stopped)


def _walk(
    top: str, folder: str, rules: list[_Rules], depth: int, stopped: Callable[[], bool]
) -> Iterator[Item]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:
        return
    own = _read(os.path.join(folder, ".gitignore"), folder)
    here = [*rules, own] if own else rules
    for entry in entries:
        if stopped():
            return
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder and entry.name in ALWAYS:
            continue
        if _ignored(entry.path, is_folder, here) or (is_folder and _stands_in(entry)):
            continue
        path = os.path.relpath(entry.path, top)
        if not is_folder:
            yield Item(path, False, _size(entry))
            continue
        yield Item(path, True)
        if depth > 1:
            yield from _walk(top, entry.path, here, depth - 1, stopped)


GHOSTS = frozenset({".codex-py", ".codex_py", ".vscode"})


def _stands_in(entry: os.DirEntry[str]) -> bool:
    """An empty folder that the sandbox keeps in the place of one that must not be made."""
    if entry.name not in GHOSTS:
        return False
    try:
        return not os.listdir(entry.path)
    except OSError:
        return False


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def _above(top: str) -> list[_Rules]:
    """The rules of the folders from the Git root down to, but without, `top`."""
    folders: list[str] = []
    folder = top
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return []
        folders.append(parent)
        folder = parent
    found = [_read(os.path.join(folder, ".git", "info", "exclude"), folder)]
    found += [_read(os.path.join(each, ".gitignore"), each) for each in reversed(folders)]
    return [rules for rules in found if rules is not None]


def _read(path: str, base: str) -> _Rules | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read(200_000).splitlines()
    except OSError:
        return None
    from pathspec import GitIgnoreSpec  # late: only a walk needs it

    try:
        return _Rules(base, GitIgnoreSpec.from_lines(lines))
    except ValueError:
        return None


def _ignored(path: str, folder: bool, rules: list[_Rules]) -> bool:
    for each in reversed(rules):
        relative = os.path.relpath(path, each.base) + ("/" if folder else "")
        verdict = each.spec.check_file(relative).include
        if verdict is not None:
            return verdict
    return False


Run = Callable[[list[str], str, bytes, int], tuple[int, str, str, bool]]
"""Runs a program in a folder, with this input and at most so much output: see `capture`."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Lines that matched, as `path:number:line`. `more` says some were left out."""

    lines: tuple[str, ...]
    more: bool
    error: str = ""


def search(
    top: str,
    pattern: str,
    *,
    glob: str = "",
    fixed: bool = False,
    ignore_case: bool = False,
    limit: int = 200,
    env: Mapping[str, str],
    run: Run,
    hidden: Sequence[str] = (),
) -> Hits:
    """Lines under `top` that match: by ripgrep where installed, else by grep over our walk.

    Runs no program that a repository could name: ripgrep's configuration is switched off.
    What is `hidden` below the folder is left out; `run` starts the program.
    """
    program = shutil.which("rg", path=env.get("PATH"))
    flags = [*(["-F"] if fixed else []), *(["-i"] if ignore_case else [])]
    folder, name = (top, ".") if os.path.isdir(top) else os.path.split(top)
    start = folder.rstrip("/") + "/"
    below = [path[len(start) :] for path in hidden if path.startswith(start)]
    if program:
        argv = [
            program,
            "--no-config",
            "--no-messages",
            "-nH",
            "--no-heading",
            "--color=never",
            "--sort=path",
        ]
        argv += ["--max-columns=400", "--max-columns-preview", *flags]
        never = [each for skip in sorted(ALWAYS) for each in ("-g", f"!{skip}/")]
        never += [each for path in below for each in ("-g", f"!/{_literal(path)}")]
        argv += ["--hidden", *(["-g", glob] if glob else []), *never, "-e", pattern, "--", name]
        code, out, error, cut = run(argv, folder, b"", limit * 400)
    else:
        names = _files(folder, name, glob, below)
        if not names:
            return Hits((), False)
        kind = [] if fixed else ["-P"]
        argv = ["xargs", "-0", "grep", "-nHI", "--color=never", *kind, *flags, "-e", pattern, "--"]
        code, out, error, cut = run(argv, folder, names, limit * 400)
        code = 1 if code == 123 and not error else code
    if code not in (0, 1) and not out and error:
        return Hits((), False, error.strip())
    lines = [line.removeprefix("./") for line in out.split("\n") if line]
    return Hits(tuple(line[:500] for line in lines[:limit]), cut or len(lines) > limit)


def _literal(path: str) -> str:
    """A path as ripgrep's globs take it word for word."""
    return "".join(f"\\{each}" if each in "*?[]{}!\\" else each for each in path)


def _files(folder: str, name: str, glob: str, hidden: Sequence[str]) -> bytes:
    import fnmatch  # late: only where there is no ripgrep

    if name != ".":
        return os.fsencode(name)
    wanted = [
        item.path
        for item in walk(folder, 64)
        if not item.folder
        and not any(f"{item.path}/".startswith(f"{each}/") for each in hidden)
        and item.size < 5_000_000
        and (
            not glob
            or fnmatch.fnmatch(item.path, glob)
            or fnmatch.fnmatch(os.path.basename(item.path), glob)
        )
    ]
    return b"\0".join(os.fsencode(f"./{path}") for path in wanted)
