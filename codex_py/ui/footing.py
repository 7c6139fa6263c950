"""What a replay starts from: the snapshot before the first writing step, or else a commit."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from codex_py.core.entries import Entry, Resumed, Snapshot, Started, Touched
from codex_py.core.errors import UsageError
from codex_py.core.steps import history
from codex_py.dataclass import dataclass
from codex_py.host import gitfolder
from codex_py.host.gitfolder import GitFailed
from codex_py.host.setout import set_out
from codex_py.host.worktree import fresh
from codex_py.snapshots import store as kept
from codex_py.snapshots.store import Damaged, Folders, workspace

NAMED = 6
"""Paths named in a line."""


@dataclass(frozen=True, slots=True)
class Footing:
    """What the fresh folder holds, and what is not there though it was then; in words."""

    place: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Start:
    store: str
    tree: Folders
    left: tuple[str, ...]
    """Folders left out by rule."""
    added: tuple[str, ...]
    """Folders that the session had besides its own."""


def footing(
    entries: Sequence[Entry], first: Started, home: Path, repository: str, work: Path
) -> Footing:
    """Fill the empty folder `work` with the files that the session began with.

    Only read: the snapshots, and objects of the repository. Raises UsageError where a
    repository was named and does not have the commit.
    """
    try:
        start = _kept(entries, first, os.path.realpath(home))
        count, lost = set_out(start.store, start.tree, first.cwd, str(work))
    except (Damaged, OSError, ValueError) as error:
        cleared(work)
        work.mkdir()
        why = error.strerror if isinstance(error, OSError) else None
        return Footing(_committed(first, repository, work, why or str(error)))
    git, missing = _with_git(first, repository, work)
    left = [each for each in start.left if each.startswith(first.cwd.rstrip("/") + "/")]
    top = len(first.cwd.rstrip("/")) + 1
    missing += _missing("folders that snapshots leave out", [each[top:] for each in left])
    missing += _missing("too large, not readable or no file: not kept", lost)
    missing += _missing("added folders", start.added)
    files = "1 file" if count == 1 else f"{count:,} files"
    told = f"the snapshot from before the first step that could change files: {files}{git}"
    return Footing(told, tuple(missing))


def cleared(folder: Path) -> None:
    """Remove a folder of ours with all in it, whatever modes commands gave to its folders."""
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
    for path, names, _ in os.walk(folder):
        for inner in (os.path.join(path, each) for each in names):
            with contextlib.suppress(OSError):
                if not os.path.islink(inner):
                    os.chmod(inner, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _kept(entries: Sequence[Entry], first: Started, home: str) -> _Start:
    """The whole tree before the first step that could change files. Raises Damaged."""
    store = workspace(home, first.cwd)
    edits: list[Snapshot] = []
    cwd = first.cwd
    for place, entry in enumerate(entries):
        if isinstance(entry, Resumed):
            cwd = entry.cwd
        elif isinstance(entry, Snapshot):
            if cwd != first.cwd:
                raise Damaged("its first step that changed files ran in another folder")
            if not os.path.exists(store):
                raise Damaged("the snapshots of this folder were removed")
            name = entry.tree.partition(":")[0]
            if not os.path.exists(os.path.join(store, "journals", name)):
                raise Damaged("its snapshot is no longer kept")
            top = kept.header(store, name)
            if not top.get("base"):
                edits.append(entry)  # before the first walk was done, edits are kept by name
                continue
            if history(entries[:place]).uncovered:
                raise Damaged("a step ran before its first snapshot was whole")
            roots = [str(each) for each in top.get("roots", ())]
            tree = _before(store, entry, edits)
            added = tuple(each for each in roots if each != first.cwd)
            return _Start(store, tree, _left(entries[: place + 1]), added)
    if edits:
        raise Damaged("its snapshots hold single files only")
    raise Damaged("no snapshot was taken in it")


def _before(store: str, snapshot: Snapshot, edits: Sequence[Snapshot]) -> Folders:
    """The tree of a snapshot with the files of earlier edits as they were before them."""
    tree = kept.tree(store, snapshot.tree)
    for edit in reversed(edits):
        for record in kept.marks(store, edit.tree, edit.call_id):
            kept.put(tree, record.path, record.before)
    return tree


def _left(entries: Sequence[Entry]) -> tuple[str, ...]:
    told = [each.left for each in entries if isinstance(each, (Snapshot, Touched)) and each.left]
    return told[-1] if told else ()


def _missing(what: str, paths: Sequence[str]) -> list[str]:
    if not paths:
        return []
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return [f"{', '.join(sorted(paths)[:NAMED])}{more} ({what})"]


def _with_git(first: Started, repository: str, work: Path) -> tuple[str, list[str]]:
    """Lay a repository of its own beside the files; in words, and what there is not of it."""
    if not first.commit:
        return "", []
    root = gitfolder.find_root(first.cwd)
    if not repository and root is not None and str(root) != os.path.realpath(first.cwd):
        return "", ["Git's history (the session's folder lies inside its repository)"]
    try:
        fresh(repository or first.cwd, first.commit, work, files=False)
    except (GitFailed, ValueError) as error:
        cleared(work / ".git")
        if repository:
            raise UsageError(str(error)) from error
        return "", [f"Git's history ({error}; name the repository with -C DIR)"]
    return f"; Git at commit {first.commit[:12]}, nothing staged", []


def _committed(first: Started, repository: str, work: Path, why: str) -> str:
    """Put the recorded commit's files into the folder; says in words what is there."""
    if not first.commit:
        return f"an empty folder: no commit was recorded, and there is no snapshot: {why}"
    try:
        fresh(repository or first.cwd, first.commit, work)
    except (GitFailed, ValueError) as error:
        cleared(work)
        work.mkdir()
        if repository:
            raise UsageError(str(error)) from error
        return f"an empty folder: {error} (name the repository with -C DIR); no snapshot: {why}"
    return f"commit {first.commit[:12]}; what was not committed then is not there: {why}"
