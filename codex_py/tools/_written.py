"""What every editing tool does last: write the changes, and state them as facts."""

from __future__ import annotations

from collections.abc import Sequence

from codex_py.core.entries import Json
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output
from codex_py.host.change import Change
from codex_py.tools._diff import counts, unified

KEPT = 20_000
"""Characters of each file's diff that are kept in the log."""


def write(changes: Sequence[Change], call: Call, text: str) -> Output:
    """Commit all changes or none; the output's data tells what each did."""
    stale = [note for change in changes if (note := stale_note(change, call))]
    digests, told = call.host.commit(changes)
    notes = [*(note for change in changes for note in change.notes), *told]
    facts = [fact(change) for change in changes]
    said = "\n".join([text.rstrip("\n"), *stale, *notes])
    return Output.of(said, changes=facts, seen=digests)


def fact(change: Change) -> Json:
    """One change as data: path, kind, where it moved from, lines added and removed, the diff.

    A diff longer than KEPT is cut at a line; `diff_cut` is the number of lines left out.
    """
    added, removed = counts(change)
    found: Json = {
        "path": change.path,
        "kind": change.kind,
        "added": added,
        "removed": removed,
    }
    if change.moved_from:
        found["from"] = change.moved_from
    diff = unified(change)
    if len(diff) > KEPT:
        kept = diff[: diff.rfind("\n", 0, KEPT) + 1]
        found["diff_cut"] = diff.count("\n", len(kept))
        diff = kept
    if diff:
        found["diff"] = diff
    return found


def stale_note(change: Change, call: Call) -> str:
    """Says that a file was changed by someone else since the model saw it."""
    if change.before is None:
        return ""
    path = change.moved_from or change.path
    seen = call.digest_seen(call.host.real(path))
    if seen is None or seen == call.host.digest(change.before):
        return ""
    return (
        f"Note: {path} had changed since you last read it (by the user, a command or another "
        "program). The edit was made to the file as it is now; read it before you go on."
    )


def encoded(text: str) -> bytes:
    """The text as UTF-8. Raises ToolError for half a character, which no file can hold."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ToolError(
            f"Nothing was written: the text holds {text[error.start]!a}, half of a character."
        ) from None
