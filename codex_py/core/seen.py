"""Pure: what the model last saw of a file, as a fold over the log."""

from __future__ import annotations

from collections.abc import Sequence

from codex_py.core.entries import Compacted, Entry, ToolResult


def digest_seen(entries: Sequence[Entry], path: str) -> str | None:
    """The digest of a file when the model last read or wrote it; None when it never did.

    Tools state it in their results' data as `{"seen": {path: digest}}`.
    """
    cut = -1
    for entry in reversed(entries):
        if entry.n < cut:
            return None  # the model is not shown it any more
        if isinstance(entry, Compacted):
            cut = max(cut, entry.keep_from)
        elif isinstance(entry, ToolResult):
            seen = entry.data.get("seen")
            if isinstance(seen, dict) and path in seen:
                return str(seen[path])
    return None
