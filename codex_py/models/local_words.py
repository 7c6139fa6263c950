"""Pure: the plain words in which the small model is told of a log, and answers with one action."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from codex_py.core.entries import (
    Assistant,
    Context,
    Entry,
    Json,
    ToolCall,
    ToolResult,
    User,
    words,
)
from codex_py.core.truncate import truncate
from codex_py.dataclass import dataclass
from codex_py.models.local_repairs import narrowed, placed, repaired, settled, widened
from codex_py.models.local_scene import AUTO, NUMBER, Scene, given, is_reminder, scene
from codex_py.models.local_syntax import unreadable
from codex_py.models.local_traces import broke
from codex_py.prompts import text

SHOWN = 3_000
"""Characters of one tool result; the model reads about 100 a second."""
NAMES = 40
"""Names of files that are told with a task."""
TOOLS = {"read": "read_file", "run": "shell", "write": "write_file", "edit": "edit_file"}
WRITE = re.compile(r"write (?P<path>[^\n]+)\n```[^\n]*\n(?P<content>.*?)```\s*\Z", re.S)
EDIT = re.compile(
    r"edit (?P<path>[^\n]+)\n<<<<<<< old\n(?P<old>.*?)=======\n(?P<new>.*?)>>>>>>> new\s*\Z", re.S
)


@dataclass(frozen=True, slots=True)
class Action:
    """What an answer says: a call, or the last words."""

    kind: str
    """`read`, `run`, `write`, `edit` or `done`."""
    text: str = ""
    """The words of `done`."""
    given: Json | None = None
    """The arguments of the call."""

    @property
    def tool(self) -> str:
        """The tool that is called."""
        return TOOLS.get(self.kind, "")


def messages(instructions: str, entries: Sequence[Entry]) -> list[Json]:
    """The conversation: the instructions, the worked examples, then the log in their style."""
    found: list[Json] = [{"role": "system", "content": instructions}, *examples()]
    told: list[Json] = []
    anew, entries = _anew(entries)
    calls: dict[str, ToolCall] = {}
    listed: Context | None = None
    for place, entry in enumerate(entries):
        if isinstance(entry, Context) and entry.name == "files":
            listed = entry
        elif isinstance(entry, User):
            said = words(entry.parts)
            _add(told, "user", said if is_reminder(said) else task(said, listed))
        elif isinstance(entry, Assistant):
            _add(told, "assistant", f"done {entry.text}")
        elif isinstance(entry, ToolCall):
            calls[entry.call_id] = entry
            if not entry.call_id.startswith(AUTO):
                _add(told, "assistant", written(entry.name, given(entry)))
        elif isinstance(entry, ToolResult) and entry.call_id in calls:
            _add(told, "user", result(calls[entry.call_id], entry, entries[: place + 1]))
    if anew:
        _add(told, "user", anew)
    return found + told


AGAIN = 2
"""Failed checks of a task after which it is told anew: else the first wrong idea stays."""


def _anew(entries: Sequence[Entry]) -> tuple[str, Sequence[Entry]]:
    """What there is to know of a task that failed again and again, and the log up to that task."""
    now = scene(entries)
    failing = now.failing()
    failed = sum(each.checks and not each.result.ok for each in now.steps)
    if failing is None or failed < AGAIN or failing is not now.steps[-1]:
        return "", entries
    starts = [
        place
        for place, each in enumerate(entries)
        if isinstance(each, User) and not is_reminder(words(each.parts))
    ]
    paths = list(dict.fromkeys(each.path for each in now.steps if each.path in now.views))
    told = [f"{each}:\n```\n{truncate(now.views[each].rstrip(), SHOWN)}\n```" for each in paths]
    told.append(result(failing.call, failing.result, entries))
    return "\n\n".join(told), entries[: starts[-1] + 1]


def _add(told: list[Json], role: str, said: str) -> None:
    if told and told[-1]["role"] == role:
        told[-1]["content"] += f"\n\n{said}"
    else:
        told.append({"role": role, "content": said})


def examples() -> list[Json]:
    """The worked examples, as messages: `local_examples.txt`, its parts set off by a line of %."""
    found: list[Json] = []
    for part in text("local_examples.txt").split("\n%")[1:]:
        role, _, said = part.partition("\n")
        found.append({"role": role.strip(), "content": said.rstrip("\n")})
    return found


def task(said: str, listed: Context | None) -> str:
    """A task, with the names of the files that are there."""
    lines = listed.text.splitlines() if listed else []
    names = [line.partition(" ")[2] for line in lines if line.partition(" ")[0].isdigit()]
    more = f" {lines[-1]}" if lines and lines[-1].endswith("more") else ""
    return f"Task: {said}\nFiles: {' '.join(names) or 'none'}{more}"


def written(name: str, arguments: Json) -> str:
    """A call, as an action."""
    path = str(arguments.get("path", ""))
    if name == "shell":
        return f"run {arguments.get('command', '')}"
    if name == "read_file":
        return f"read {path}"
    if name == "write_file":
        return f"write {path}\n```\n{_ended(str(arguments.get('content', '')))}```"
    if name == "edit_file":
        old, new = str(arguments.get("old", "")), str(arguments.get("new", ""))
        return f"edit {path}\n<<<<<<< old\n{_ended(old)}=======\n{_ended(new)}>>>>>>> new"
    return f"{name} {json.dumps(arguments)}"


def _ended(said: str) -> str:
    return said if not said or said.endswith("\n") else f"{said}\n"


def result(call: ToolCall, entry: ToolResult, before: Sequence[Entry]) -> str:
    """What came of a call: for one that a rule made, with what was called."""
    said = words(entry.parts) or "(no output)"
    asked = given(call)
    if call.name == "read_file":
        # The model would copy the numbers into its edits.
        body = truncate(NUMBER.sub("", said) if entry.ok else said, SHOWN)
        return f"{asked.get('path')}:\n```\n{body}\n```" if entry.ok else body
    said = truncate(said, SHOWN)
    if call.name == "shell":
        if said.startswith("Exit code: 0\n"):
            said = said.partition("\n")[2] + "\n(it succeeded)"
        elif place := broke(said, scene(before).views):
            said += f"\n(It broke in line {place.line} of {place.path}: {place.text})"
        return f"$ {asked.get('command')}\n{said}"
    wrong = problem(str(asked.get("path", "")), scene(before)) if entry.ok else ""
    return f"{said}\n{wrong}" if wrong else said


def parsed(answer: str, now: Scene) -> Action | None:
    """The action that an answer is; None when it is none."""
    answer = answer.strip("\n ")
    kind, _, rest = answer.partition(" ")
    if kind == "done" and rest.strip():
        return Action("done", rest.strip())
    if kind in ("read", "run") and rest.strip() and "\n" not in rest.strip():
        name = "path" if kind == "read" else "command"
        said = repaired(rest.strip()) if kind == "run" else rest.strip()
        return Action(kind, given={name: said})
    if match := WRITE.match(answer):
        return Action("write", given=match.groupdict())
    if match := EDIT.match(answer):
        found = match.groupdict()
        if found["old"].removesuffix("\n") and found["old"] not in now.views.get(found["path"], ""):
            # The last line of a file may have no end.
            found = {key: value.removesuffix("\n") for key, value in found.items()}
        before = now.views.get(found["path"], "")
        failed = now.failing()
        told = f"{now.asked}\n{words(failed.result.parts) if failed else ''}"
        found["old"], found["new"] = placed(before, found["old"], found["new"], told)
        found["old"] = widened(before, found["old"], found["new"])
        if before.count(found["old"]) == 1:
            content = before.replace(found["old"], found["new"])
            better = settled(found["path"], before, content)
            if better != content and (edit := narrowed(before, better)):
                found["old"], found["new"] = edit
        return Action("edit", given=found)
    return None


def after(action: Action, now: Scene) -> tuple[str, str] | None:
    """The file that an action would write, and its text then; None when that is not known."""
    asked = action.given or {}
    path = str(asked.get("path", ""))
    if action.kind == "write":
        return path, str(asked["content"])
    if action.kind == "edit" and now.views.get(path, "").count(str(asked["old"])) == 1:
        return path, now.views[path].replace(str(asked["old"]), str(asked["new"]))
    return None


def problem(path: str, now: Scene) -> str:
    """What makes a file unreadable for its own language; empty when nothing is known to."""
    return unreadable(path, now.views.get(path, ""))
