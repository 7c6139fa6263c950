"""A commit's files in a fresh folder, with a small repository of its own that borrows objects."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from codex_py.host import gitfolder
from codex_py.host.gitfolder import GitFailed
from codex_py.host.processes import capture

SETTINGS = "[core]\n\trepositoryformatversion = {version}\n\tbare = false\n{more}"
PLACES = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"
WALL = 300.0
MOST = 64 << 20
"""Bytes of an answer of git's."""
COPIED = 200_000_000
"""Bytes of objects that are copied; more are borrowed where they lie, and only read."""


def fresh(source: str, commit: str, target: Path, *, files: bool = True) -> None:
    """Put the files of a commit of the repository at `source` into the empty folder `target`.

    Without `files` only a repository is made there, and what `target` holds stays as it is.
    Nothing of the repository is run or written: not its hooks, filters or settings. `refreshed`
    is to follow once the files are there. Raises GitFailed.
    """
    folder = gitfolder.find(source)
    if folder is None:
        raise GitFailed(f"{source} is not in a git repository")
    if not gitfolder.HASH.fullmatch(commit):
        raise GitFailed(f"{commit!r} is no commit")
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
    argv = ["reset", "--hard" if files else "--mixed", "--quiet", commit]
    code, _, said = _git(target, argv)
    if code != 0:
        why = said.strip().split("\n")[0]
        raise GitFailed(f"{source} does not have commit {commit[:12]}: {why}")


def refreshed(target: Path) -> None:
    """Compare the files of a repository that `fresh` made with its index."""
    _git(target, ["update-index", "-q", "--refresh"])


def staged(target: Path, index: bytes, commit: str) -> int:
    """Give a repository that `fresh` made the index of then; how many files are staged in it.

    Raises GitFailed, with nothing staged, when the index cannot be read or a content that it
    names is not in the repository any more.
    """
    then = target / ".git" / "index.then"
    then.write_bytes(index)
    env = {"GIT_INDEX_FILE": then}
    try:
        argv = ["diff-index", "--cached", "--raw", "--no-abbrev", "-z", "--no-renames", commit]
        code, listed, said = _git(target, argv, env)
        if code != 0:
            raise GitFailed(said.strip().split("\n")[0])
        lines = [each.split() for each in listed.split("\0") if each.startswith(":")]
        wanted = [each[3] for each in lines if each[3].strip("0") and each[1] != "160000"]
        _, told, _ = _git(target, ["cat-file", "--batch-check"], given="\n".join(wanted))
        if any(each.endswith(" missing") for each in told.splitlines()):
            raise GitFailed("a content that was staged is no longer in the repository")
        os.replace(then, target / ".git" / "index")
        return len(lines)
    finally:
        then.unlink(missing_ok=True)


def _git(
    target: Path, argv: Sequence[str], more: Mapping[str, Path] | None = None, given: str = ""
) -> tuple[int, str, str]:
    """Run git there, without hooks or anybody's settings: exit code, output, errors."""
    git = shutil.which("git", path=PLACES)
    if git is None:
        raise GitFailed("git is not installed: install it to use this")
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
        **{name: str(path) for name, path in (more or {}).items()},
    }
    full = [git, "-c", "core.hooksPath=/dev/null", *argv]
    code, out, said, cut = capture(full, str(target), env, given.encode(), MOST, WALL)
    return (code or 1 if cut else code), out, said


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
