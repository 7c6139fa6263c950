"""What an approval would do, in full: the command and its folder, or the diff; and why it asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from codex_py.core.entries import Decision, Json, ToolCall
from codex_py.host.change import Change
from codex_py.ui.render.calls import KINDS, arguments
from codex_py.ui.render.code import highlighted
from codex_py.ui.render.diffs import drawn
from codex_py.ui.render.opened import opens
from codex_py.ui.render.paper import Paper

if TYPE_CHECKING:
    from rich.text import Text

Read = Callable[[str], bytes | None]
"""A file's bytes by the path as the call spells it; None: no such file. May raise OSError."""
MOST = 2_000
"""Lines of a diff shown in a question."""
EDITS = ("apply_patch", "edit_file", "write_file")


def question(call: ToolCall, decision: Decision, paper: Paper, read: Read | None) -> list[Text]:
    """The lines of a question; the choices are the caller's."""
    effects = decision.effects
    if "command" in effects:
        head, body = "Run this command?", _command(effects, paper)
    elif "typed" in effects:
        head, body = "Type this into a running process?", _typed(effects, paper)
    elif call.name in EDITS:
        head, body = "Make this change?", _edits(call, paper, read)
    else:
        head, body = f"Use {call.name}?", _arguments(call, paper)
    told = [*paper.wrap(paper.row(head, "ask")), *body]
    if decision.reason:
        told += _said("why: ", decision.reason, "", paper)
    for danger in dangers(decision, call):
        told += _said("! ", danger, "warn", paper)
    if effects.get("confined") and decision.confined:
        told += _said("", WALLED, "dim", paper)
    return told


def changes(call: ToolCall, read: Read) -> tuple[Change, ...]:
    """What an editing call would do to files. Raises ValueError or OSError when it cannot."""
    given = arguments(call)
    if call.name == "apply_patch":
        from codex_py.tools._patch import parse  # late: only questions about edits need it
        from codex_py.tools._plan import plan  # late: as above

        return plan(parse(_given(given, "input")), read)
    path = _given(given, "path")
    before = read(path)
    if call.name == "write_file":
        after = _given(given, "content").encode("utf-8", "replace")
        return (Change("add" if before is None else "update", path, before, after),)
    from codex_py.tools._edit import edit  # late: only questions about edits need it

    if before is None:
        raise ValueError(f"{path} does not exist")
    text = before.decode("utf-8")
    edited = edit(text, _given(given, "old"), _given(given, "new"), bool(given.get("all")))
    return (Change("update", path, before, edited.text.encode("utf-8"), notes=edited.notes),)


WALLED = "it runs confined all the same: no network, writes only in the workspace and in /tmp"
ONLINE = "it would use the network: what it can read here, it can send away"


def dangers(decision: Decision, call: ToolCall) -> list[str]:
    """What the user should know before saying yes."""
    effects = decision.effects
    told: list[str] = []
    if ("command" in effects or "typed" in effects) and not decision.confined:
        told.append("it would run as you do, not confined")
    if arguments(call).get("background") and "command" in effects:
        told.append("it goes on in the background until it is stopped or the session ends")
    if effects.get("network"):
        told.append(ONLINE if "command" in effects else "it would use the network")
    if effects.get("unknown"):
        told.append("nobody can tell beforehand what it would touch")
    shown = str(effects.get("command", effects.get("typed", call.arguments)))
    if any(not (each.isprintable() or each in "\n\t") for each in shown):
        told.append("it holds characters that do not show; they are written out as escapes")
    return told


def _given(given: Json, name: str) -> str:
    found = given.get(name)
    if not isinstance(found, str):
        raise ValueError(f"its argument {name} is missing")
    return found


def _command(effects: Json, paper: Paper) -> list[Text]:
    lines = str(effects["command"]).split("\n")
    told: list[Text] = []
    for at, line in enumerate(highlighted(lines, "bash", paper)):
        told += paper.fold(line, paper.text("  $ " if at == 0 else "    ", "dim"))
    if effects.get("cwd"):
        told += _said("in: ", str(effects["cwd"]), "", paper)
    for each in opens(effects):
        told += _said("opens: ", each, "warn", paper)
    return told


def _typed(effects: Json, paper: Paper) -> list[Text]:
    told: list[Text] = []
    for line in str(effects["typed"]).removesuffix("\n").split("\n"):
        told += paper.fold(paper.text(line), paper.text("  > ", "dim"))
    return told + _said("into: ", str(effects.get("into", "")), "", paper)


def _edits(call: ToolCall, paper: Paper, read: Read | None) -> list[Text]:
    if read is None:
        return _arguments(call, paper)
    from codex_py.tools._diff import counts, unified  # late: only questions about edits need it

    try:
        found = changes(call, read)
    except (ValueError, OSError) as error:
        said = _said("! ", f"this cannot be done as it stands: {error}", "bad", paper)
        return [*said, *_arguments(call, paper)]
    told: list[Text] = []
    for change in found:
        plus, minus = counts(change)
        moved = f"{change.moved_from} → {change.path}" if change.moved_from else change.path
        head = paper.joined(
            (f"{KINDS[change.kind]} ", "verb"), paper.row(moved), (f" (+{plus} -{minus})", "dim")
        )
        told += paper.wrap(head, paper.text("  "), paper.text("    "))
        told += drawn(unified(change), paper)
        for note in change.notes:
            told += _said("note: ", note, "warn", paper)
    if len(told) > MOST:
        left = f"! {len(told) - MOST:,} more lines are not shown here"
        told = [*told[:MOST], *paper.wrap(paper.text(left, "warn"))]
    return told


def _arguments(call: ToolCall, paper: Paper) -> list[Text]:
    given = arguments(call)
    text = call.arguments
    if given and not call.freeform:
        text = json.dumps(given, indent=2, ensure_ascii=False)
    return [
        each
        for line in text.split("\n")
        for each in paper.fold(paper.text(line), paper.text("    "))
    ]


def _said(label: str, words: str, style: str, paper: Paper) -> list[Text]:
    return paper.wrap(paper.row(words, style), paper.text(f"  {label}", style or "dim"))
