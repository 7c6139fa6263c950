"""A tool call and its result: one line for what was done, then a little of what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codex_py.core.entries import Decision, Image, Json, ToolCall, ToolResult, words
from codex_py.ui.render.cells import cells
from codex_py.ui.render.diffs import drawn
from codex_py.ui.render.paper import Paper
from codex_py.ui.text import duration, picture

if TYPE_CHECKING:
    from rich.text import Text

TAIL = 5
"""Lines of output shown."""
DIFF = 40
"""Lines of a diff shown."""
NONE = -1
"""In their place: the diff was shown already."""
LEAST = 16
"""Cells of width a target gets beside the facts."""
SLOW = 2.0
"""Seconds from which the duration of what is no command is told."""
KEY = "Ctrl+O to see all"

VERBS = {
    # tool: done, doing, the argument that names the target
    "shell": ("Ran", "Running", "command"),
    "read_file": ("Read", "Reading", "path"),
    "list_files": ("Listed", "Listing", "path"),
    "search": ("Searched", "Searching", "pattern"),
    "view_image": ("Looked at", "Looking at", "path"),
    "screenshot": ("Rendered", "Rendering", "page"),
    "python": ("Ran Python", "Running Python", "code"),
    "write_file": ("Wrote", "Writing", "path"),
    "edit_file": ("Edited", "Editing", "path"),
    "apply_patch": ("Edited", "Editing", ""),
    "update_plan": ("Planned", "Planning", ""),
    "process": ("Process", "Process", ""),
}
ACTIONS = {
    # of the tool `process`: done, doing
    "list": ("Listed processes", "Listing processes"),
    "read": ("Looked at process", "Waiting for process"),
    "write": ("Typed into process", "Typing into process"),
    "stop": ("Stopped process", "Stopping process"),
}
KINDS = {"add": "Added", "update": "Edited", "delete": "Deleted"}
PLAN = {"completed": ("done", "dim"), "in_progress": ("now", "bold"), "pending": ("todo", "")}


def arguments(call: ToolCall) -> Json:
    """The arguments as data; nothing when they are no JSON object."""
    if call.freeform:
        return {"input": call.arguments}
    try:
        found = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def verb(call: ToolCall | None, place: int) -> str:
    """What a call did (place 0) or is doing (place 1)."""
    if call is None:
        return "tool"
    if call.name == "process":
        found = ACTIONS.get(str(arguments(call).get("action")))
        return found[place] if found else "process"
    return VERBS.get(call.name, (call.name, f"Running {call.name}"))[place]


def target(call: ToolCall) -> str:
    """What a call acts on, in the words of its arguments."""
    given = arguments(call)
    name = VERBS.get(call.name, ("", "", ""))[2]
    if call.name == "process":
        typed = f": {given['input']}" if given.get("input") else ""
        return f"{given.get('id') or ''}{typed}"
    if name:
        found = str(given.get(name) or ("." if call.name == "list_files" else ""))
        if call.name == "search" and given.get("path"):
            found += f" in {given['path']}"
        return found
    if call.name in VERBS:
        return ""
    return ", ".join(f"{key}={value}" for key, value in given.items()) or call.arguments


def doing(call: ToolCall, paper: Paper, seconds: float = 0.0) -> Text:
    """The line of a call that is running, for so long."""
    facts = duration(seconds) if seconds >= SLOW else ""
    return _line("now", "", verb(call, 1), target(call), facts, paper)[0]


def unfinished(call: ToolCall, paper: Paper) -> list[Text]:
    """The line of a call that was stopped while it ran."""
    return _line("bad", "bad", verb(call, 1), target(call), "stopped", paper)


def result(
    entry: ToolResult,
    call: ToolCall | None,
    decision: Decision | None,
    paper: Paper,
    *,
    brief: bool = False,
) -> list[Text]:
    """The lines of a finished call, output folded, and one for each picture it shows.

    `brief`: without the diff of its changes, which was just shown.
    """
    changes = entry.data.get("changes") if brief and entry.ok else None
    told = (
        [line for change in changes for line in change_lines(change, paper, NONE)]
        if changes
        else _result(entry, call, decision, paper)
    )
    for part in entry.parts:
        if isinstance(part, Image):
            told += paper.wrap(paper.row(f"[Image {picture(part)}]", "dim"), paper.text("    "))
    return told


def _result(
    entry: ToolResult, call: ToolCall | None, decision: Decision | None, paper: Paper
) -> list[Text]:
    data = entry.data
    if not entry.ok and "command" not in data:
        return _failed(entry, call, decision, paper)
    if "command" in data:
        return _command(entry, paper)
    if data.get("changes"):
        return [line for change in data["changes"] for line in change_lines(change, paper, DIFF)]
    if "plan" in data:
        return plan(data["plan"], paper)
    name = call.name if call else "tool"
    facts = _took(entry)
    if name == "search":
        lines = _lines(words(entry.parts))
        facts = "no match" if lines[:1] == ["No match."] else f"{len(lines):,} lines"
    told = _line("ok", "ok", verb(call, 0), target(call) if call else "", facts, paper)
    if name not in VERBS or name in ("process", "python"):
        told += folded(_lines(words(entry.parts)), paper)
    return told


def change_lines(change: Json, paper: Paper, most: int) -> list[Text]:
    """One changed file: what was done, lines added and removed, and its diff; 0 shows all."""
    path = str(change.get("path", ""))
    if change.get("from"):
        path = f"{change['from']} → {path}"
    done = KINDS.get(str(change.get("kind")), "Edited")
    counts = f"(+{change.get('added', 0)} -{change.get('removed', 0)})"
    told = _line("ok", "ok", done, path, counts, paper)
    if most == NONE:
        return told
    lines = drawn(str(change.get("diff", "")), paper)
    shown = lines[:most] if most else lines
    told += shown
    cut = int(change.get("diff_cut", 0))
    left = f"{cut:,} more lines of the diff were not kept" if cut else ""
    if len(shown) < len(lines):
        left = f"+{len(lines) - len(shown) + cut:,} lines ({KEY})"
    if left:
        told.append(paper.crop(paper.text(f"  {paper.sign('more')} {left}", "dim")))
    return told


def plan(steps: Sequence[Json], paper: Paper) -> list[Text]:
    """The steps of a plan as a checklist."""
    done = sum(step.get("status") == "completed" for step in steps)
    told = [paper.joined((f"{paper.sign('note')} ", "dim"), ("Plan", "verb"),
                         (f" {done}/{len(steps)}", "dim"))]  # fmt: skip
    for step in steps:
        sign, style = PLAN.get(str(step.get("status")), ("todo", ""))
        first = paper.text(f"  {paper.sign(sign)} ", style)
        told += paper.wrap(paper.row(str(step.get("step", "")), style), first)
    return told


def folded(lines: Sequence[str], paper: Paper, most: int = TAIL) -> list[Text]:
    """The last few lines of an output, each cut to the width, and how many came before."""
    told: list[Text] = []
    if len(lines) > most:
        left = f"{paper.sign('more')} +{len(lines) - most:,} lines ({KEY})"
        told.append(paper.crop(paper.text(f"    {left}", "dim")))
    for line in lines[-most:]:
        told.append(paper.crop(paper.text(f"    {line[: 4 * paper.width]}", "dim")))
    if told:
        mark = paper.text(f"  {paper.sign('under')}", "dim")
        first = told[0].divide([4])
        told[0] = paper.joined(mark, first[1]) if len(first) > 1 else told[0]
    return told


def _lines(text: str) -> list[str]:
    return text.rstrip().split("\n") if text.strip() else []


def _command(entry: ToolResult, paper: Paper) -> list[Text]:
    data = entry.data
    body = _lines(words(entry.parts))[1:]
    if body == ["(no output)"]:
        body = []
    going_on = bool(data.get("background") and data.get("running"))
    if going_on and body == ["(no new output)"]:
        body = []
    facts = [f"process {data['background']}"] if going_on else []
    facts += [] if data.get("exit_code") in (0, None) else [f"exit {data['exit_code']}"]
    if data.get("signal") is not None:
        facts = [f"killed by signal {data['signal']}"]
    if data.get("timed_out"):
        facts = ["timed out"]
    if not going_on:
        facts.append(duration(float(data.get("seconds", entry.seconds))))
    facts += [] if data.get("confined") else ["not confined"]
    sign = "ok" if entry.ok else "bad"
    dot = paper.sign("dot")
    told = _line(
        sign,
        sign,
        "Started" if going_on else "Ran",
        str(data["command"]),
        dot.strip() + " " + dot.join(facts),
        paper,
    )
    return told + folded(body, paper)


def _failed(
    entry: ToolResult, call: ToolCall | None, decision: Decision | None, paper: Paper
) -> list[Text]:
    name = call.name if call else "tool"
    doing = verb(call, 1) if name in VERBS else name
    refused = decision is not None and decision.verdict == "deny" and decision.by != "policy"
    note = "refused" if refused else "failed"
    told = _line("bad", "bad", doing, target(call) if call else "", note, paper)
    if refused and decision is not None and decision.by == "user":
        return told
    lines = _lines(words(entry.parts))
    told += [each for line in lines[:1] for each in
             paper.wrap(paper.row(line[:400], "bad"), paper.text("    "))]  # fmt: skip
    if len(lines) > 1:
        left = f"    {paper.sign('more')} +{len(lines) - 1:,} lines ({KEY})"
        told.append(paper.crop(paper.text(left, "dim")))
    return told


def _took(entry: ToolResult) -> str:
    return duration(entry.seconds) if entry.seconds >= SLOW else ""


def _line(sign: str, style: str, does: str, what: str, facts: str, paper: Paper) -> list[Text]:
    """Sign, verb, target and facts in one line; a long target loses its middle.

    Facts are never cut: where the target would have no room beside them they follow below.
    """
    head = paper.joined((f"{paper.sign(sign)} ", style), paper.row(does, "verb"))
    tail = paper.text(facts, "dim")
    shown = paper.row(what)
    room = paper.width - cells(head.plain) - 1
    beside = room - cells(tail.plain) - 1 if facts else room
    if cells(shown.plain) > beside and beside < LEAST:
        line = paper.crop(paper.joined(head, " ", _middle(shown, max(room, 6), paper)))
        return [line, *paper.wrap(tail, paper.text("  "))]
    shown = _middle(shown, max(beside, 6), paper)
    parts = [each for each in (head, shown, tail) if each.plain]
    return [paper.crop(paper.text(" ").join(parts))]


def _middle(text: Text, room: int, paper: Paper) -> Text:
    """Beginning and end of a text that is too wide, more of the beginning."""
    if cells(text.plain) <= room:
        return text
    more = paper.sign("more")
    keep = max(1, room - len(more))
    head = paper.beginning(text, max(1, keep * 2 // 3))
    end = paper.ending(text, max(1, keep - cells(head.plain)))
    return paper.joined(head, more, end)
