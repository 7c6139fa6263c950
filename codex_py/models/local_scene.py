"""Pure: what the log says of the task at hand: its files, its steps, and what is known of each."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import field

from codex_py.core.entries import Context, Entry, Json, ToolCall, ToolResult, User, words
from codex_py.dataclass import dataclass

AUTO = "auto_"
"""Begins the ids of calls that the rules of local_moves made, not the model."""
WRITES = re.compile(
    r">|\b(mv|cp|rm|mkdir|rmdir|touch|tee|ln|chmod|git|patch|pip|make|truncate)\b"
    r"|\bsed\b.*\s-\w*i|\bsort\b.*\s-o|\bperl\b.*\s-\w*i|-c\b"
)
"""A command that may change something, by its words."""
MISSING = re.compile(r"can't open file|command not found|No module named '?pytest")
"""A check that could not even begin: made up, and not to be insisted on."""
CHECK = re.compile(
    r"\b(pytest|unittest)\b|\bpython3? (-\w+ )*\S+\.py\b|\b(npm|cargo|go|make) (run )?test"
)
SHOWN = re.compile(r"^python3 -c ")
"""A check that was made of the words of a task."""
FINDS = "grep -rnwIF --exclude-dir=.git"
"""How a rule looks for a name in all files."""
NUMBER = re.compile(r"^ *\d+ ", re.M)
PARTIAL = re.compile(r"^\[(lines \d|\d|lines longer|… )", re.M)
REMINDERS = ("Nothing has been changed yet.", "The last command failed.", "You have changed files")


@dataclass(frozen=True, slots=True)
class Step:
    """One call of this task with its result."""

    call: ToolCall
    result: ToolResult
    given: Json

    @property
    def auto(self) -> bool:
        """Whether a rule made it."""
        return self.call.call_id.startswith(AUTO)

    @property
    def command(self) -> str:
        """The command line of a shell call; empty for other calls."""
        return str(self.given.get("command", "")) if self.call.name == "shell" else ""

    @property
    def path(self) -> str:
        """The file of a call that has one."""
        return plain(str(self.given.get("path", "")))

    @property
    def changed(self) -> bool:
        """Whether it may have changed something: edits by their facts, commands by their words."""
        if self.call.name == "shell":
            found = WRITES.search(self.command) is not None
            return self.result.ok and found and not self.auto
        return self.result.ok and bool(self.result.data.get("changes"))

    @property
    def checks(self) -> bool:
        """Whether it ran a test or a program, and could begin."""
        found = CHECK.search(self.command) or (self.auto and SHOWN.search(self.command))
        return bool(found) and not MISSING.search(words(self.result.parts))

    @property
    def finds(self) -> bool:
        """Whether a rule looked for a name in all files."""
        return self.auto and self.command.startswith(FINDS)


@dataclass(slots=True)
class Scene:
    """Where the task stands."""

    asked: str = ""
    """The user's words."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Files of the workspace with their bytes, as they were when the session began."""
    more: bool = False
    """There are more files than are named."""
    steps: list[Step] = field(default_factory=list)
    views: dict[str, str] = field(default_factory=dict)
    """The text of each file that the log tells in whole."""
    past: list[tuple[str, str]] = field(default_factory=list)
    """Files with a text that they had while this task's check failed."""
    had: list[tuple[str, str]] = field(default_factory=list)
    """Files with each text that they had before this task's edits."""
    places: list[str] = field(default_factory=list)
    """Files in which the name was found that a rule looked for last."""
    fresh: bool = False
    """Nothing has been done for the task yet."""

    @property
    def known(self) -> list[str]:
        """Every file that is known to be there."""
        return list(dict.fromkeys((*self.sizes, *self.views)))

    @property
    def changed(self) -> bool:
        """Whether the task has changed anything yet."""
        return any(each.changed for each in self.steps)

    def failing(self) -> Step | None:
        """The newest check of the task, when it failed."""
        newest = next((each for each in reversed(self.steps) if each.checks), None)
        return newest if newest is not None and not newest.result.ok else None


def plain(path: str) -> str:
    """A path as the listing writes it."""
    return posixpath.normpath(path) if path else ""


def is_reminder(said: str) -> bool:
    """Whether a user's entry is one of our own reminders."""
    return said.startswith(REMINDERS)


def scene(entries: Sequence[Entry]) -> Scene:
    """The scene that a projected log, or a turn, ends in."""
    found = Scene()
    calls: dict[str, ToolCall] = {}
    for entry in entries:
        if isinstance(entry, Context) and entry.name == "files":
            found.sizes, found.more = _listed(entry.text)
        elif isinstance(entry, User):
            said = words(entry.parts)
            if not is_reminder(said):
                found.asked, found.steps, found.past, found.fresh = said, [], [], True
                found.places, found.had = [], []
        elif isinstance(entry, ToolCall):
            calls[entry.call_id] = entry
            found.fresh = False
        elif isinstance(entry, ToolResult) and entry.call_id in calls:
            step = Step(calls[entry.call_id], entry, given(calls[entry.call_id]))
            found.steps.append(step)
            if step.checks and not step.result.ok:
                found.past.extend(found.views.items())
            if step.finds:
                lines = words(step.result.parts).splitlines() if step.result.ok else []
                names = [each.partition(":")[0].removeprefix("./") for each in lines]
                found.places = [each for each in dict.fromkeys(names) if each in found.known]
            if step.changed and step.path in found.views:
                found.had.append((step.path, found.views[step.path]))
            _look(found.views, step)
    return found


def given(call: ToolCall) -> Json:
    """The arguments of a call, as far as they are an object."""
    try:
        data = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _listed(text: str) -> tuple[dict[str, int], bool]:
    sizes: dict[str, int] = {}
    for line in text.splitlines():
        size, _, name = line.partition(" ")
        if size.isdigit() and name:
            sizes[name] = int(size)
    return sizes, text.endswith("more")


def _look(views: dict[str, str], step: Step) -> None:
    """What a step tells of the files."""
    path = step.path
    if step.call.name == "shell":
        if WRITES.search(step.command) and not step.auto:
            for name in list(views):
                if posixpath.basename(name) in step.command or "*" in step.command:
                    del views[name]
    elif step.call.name == "read_file" and step.result.ok:
        said = words(step.result.parts)
        if said == f"{step.given.get('path')} is empty.":
            views[path] = ""
        elif not PARTIAL.search(said):
            views[path] = NUMBER.sub("", said) + "\n"
    elif step.call.name == "write_file" and step.result.ok:
        views[path] = str(step.given.get("content", ""))
    elif step.call.name == "edit_file" and step.result.ok:
        old, new = str(step.given.get("old", "")), str(step.given.get("new", ""))
        if views.get(path, "").count(old) == 1:
            views[path] = views[path].replace(old, new)
        else:
            views.pop(path, None)
