"""What a replay starts from: the snapshot before the first writing step, or else a commit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from codex_py.core.entries import Entry, Resumed, Snapshot, Started, Touched
from codex_py.core.errors import UsageError
from codex_py.core.policy import inside
from codex_py.core.steps import history
from codex_py.dataclass import dataclass
from codex_py.host.gitfolder import GitFailed
from codex_py.host.setout import set_out
from codex_py.host.worktree import fresh, refreshed, staged
from codex_py.snapshots import store as kept
from codex_py.snapshots.state import State, revived
from codex_py.snapshots.store import Damaged, Folders, content, workspace
from codex_py.ui.scratch import cleared

NAMED = 6
"""Paths named in a line."""


@dataclass(frozen=True, slots=True)
class Footing:
    """What the fresh folder holds, and what is not there though it was then; in words."""

    place: str
    missing: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    """Folders that were added to the session, and where they are now."""


@dataclass(frozen=True, slots=True)
class _Start:
    store: str
    tree: Folders
    left: tuple[str, ...]
    """Folders left out by rule."""
    added: tuple[str, ...]
    """Folders that the session had besides its own."""
    index: State | None
    """What Git had staged."""


def footing(
    entries: Sequence[Entry],
    first: Started,
    home: Path,
    repository: str,
    work: Path,
    top: Path | None = None,
    beside: Path | None = None,
) -> Footing:
    """Fill the empty folder `work` with the files that the session began with.

    `top` is where its repository begins, when `work` lies below that; folders that were added
    to the session come to lie in `beside`. Only read: the snapshots,
    and objects and index of the repository. Raises UsageError where a repository was named and
    does not have the commit.
    """
    top = top or work
    try:
        start = _kept(entries, first, os.path.realpath(home))
        git, missing = _with_git(first, repository, work, top, start)
        count, lost = set_out(start.store, start.tree, first.cwd, str(work))
    except (Damaged, OSError, ValueError) as error:
        _emptied(top, work)
        why = error.strerror if isinstance(error, OSError) else None
        return Footing(_committed(first, repository, work, top, why or str(error)))
    if git:
        refreshed(top)
    left = [each for each in start.left if each.startswith(first.cwd.rstrip("/") + "/")]
    cut = len(first.cwd.rstrip("/")) + 1
    missing += _missing("folders that snapshots leave out", [each[cut:] for each in left])
    missing += _missing("too large, not readable or no file: not kept", lost)
    added, more, gone = _added(start, first, beside)
    count += more
    missing += _missing("added folders", gone)
    files = "1 file" if count == 1 else f"{count:,} files"
    told = f"the snapshot from before the first step that could change files: {files}{git}"
    return Footing(told, tuple(missing), added)


def _added(
    start: _Start, first: Started, beside: Path | None
) -> tuple[tuple[tuple[str, str], ...], int, list[str]]:
    """Set out the added folders: where each is now, how many files they have, and the others."""
    found: list[tuple[str, str]] = []
    gone: list[str] = []
    count = 0
    for number, root in enumerate(start.added, 1):
        if beside is None or inside(first.cwd, (root,)):
            gone.append(root)
            continue
        target = beside / f"added-{number}" / os.path.basename(root)
        target.mkdir(parents=True)
        try:
            count += set_out(start.store, start.tree, root, str(target))[0]
        except (Damaged, OSError, ValueError):
            cleared(target)
            gone.append(root)
        else:
            found.append((root, str(target)))
    return tuple(found), count, gone


def _emptied(top: Path, work: Path) -> None:
    cleared(top)
    work.mkdir(parents=True)


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
            index = _index(top.get("index"))
            return _Start(store, tree, _left(entries[: place + 1]), added, index)
    if edits:
        raise Damaged("its snapshots hold single files only")
    raise Damaged("no snapshot was taken in it")


def _index(data: object) -> State | None:
    try:
        found = revived(data) if isinstance(data, list) else None
    except TypeError:
        return None
    return found if found is not None and found.kind == "file" else None


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


def _with_git(
    first: Started, repository: str, work: Path, top: Path, start: _Start
) -> tuple[str, list[str]]:
    """Make a repository of its own for the files; in words, and what there is not of it."""
    if not first.commit:
        return "", []
    below = work != top
    try:
        fresh(repository or first.cwd, first.commit, top, files=below)
        if below:
            _place(top, work)
            cleared(work)
            work.mkdir()
    except (GitFailed, ValueError) as error:
        _emptied(top, work)
        if repository:
            raise UsageError(str(error)) from error
        more = " and what it holds outside of the session's folder" if below else ""
        return "", [f"Git's history{more} ({error}; name the repository with -C DIR)"]
    told, missing = _restaged(first, top, start)
    told = f"; Git at commit {first.commit[:12]}, {told}"
    if below:
        told += "; outside of the session's folder all is as committed"
    return told, missing


def _restaged(first: Started, top: Path, start: _Start) -> tuple[str, list[str]]:
    """Stage again what was staged; in words, and why that could not be done."""
    if start.index is None:
        return "nothing staged", ["what was staged (not kept)"]
    try:
        count = staged(top, content(start.store, start.index), first.commit)
    except (Damaged, GitFailed, OSError, TypeError) as error:
        return "nothing staged", [f"what was staged ({error})"]
    files = "1 file" if count == 1 else f"{count:,} files"
    return f"{files} staged, as then" if count else "nothing staged, as then", []


def _place(top: Path, work: Path) -> None:
    """Make the folder `work` below `top`, where something else may have taken its place."""
    for each in (*reversed(work.relative_to(top).parents[:-1]), work.relative_to(top)):
        path = top / each
        if path.is_symlink() or path.is_file():
            path.unlink()
        path.mkdir(exist_ok=True)


def _committed(first: Started, repository: str, work: Path, top: Path, why: str) -> str:
    """Put the recorded commit's files into the folder; says in words what is there."""
    if not first.commit:
        return f"an empty folder: no commit was recorded, and there is no snapshot: {why}"
    try:
        fresh(repository or first.cwd, first.commit, top)
        _place(top, work)
        refreshed(top)
    except (GitFailed, ValueError) as error:
        _emptied(top, work)
        if repository:
            raise UsageError(str(error)) from error
        return f"an empty folder: {error} (name the repository with -C DIR); no snapshot: {why}"
    return f"commit {first.commit[:12]}; what was not committed then is not there: {why}"
