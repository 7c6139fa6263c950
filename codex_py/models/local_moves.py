"""Pure: what rules do for the small model: first looks, checks run again, reminders."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Sequence

from codex_py.core.entries import Assistant, Entry, Json, ToolCall, ToolResult, User, words
from codex_py.models.local_aims import renames
from codex_py.models.local_checks import acts, given, helped, shown
from codex_py.models.local_scene import AUTO, FINDS, Scene, is_reminder, scene
from codex_py.models.local_wanted import IGNORING

FILES = 3
"""Files that are read at once before the model is asked."""
SMALL = 2_500
"""Bytes of those files together; a file more is left for the model to ask for."""
CHECKS = 4
"""How often a failing check is run again by itself."""
TEST_FILE = re.compile(r"(^|/)(test_\w+|\w+_test)\.py$")
TESTING = re.compile(r"\b(unit ?)?tests?\b|\btest_\w+", re.I)
MENDING = re.compile(r"\b(fix|fail\w*|mend|repair|pass|broken|bug|wrong|red|green)\b", re.I)
CLAIM = re.compile(
    r"\b(fixed|changed|updated|added|created|renamed|wrote|written|replaced|set|removed|deleted|"
    r"appended|sorted|moved|copied|corrected|made|now passes|passes now|has been|is now)\b",
    re.I,
)
CRASHES = re.compile(
    r"\b(crash\w*|traceback|exception|(gives|raises|throws) an? \w*error|does ?n[o']t run)\b",
    re.I,
)
WRONG = re.compile(
    r"(?<!raise )\b(?:stops|dies|ends|exits|fails|breaks) (?:with|on|for)\b"
    r"|\)`?(?: (?:in|of|from) \S+)? (?:gives|returns|yields|prints|is) .*\b(?:should|must)\b"
    r"|\)`?(?: (?:in|of|from) \S+)? (?:gives|returns|yields|prints|is) .*\binstead\b"
    r"|\)`?(?: (?:in|of|from) \S+)? (?:should|must) .*\b(?:but|not|fix|correct|wrong|bug)\b",
    re.I,
)
GONE = re.compile(r"\b(mv|rm|rmdir|git)\b")
"""A command after which a file may be elsewhere, or nowhere."""
ANEW = re.compile(r"&& mv \S+ \S+$")
RUNNERS = (
    ("Cargo.toml", "cargo test"),
    ("go.mod", "go test ./..."),
    ("package.json", "npm test"),
)

UNCHANGED = "Nothing has been changed yet. Use a tool to do the task."
FAILING = "The last command failed. Find out why, correct it and run it again."


def moves(entries: Sequence[Entry]) -> tuple[tuple[str, Json], ...]:
    """Calls to make before the model is asked again; none when it is the model's turn."""
    now = scene(entries)
    if now.fresh:
        return tuple(("read_file", {"path": each}) for each in first_looks(now))
    if not entries or not isinstance(entries[-1], ToolResult) or not now.steps:
        return ()
    last = now.steps[-1]
    names = renames(now.asked)
    if names and len(now.sizes) > 1 and not now.more:
        looked = [place for place, each in enumerate(now.steps) if each.finds]
        changed = [place for place, each in enumerate(now.steps) if each.changed]
        if not looked or (changed and changed[-1] > looked[-1] and now.places):
            sought = " ".join(f"-e {shlex.quote(old)}" for old, _ in names if old not in now.known)
            looking = (("shell", {"command": f"{FINDS} {sought} ."}),) if sought else ()
            return (*_again(now), *looking) if looking else _again(now)
    if mends(now.asked) and all(each.auto for each in now.steps):
        command = check(now)
        ran = any(each.call.name == "shell" for each in now.steps)
        return (("shell", {"command": command}),) if command and not ran else ()
    failing = now.failing()
    if last.changed and last.call.name != "shell" and failing is not None:
        times = sum(each.command == failing.command for each in now.steps)
        if times <= CHECKS:
            return (("shell", {"command": failing.command}),)
    if last.changed and failing is None and (command := proof(now)):
        return (*_again(now), ("shell", {"command": command}))
    return _again(now)


def _again(now: Scene) -> tuple[tuple[str, Json], ...]:
    """Files to read again, that a command has changed."""
    last = now.steps[-1]
    # A file that was made anew beside the old one and took its place is still there.
    if last.call.name != "shell" or not last.changed or GONE.search(ANEW.sub("", last.command)):
        return ()
    return tuple(
        ("read_file", {"path": each})
        for each in named(last.command, now.sizes)[:FILES]
        if each not in now.views and now.sizes[each] <= SMALL
    )


def proof(now: Scene) -> str:
    """A command that shows whether what a task tells of a call or an option holds now."""
    if mends_test(now.asked):
        return ""
    return shown(now.asked, now.views) or helped(now.asked, now.views)


def first_looks(now: Scene) -> list[str]:
    """The files that a task plainly is about, in so far as they are small."""
    names = named(now.asked, now.sizes)
    if IGNORING.search(now.asked) and ".gitignore" in now.sizes:
        names = [".gitignore"]
    if mends_test(now.asked):
        tests = [each for each in names if TEST_FILE.search(each)]
        tests = tests or [each for each in now.sizes if TEST_FILE.search(each)][:2]
        names = list(
            dict.fromkeys((*names, *(each for t in tests for each in _tested(t, now)), *tests))
        )
    elif not names and not now.more:
        names = [each for each in now.sizes if not each.startswith(".")]
        if len(names) > FILES or sum(now.sizes[each] for each in names) > SMALL:
            return []
    found: list[str] = []
    room = SMALL
    for each in names[:FILES]:
        if now.sizes[each] <= room:
            room -= now.sizes[each]
            found.append(each)
    return found


def named(said: str, names: Sequence[str] | dict[str, int]) -> list[str]:
    """The files whose path or name stands in some words."""
    found = []
    for each in names:
        for form in (each, posixpath.basename(each)):
            if re.search(rf"(?<![\w/.-]){re.escape(form)}(?![\w/-])", said):
                found.append(each)
                break
    return found


def _tested(test: str, now: Scene) -> list[str]:
    """The files that a test's name says it tests."""
    base = posixpath.basename(test).removesuffix(".py")
    base = base.removeprefix("test_") if base.startswith("test_") else base.removesuffix("_test")
    return [each for each in now.sizes if posixpath.basename(each) == f"{base}.py"]


def mends(asked: str) -> bool:
    """Whether a task is to mend what can be run to see that it fails."""
    return mends_test(asked) or CRASHES.search(asked) is not None or WRONG.search(asked) is not None


def mends_test(asked: str) -> bool:
    """Whether a task is to make a failing test pass."""
    return TESTING.search(asked) is not None and MENDING.search(asked) is not None


def check(now: Scene) -> str:
    """The command that shows whether a task is done; empty when none is known."""
    if not mends_test(now.asked):
        if told := given(now.asked, now.sizes) or shown(now.asked, now.views):
            return told
        scripts = [
            each for each in named(now.asked, list(now.views)) if acts(each, now.views[each])
        ]
        return f"python3 {scripts[0]}" if scripts else ""
    tests = [each for each in now.views if TEST_FILE.search(each)]
    if not tests:
        return next((each for name, each in RUNNERS if name in now.sizes), "")
    test, content = tests[0], now.views[tests[0]]
    where = "PYTHONPATH=. " if "/" in test else ""
    if "__main__" in content or "unittest.main(" in content:
        return f"{where}python3 {test}"
    if "import pytest" in content or re.search(r"^def test", content, re.M):
        return f"{where}python3 -m pytest -q {test}"
    return f"python3 -m unittest {test}" if "unittest" in content else f"{where}python3 {test}"


def nudge(turn: Sequence[Entry]) -> str:
    """A reminder when the facts of the turn belie the model's last words; else nothing."""
    given = [words(each.parts) for each in turn if isinstance(each, User)]
    given = [each for each in given if is_reminder(each)]
    now = scene(turn)
    if len(given) >= 2:
        return ""
    if now.failing() is not None:
        return FAILING if FAILING not in given else ""
    last = next((entry.text for entry in reversed(turn) if isinstance(entry, Assistant)), "")
    refused = bool(now.steps) and now.steps[-1].call.name.endswith("_file")
    refused = refused and not now.steps[-1].result.ok
    claims = CLAIM.search(last) is not None or refused
    return UNCHANGED if claims and UNCHANGED not in given and not now.changed else ""


def automatic(found: tuple[tuple[str, Json], ...], place: int) -> list[ToolCall]:
    """Calls made by a rule."""
    return [
        ToolCall(call_id=f"{AUTO}{place}_{number}", name=name, arguments=json.dumps(given))
        for number, (name, given) in enumerate(found)
    ]
