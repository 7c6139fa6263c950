"""All of an entry: the whole output, the whole diff, the whole summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_py.core.entries import (
    Assistant,
    Compacted,
    Context,
    Entry,
    Reasoning,
    ToolCall,
    ToolResult,
    words,
)
from codex_py.ui.render.calls import change_lines
from codex_py.ui.render.paper import Paper
from codex_py.ui.render.told import thought, told

if TYPE_CHECKING:
    from rich.text import Text


def expanded(entry: Entry, whole: str, paper: Paper) -> list[Text]:
    """The lines of an entry with nothing folded; `whole` stands for a result's own text."""
    match entry:
        case ToolResult():
            return _result(entry, whole, paper)
        case Reasoning():
            return thought(entry.summary, paper, 0)
        case Compacted():
            return [*told(entry, paper), *_plain(entry.summary, paper)]
        case Context():
            return _plain(entry.text, paper)
        case Assistant():
            return _plain(entry.text, paper)
        case ToolCall():
            return [*paper.wrap(paper.row(entry.name, "verb")), *_plain(entry.arguments, paper)]
        case _:
            return told(entry, paper)


def _result(entry: ToolResult, whole: str, paper: Paper) -> list[Text]:
    changes = entry.data.get("changes") or []
    lines = [line for change in changes for line in change_lines(change, paper, 0)]
    if "command" in entry.data:
        lines += _command(str(entry.data["command"]), str(entry.data.get("cwd", "")), paper)
    lines += _plain(whole or words(entry.parts), paper)
    if entry.full and not whole:
        lines += paper.wrap(paper.text(f"more of the output is in {entry.full}", "dim"))
    return lines


def _command(command: str, cwd: str, paper: Paper) -> list[Text]:
    lines = paper.fold(paper.text(command, "verb"), paper.text("$ ", "dim"))
    if cwd:
        lines += paper.fold(paper.text(cwd, "dim"), paper.text("in: ", "dim"))
    return lines


def _plain(text: str, paper: Paper) -> list[Text]:
    return paper.fold(paper.text(text.rstrip("\n"))) if text.strip() else []
