"""A commit's files in a fresh folder, with a small repository of its own that borrows objects."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from codex_py.host import gitfolder
from codex_py.host.gitfolder import GitFailed
from codex_py.host.processes import capture

SETTINGS = "[core]\n\trepositoryformatversion = {version}\n\tbare = false\n{more}"
WALL = 300.0
COPIED = 200_000_000
"""Bytes of objects that are copied; more are borrowed where they lie, and only read."""


def fresh(source: str, commit: str, target: Path, *, files: bool = True) -> None:
    """Put the files of a commit of the repository at `source` into the empty folder `target`.

    Without `files` only a repository is made there, and what `target` holds stays as it is.
    Nothing of the repository is run or written: not its hooks, filters or settings. Raises
    GitFailed.
    """
    folder = gitfolder.find(source)
    if folder is None:
        raise GitFailed(f"{source} is not in a git repository")
    if not gitfolder.HASH.fullmatch(commit):
        raise GitFailed(f"{commit!r} is no commit")
    git = shutil.which("git", path="/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin")
    if git is None:
        raise GitFailed("git is not installed: install it to use this")
    own = target / ".git"
    (own / "refs" / "heads").mkdir(parents=True)
    try:
        _objects(folder.common / "objects", own / "objects")
    except OSError as error:
        raise GitFailed(f"the objects of {source} cannot be read: {error}") from error
    long = len(commit) == 64
    more = "[extensions]\n\tobjectFormat = sha256\n" if long else ""
    (own / "config").write_text(SETTINGS.format(version=1 if long else 0, more=more))
    (own / "HEAD").write_text("ref: refs/heads/replay\n")
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(target),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_TERMINAL_PROMPT": "0",
    }
    base = [git, "-c", "core.hooksPath=/dev/null"]
    argv = [*base, "reset", "--hard" if files else "--mixed", "--quiet", commit]
    code, _, said, _ = capture(argv, str(target), env, b"", 4_096, WALL)
    if code != 0:
        why = said.strip().split("\n")[0]
        raise GitFailed(f"{source} does not have commit {commit[:12]}: {why}")
    if not files:  # some versions of git do not compare the files when they are to be quiet
        capture([*base, "update-index", "-q", "--refresh"], str(target), env, b"", 4_096, WALL)


def _objects(source: Path, target: Path) -> None:
    """The objects of a repository: a copy of few, never a link that could be written through."""
    sizes = (
        each.stat(follow_symlinks=False).st_size
        for folder in (source, *source.iterdir())
        if folder.is_dir()
        for each in os.scandir(folder)
        if each.is_file(follow_symlinks=False)
    )
    if not (source / "info" / "alternates").exists() and sum(sizes) <= COPIED:
        shutil.copytree(source, target, symlinks=True)
        return
    (target / "info").mkdir(parents=True)
    (target / "info" / "alternates").write_text(f"{source}\n")
