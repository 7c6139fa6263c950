"""Pure: how the small embedded model is asked: its words, tools, examples and reminders."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace

from codex_py.core.entries import (
    Assistant,
    Context,
    Entry,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    User,
    words,
)
from codex_py.core.request import Request, ToolSpec
from codex_py.core.truncate import truncate
from codex_py.models.chat_body import relaxed
from codex_py.prompts import text

INSTRUCTIONS = (
    "You are a coding agent working in a directory. Use the tools to do what the user asks; do "
    "not guess. When it is done, answer the user in one short sentence."
)
TOOLS = ("shell", "read_file", "write_file", "edit_file")
MAX_STEPS = 12
LONGEST = 1024
"""Tokens of one answer: enough to write a file of about 100 lines."""
SHOWN = 3_000
"""Characters of one tool result; the model reads about 100 a second."""

FILES = 40
"""Names of files that are told with a task."""

DESCRIPTIONS = {
    "shell": "Run a shell command.",
    "read_file": "Read a file.",
    "write_file": "Write a whole file.",
    "edit_file": "Replace a piece of text in a file.",
}

UNCHANGED = "Nothing has been changed yet. Use a tool to do the task."
FAILING = "The last command failed. Find out why, correct it and run it again."
UNCHECKED = "You have changed files since `{command}` failed. Run it again."
PREFIX = "New task: "
CLAIM = re.compile(
    r"\b(fixed|changed|updated|added|created|renamed|wrote|written|replaced|set|removed|deleted|"
    r"appended|sorted|moved|copied|corrected|made|now passes|passes now|has been|is now)\b",
    re.I,
)
NUMBER = re.compile(r"^ *\d+ ", re.M)
WRITES = re.compile(
    r">|\b(mv|cp|rm|mkdir|touch|tee|ln|chmod|git|patch|pip|make)\b|\bsed\b.*-i|\bsort\b.*-o|-c\b"
)
MISSING = re.compile(r"can't open file|command not found|No module named")
"""A check that could not even begin: made up, and not to be insisted on."""
CHECK = re.compile(r"\b(pytest|unittest|test_\w+|\w+_test|tests?)\b|\bpython3? ")


def shaped(request: Request) -> Request:
    """The request as this model is asked: examples first, then the log in their style."""
    entries = [*examples(), *(_plain(request.input))]
    settings = replace(
        request.settings,
        temperature=temperature(request.input),
        max_output_tokens=min(request.settings.max_output_tokens or LONGEST, LONGEST),
        parallel=False,
    )
    tools = tuple(slim(each) for each in request.tools)
    return replace(request, input=tuple(entries), tools=tools, settings=settings)


def temperature(entries: Sequence[Entry]) -> float:
    """0, but more with every check that fails again: else the same wrong file comes again."""
    starts = [
        place
        for place, entry in enumerate(entries)
        if isinstance(entry, User) and not _is_reminder(words(entry.parts))
    ]
    failed = sum(
        call.name == "shell" and not result.ok and CHECK.search(call.arguments) is not None
        for call, result in _results(entries[starts[-1] if starts else 0 :])
    )
    return min(0.9, 0.3 * max(0, failed - 1))


def opening(request: Request) -> Request:
    """The part of a shaped request that all conversations share; one token of answer."""
    settings = replace(request.settings, max_output_tokens=1)
    shared = (*examples(), User(parts=(Text(PREFIX),)))
    return replace(request, input=shared, settings=settings)


def fingerprint(request: Request, model: str) -> str:
    """A name for the state of a model that has read a request; changes with every word of it."""
    told = [model, text("local_template.jinja"), request.instructions]
    told += [repr(each) for each in (*request.tools, *request.input)]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:32]


def slim(spec: ToolSpec) -> ToolSpec:
    """A tool with what must be given alone: each option more is one more to get wrong."""
    schema = relaxed(spec.schema)
    kept = {
        name: {key: value for key, value in each.items() if key != "description"}
        for name, each in schema["properties"].items()
        if name in schema["required"]
    }
    description = DESCRIPTIONS.get(spec.name, spec.description)
    plain = {"type": "object", "properties": kept, "required": list(kept)}
    return ToolSpec(spec.name, description, plain)


def examples() -> list[Entry]:
    """The worked examples as history."""
    found: list[Entry] = []
    for number, item in enumerate(json.loads(text("local_examples.json"))):
        if "user" in item:
            found.append(User(parts=(Text(_task(item["user"], item["files"])),)))
        elif "call" in item:
            arguments = json.dumps(item["arguments"])
            found.append(
                ToolCall(call_id=f"example_{number}", name=item["call"], arguments=arguments)
            )
        elif "result" in item:
            call_id = f"example_{number - 1}"
            found.append(ToolResult(call_id=call_id, ok=True, parts=(Text(item["result"]),)))
        else:
            found.append(Assistant(text=item["assistant"]))
    return found


def files(names: Sequence[str]) -> Context:
    """The names of the workspace's files, as this model is told them with each task."""
    shown = " ".join(names[:FILES])
    more = f" and {len(names) - FILES} more" if len(names) > FILES else ""
    return Context(name="files", text=shown + more)


def _task(said: str, names: str) -> str:
    return f"{PREFIX}{said}\nFiles: {names or 'none'}"


def _plain(entries: Sequence[Entry]) -> list[Entry]:
    found: list[Entry] = []
    names: dict[str, str] = {}
    listed = ""
    for entry in entries:
        if isinstance(entry, Context) and entry.name == "files":
            listed = entry.text
        if isinstance(entry, (Context, Reasoning)):
            continue
        if isinstance(entry, User):
            said = words(entry.parts)
            told = said if _is_reminder(said) else _task(said, listed)
            entry = replace(entry, parts=(Text(told),))
        elif isinstance(entry, ToolCall):
            names[entry.call_id] = entry.name
        elif isinstance(entry, ToolResult):
            said = words(entry.parts)
            if entry.ok and names.get(entry.call_id) == "read_file":
                # The model would copy the numbers into its edits.
                said = NUMBER.sub("", said)
            entry = replace(entry, parts=(Text(truncate(said, SHOWN)),))
        found.append(entry)
    return found


def _is_reminder(said: str) -> bool:
    return said in (UNCHANGED, FAILING) or said.startswith(UNCHECKED.partition("{")[0])


def nudge(turn: Sequence[Entry]) -> str:
    """A reminder when the facts of the turn belie the model's last words; else nothing."""
    said = [words(entry.parts) for entry in turn if isinstance(entry, User)]
    given = [each for each in said if _is_reminder(each)]
    if len(given) >= 3:
        return ""
    results = _results(turn)
    failed = _failed_check(results)
    if failed is not None:
        command, changed_since = failed
        told = UNCHECKED.format(command=command) if changed_since else FAILING
        return told if given.count(told) < 2 else ""
    last = next((entry.text for entry in reversed(turn) if isinstance(entry, Assistant)), "")
    claims = CLAIM.search(last) is not None or "```" in last or _refused_edit(results)
    if claims and UNCHANGED not in given and not any(_changes(*each) for each in results):
        return UNCHANGED
    return ""


def _results(turn: Sequence[Entry]) -> list[tuple[ToolCall, ToolResult]]:
    calls = {entry.call_id: entry for entry in turn if isinstance(entry, ToolCall)}
    return [
        (calls[entry.call_id], entry)
        for entry in turn
        if isinstance(entry, ToolResult) and entry.call_id in calls
    ]


def _changes(call: ToolCall, result: ToolResult) -> bool:
    """Whether a call may have changed something: edits by their facts, commands by their words."""
    if call.name == "shell":
        return result.ok and WRITES.search(str(result.data.get("command", ""))) is not None
    return result.ok and bool(result.data.get("changes"))


def _refused_edit(results: Sequence[tuple[ToolCall, ToolResult]]) -> bool:
    """Whether the last call was an edit that was not made."""
    return bool(results) and results[-1][0].name.endswith("_file") and not results[-1][1].ok


def _failed_check(results: Sequence[tuple[ToolCall, ToolResult]]) -> tuple[str, bool] | None:
    """The newest test command that failed, and whether files were changed since."""
    for place in range(len(results) - 1, -1, -1):
        call, result = results[place]
        command, said = str(result.data.get("command", "")), words(result.parts)
        if call.name == "shell" and CHECK.search(command) and not MISSING.search(said):
            if result.ok:
                return None
            return command, any(_changes(*each) for each in results[place + 1 :])
    return None
