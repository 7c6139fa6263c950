"""What we ask of git, without ever letting a repository run its programs.

Git reads a repository's settings, and these can name programs: filters, hooks, watchers, pagers,
helpers. So git never sees them here. Each question is asked from a shadow: a temporary git folder
of our own, with our settings and a copy of the index, that borrows only the stored objects.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_py.host import gitfolder
from codex_py.host.gitfolder import Folder, find_root

__all__ = [
    "Change",
    "Diff",
    "GitFailed",
    "Status",
    "branch",
    "diff",
    "find_root",
    "head",
    "ignored",
    "is_repository",
    "status",
]

LIMIT = 4 * 2**20
SECONDS = 30.0
BATCH = 200
KEPT = re.compile(
    r"core\.(?:repositoryformatversion|filemode|ignorecase|symlinks|autocrlf|eol|precomposeunicode"
    r"|trustctime|checkstat|sparsecheckout|sparsecheckoutcone)|extensions\.objectformat"
)
"""Settings that say how files are stored. Their values are words; none can name a program."""
PLAIN = re.compile(r"[A-Za-z0-9]{0,20}")
OURS = """[core]
\tbare = false
\thooksPath = /dev/null
\tfsmonitor = false
\tuntrackedCache = false
\tpager = cat
\teditor = false
\tsshCommand = false
\taskPass = false
[diff]
\texternal =
[gc]
\tauto = 0
[protocol]
\tallow = never
"""


class GitFailed(Exception):
    """Git could not answer; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file that is not as it was last committed."""

    path: str
    """Relative to the root of the repository."""
    staged: str
    """How the index differs from the last commit: a letter as in `git status`, or a blank."""
    unstaged: str
    """How the file differs from the index."""
    before: str = ""
    """Where it was renamed or copied from."""


@dataclass(frozen=True, slots=True)
class Status:
    """What is changed in a work tree."""

    branch: str | None
    head: str | None
    changed: tuple[Change, ...]
    untracked: tuple[str, ...]
    """Files and folders git does not know; a folder ends in a slash."""
    complete: bool
    """False when there was more than is listed here."""

    @property
    def clean(self) -> bool:
        """True when nothing is changed or unknown to git."""
        return self.complete and not self.changed and not self.untracked


@dataclass(frozen=True, slots=True)
class Diff:
    """A difference as text."""

    text: str
    complete: bool
    """False when it was longer than was asked for and is cut."""


def is_repository(path: str | Path) -> bool:
    """Whether path lies in a whole git repository. Runs nothing."""
    return gitfolder.find(path) is not None


def branch(path: str | Path) -> str | None:
    """The branch checked out where path lies; None for none. Runs nothing."""
    folder = gitfolder.find(path)
    return gitfolder.branch(folder) if folder else None


def head(path: str | Path) -> str | None:
    """The last commit where path lies, as its full name; None before the first. Runs nothing."""
    folder = gitfolder.find(path)
    return gitfolder.head(folder) if folder else None


def status(path: str | Path, limit: int = LIMIT) -> Status:
    """What is changed and what is unknown to git; at most `limit` bytes of names are read.

    Submodules are not looked into. A file that a clean filter stores in another form (git-lfs)
    counts as changed once its time is. Raises GitFailed.
    """
    folder = _folder(path)
    with _shadow(folder) as shadow:
        options = ["--porcelain=v1", "-z", "--untracked-files=normal", "--ignore-submodules=all"]
        out, complete = _run(folder, shadow, ["status", *options], limit)
    changed: list[Change] = []
    untracked: list[str] = []
    records = iter(out.split("\0")[:-1])
    for record in records:
        letters, name = record[:2], record[3:]
        if letters == "??":
            untracked.append(name)
        else:
            before = next(records, "") if letters[0] in "RC" or letters[1] in "RC" else ""
            changed.append(Change(name, letters[0], letters[1], before))
    return Status(
        gitfolder.branch(folder),
        gitfolder.head(folder),
        tuple(changed),
        tuple(untracked),
        complete,
    )


def diff(path: str | Path, *, staged: bool = False, limit: int = LIMIT) -> Diff:
    """How the work tree differs from the index, or with `staged` the index from the last commit.

    Files appear as they are stored, without the repository's converters. Raises GitFailed.
    """
    folder = _folder(path)
    options = ["--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all"]
    with _shadow(folder) as shadow:
        argv = ["diff", *options, *(["--cached"] if staged else []), "--"]
        return Diff(*_run(folder, shadow, argv, limit))


def ignored(path: str | Path, names: Sequence[str]) -> frozenset[str]:
    """Which of the names, relative to path's repository root, .gitignore leaves out.

    A name that lies outside or behind a link is never said to be left out. Raises GitFailed.
    """
    folder = _folder(path)
    asked = [name for name in names if name and not _outside(name)]
    found: set[str] = set()
    with _shadow(folder) as shadow:
        for start in range(0, len(asked), BATCH):
            found |= _ignored(folder, shadow, asked[start : start + BATCH])
    return frozenset(found)


def _ignored(folder: Folder, shadow: Path, names: Sequence[str]) -> set[str]:
    try:
        out, _ = _run(folder, shadow, ["check-ignore", "-z", "--", *names], LIMIT, (0, 1))
    except GitFailed:
        # One name behind a link or in another repository fails them all: ask in halves.
        if len(names) == 1:
            return set()
        half = len(names) // 2
        return _ignored(folder, shadow, names[:half]) | _ignored(folder, shadow, names[half:])
    return set(out.split("\0")[:-1])


def _outside(name: str) -> bool:
    return name.startswith("/") or "\0" in name or ".." in name.split("/")


def _folder(path: str | Path) -> Folder:
    folder = gitfolder.find(path)
    if folder is None:
        raise GitFailed(f"{path} is not in a git repository")
    return folder


@contextlib.contextmanager
def _shadow(folder: Folder) -> Iterator[Path]:
    """A git folder of our own, for one question."""
    with tempfile.TemporaryDirectory(prefix="codex-py-git-") as made:
        shadow = Path(made)
        (shadow / "refs").mkdir()
        (shadow / "objects").mkdir()
        (shadow / "info").mkdir()
        value = gitfolder.head(folder)
        name = gitfolder.branch(folder) or "unknown"
        (shadow / "HEAD").write_text(f"{value}\n" if value else f"ref: refs/heads/{name}\n")
        (shadow / "config").write_text(OURS)
        _copy(folder.own / "index", shadow / "index")
        for shared in folder.own.glob("sharedindex.*"):
            _copy(shared, shadow / shared.name)
        for borrowed in ("exclude", "attributes"):
            _copy(folder.common / "info" / borrowed, shadow / "info" / borrowed)
        _copy(folder.own / "info" / "sparse-checkout", shadow / "info" / "sparse-checkout")
        _keep(folder, shadow)
        yield shadow


def _copy(source: Path, target: Path) -> None:
    """Copy a regular file with its times, by which git knows what it has not seen change."""
    try:
        if stat.S_ISREG(source.stat().st_mode):
            shutil.copy2(source, target)
    except FileNotFoundError:
        return
    except OSError as error:
        raise GitFailed(f"{source}: {error.strerror}") from error


def _keep(folder: Folder, shadow: Path) -> None:
    """Take over the settings that say how files are stored, and none of the others."""
    settings = gitfolder.text(folder.common / "config", 2**20)
    if not settings:
        return
    copy = shadow / "settings"
    copy.write_text(settings, encoding="utf-8", errors="surrogateescape")
    argv = ["config", "--file", str(copy), "--no-includes", "--list", "-z"]
    try:
        out, _ = _run(folder, shadow, argv, LIMIT)
    except GitFailed:
        return
    kept = ["[core]\n"]
    for record in out.split("\0"):
        key, _, value = record.partition("\n")
        if KEPT.fullmatch(key) and PLAIN.fullmatch(value):
            section, _, name = key.partition(".")
            kept.append(f"[{section}]\n\t{name} = {value or 'true'}\n")
    with open(shadow / "config", "a", encoding="utf-8") as file:
        file.writelines(kept)


def _program(folder: Folder) -> str:
    """Git itself, which must not come out of the repository."""
    found = shutil.which("git")
    if found is None:
        raise GitFailed("git is not installed: install it to use this")
    real = os.path.realpath(found)
    if Path(real).is_relative_to(folder.root) or not os.path.isabs(found):
        raise GitFailed(f"{found} lies in the repository, so it is not run")
    return found


def _environment(folder: Folder, shadow: Path) -> dict[str, str]:
    """Everything git may see; what the user or a repository put in ours is left behind."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(shadow),
        "XDG_CONFIG_HOME": str(shadow),
        "LC_ALL": "C",
        "GIT_DIR": str(shadow),
        "GIT_WORK_TREE": str(folder.root),
        "GIT_INDEX_FILE": str(shadow / "index"),
        "GIT_OBJECT_DIRECTORY": str(folder.common / "objects"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": "false",
    }


def _run(
    folder: Folder, shadow: Path, words: Sequence[str], limit: int, good: Sequence[int] = (0,)
) -> tuple[str, bool]:
    """Run git on the shadow: what it said, at most `limit` bytes, and whether that is all."""
    program = _program(folder)
    git = _gitpython()
    settings = [f"{name}={value}" for name, value in _environment(folder, shadow).items()]
    excludes = _excludes()
    command = ["/usr/bin/env", "-i", *settings, program]
    command += ["-c", f"core.excludesFile={excludes}", "--no-pager", *words]
    process = git.cmd.Git(str(folder.root)).execute(
        command, as_process=True, shell=False, start_new_session=True
    ).proc
    watch = threading.Timer(SECONDS, process.kill)
    errors: list[bytes] = []
    drain = threading.Thread(target=lambda: errors.append(process.stderr.read(SMALL_ERRORS)))
    watch.start()
    drain.start()
    try:
        out = process.stdout.read(limit + 1)
        if len(out) > limit:
            process.kill()
        code = process.wait()
    finally:
        watch.cancel()
        drain.join()
        process.stdout.close()
        process.stderr.close()
    if code not in good and len(out) <= limit:
        said = b"".join(errors).decode("utf-8", "replace").strip().splitlines() or [f"exit {code}"]
        raise GitFailed(f"git {words[0]}: {said[0]}")
    return _whole(out, limit).decode("utf-8", "surrogateescape"), len(out) <= limit
