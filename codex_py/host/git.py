"""What we ask of git, without ever letting a repository run its programs.

Git reads a repository's settings, and these can name programs: filters, hooks, watchers, pagers,
helpers. So git never sees them here. Each question is asked from a shadow: a temporary git folder
of our own, with our settings and a copy of the index, that borrows only the stored objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codex_py.dataclass import dataclass
from codex_py.host import gitfolder
from codex_py.host.gitfolder import Folder, GitFailed, find_root

if TYPE_CHECKING:
    from codex_py.host.gitshadow import Ask

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
BATCH = 200
BEYOND = ("is beyond a symbolic link", "is in submodule", "is outside repository")
"""What git says of names it cannot tell about."""


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
    from codex_py.host.gitshadow import shadowed  # late: seldom asked

    folder = _folder(path)
    with shadowed(folder) as ask:
        options = ["--porcelain=v1", "-z", "--untracked-files=normal", "--ignore-submodules=all"]
        out, complete = ask(["status", *options], limit)
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
    from codex_py.host.gitshadow import shadowed  # late: seldom asked

    folder = _folder(path)
    options = ["--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all"]
    with shadowed(folder) as ask:
        argv = ["diff", *options, *(["--cached"] if staged else []), "--"]
        return Diff(*ask(argv, limit))


def ignored(path: str | Path, names: Sequence[str]) -> frozenset[str]:
    """Which of the names, relative to path's repository root, .gitignore leaves out.

    A name that lies outside or behind a link is never said to be left out. Raises GitFailed.
    """
    from codex_py.host.gitshadow import shadowed  # late: seldom asked

    folder = _folder(path)
    asked = [name for name in names if name and not _outside(name)]
    found: set[str] = set()
    with shadowed(folder) as ask:
        for start in range(0, len(asked), BATCH):
            found |= _ignored(ask, asked[start : start + BATCH])
    return frozenset(found)


def _ignored(ask: Ask, names: Sequence[str]) -> set[str]:
    # "./" in front: a name that starts with a colon would be a pattern for git.
    given = "".join(f"./{name}\0" for name in names)
    try:
        out, _ = ask(["check-ignore", "--stdin", "-z"], LIMIT, good=(0, 1), given=given)
    except GitFailed as failed:
        if not any(reason in str(failed) for reason in BEYOND):
            raise
        # One such name fails them all: ask in halves.
        half = len(names) // 2
        return _ignored(ask, names[:half]) | _ignored(ask, names[half:]) if half else set()
    return {name.removeprefix("./") for name in out.split("\0")[:-1]}


def _outside(name: str) -> bool:
    return name.startswith("/") or "\0" in name or ".." in name.split("/")


def _folder(path: str | Path) -> Folder:
    folder = gitfolder.find(path)
    if folder is None:
        raise GitFailed(f"{path} is not in a git repository")
    return folder
