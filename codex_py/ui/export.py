"""Pure: a conversation as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from codex_py.core.entries import Assistant, Cited, Entry, ToolCall, ToolResult, User, words
from codex_py.ui.text import listed, one_line


def markdown(entries: Iterable[Entry]) -> Iterator[str]:
    """The lines of a conversation: who said what, which tools were called, what they gave."""
    for entry in entries:
        if isinstance(entry, User):
            yield from ("## You", "", words(entry.parts), "")
        elif isinstance(entry, Assistant) and entry.text.strip():
            yield from ("## codex-py", "", entry.text, "")
        elif isinstance(entry, Cited):
            yield from (*listed(entry.sources), "")
        elif isinstance(entry, ToolCall):
            yield from (f"`{entry.name}` {one_line(entry.arguments, 400)}", "")
        elif isinstance(entry, ToolResult):
            text = words(entry.parts).replace("````", "` ` ` `")
            yield from ("````", text, "````", "")
