"""Pure: what a model does again and again with the same outcome, found in a turn's entries.

Four kinds: the same call with the same result; a few calls in turn with the same results; the
same failing test with the same error, run after run; an edit of one file that keeps failing. The
model is told at three, and the turn ends as stuck at six. A user's message begins the count anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from codex_py.core.entries import Decision, Entry, Sampled, ToolCall, ToolResult, User, words
from codex_py.dataclass import dataclass

TO_WARN = 3
TO_STOP = 6
EDITS = frozenset({"apply_patch", "edit_file", "write_file"})
WAITS = re.compile(r"\b(?:sleep|wait|timeout|until|while|watch|inotifywait)\b")
"""Commands that wait for something: the same answer again is what waiting looks like."""
PATIENCE = 3
"""A call that waits may repeat itself this many times as often."""
LARGEST = 4
"""Calls of a round that is noticed when it comes again."""
LOOK = 300
"""Finished calls that are looked back over: what lies further back is no circle."""
UNMADE = "the call cannot be made"
"""The reason in a decision about a call that could not even be read (settle.py)."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Something that repeats. `newest`: the turn's last result is part of it."""

    count: int
    newest: bool
    what: str
    tried: str
    note: str


@dataclass(frozen=True, slots=True)
class _Done:
    """A finished call. `denied`: it was refused, not run."""

    call: ToolCall
    result: ToolResult
    denied: bool


def found(turn: Sequence[Entry]) -> list[Loop]:
    """Every loop that the newest calls are in, the plainest first."""
    done = _done(turn)
    loops = (_same_call(done), _same_round(done), _same_failure(done), _failing_edit(done))
    return [each for each in loops if each is not None]


def _done(turn: Sequence[Entry]) -> list[_Done]:
    """The finished calls since the user last said something, oldest first."""
    results: list[ToolResult] = []
    calls: dict[str, ToolCall] = {}
    denied: set[str] = set()
    for entry in reversed(turn):
        if isinstance(entry, ToolResult):
            results.append(entry)
        elif isinstance(entry, ToolCall):
            calls[entry.call_id] = entry
        elif isinstance(entry, Decision) and entry.verdict == "deny" and entry.reason != UNMADE:
            denied.add(entry.call_id)
        elif (isinstance(entry, User) and results) or (
            len(results) >= LOOK and isinstance(entry, Sampled)
        ):
            break
    return [
        _Done(calls[each.call_id], each, each.call_id in denied)
        for each in reversed(results)
        if each.call_id in calls
    ]


def _same_call(done: Sequence[_Done]) -> Loop | None:
    if not done:
        return None
    call, count = done[-1].call, 0
    shape = _shape(done[-1])
    for each in reversed(done):
        if _shape(each) != shape:
            break
        count += 1
    if done[-1].result.data.get("running"):
        return None  # a process that still runs is asked how it goes
    if call.name == "shell" and WAITS.search(call.arguments):
        count //= PATIENCE
    return Loop(
        count,
        True,
        f"the model made the same {call.name} call {count} times in a row",
        f"{call.name} {_subject(call)}".strip(),
        f"[This {call.name} call gave the same result {count} times in a row. Repeating it will "
        "not help: change something, gather new evidence, or say what stands in the way.]",
    )


def _same_round(done: Sequence[_Done]) -> Loop | None:
    """A few calls that come again and again in the same order, each with the same result."""
    for size in range(2, LARGEST + 1):
        again = 0
        while again + size < len(done) and _shape(done[-1 - again]) == _shape(
            done[-1 - again - size]
        ):
            again += 1
        round_ = done[len(done) - size :]
        count = again // size + 1
        if count < TO_WARN or any(each.result.data.get("running") for each in round_):
            continue
        if any(each.call.name == "shell" and WAITS.search(each.call.arguments) for each in round_):
            count //= PATIENCE
        names = ", ".join(f"{each.call.name} {_subject(each.call)}".strip() for each in round_)
        return Loop(
            count,
            True,
            f"the model made the same {size} calls {count} times in turn",
            names,
            f"[This round of {size} calls gave the same results {count} times: {names}. Repeating "
            "it will not help: change something, gather new evidence, or say what stands in the "
            "way.]",
        )
    return None


def _shape(each: _Done) -> tuple[str, str, str]:
    return each.call.name, each.call.arguments, _outcome(each.result)


def _outcome(result: ToolResult) -> str:
    same = result.data.get("same")
    if isinstance(same, str):
        return same
    text = words(result.parts)
    place = text.rfind("\n[This ")
    return text if place < 0 else text[:place]


def _same_failure(done: Sequence[_Done]) -> Loop | None:
    if len(done) < TO_WARN:
        return None
    from codex_py.core.failures import failure, ran_tests  # late: compiles 20 patterns

    first, count, newest = None, 0, False
    between: list[_Done] = []
    held: list[_Done] = []
    for each in reversed(done):
        if not ran_tests(each.call, each.result):
            held.append(each)
            continue
        now = failure(each.result)
        if now is None or (first is not None and now != first):
            break
        if first is None:
            first, newest = now, not held
        else:
            between += held
        held, count = [], count + 1
    if first is None or count < TO_WARN:
        return None
    edits = _counted(
        [
            _subject(each.call)
            for each in reversed(between)
            if each.call.name in EDITS and each.result.ok
        ]
    )
    after = f" after edits of {edits}" if edits else ""
    return Loop(
        count,
        newest,
        f"{first.spoken} failed {count} times with the same error",
        edits or "no edit",
        f"[This failure came {count} times, unchanged{after}: {first.spoken}. Another edit of "
        "the same kind will not help: gather new evidence first (run that test alone, print the "
        "values it compares, read the code that raises), or say what stands in the way.]",
    )


def _failing_edit(done: Sequence[_Done]) -> Loop | None:
    target, count, newest, why = "", 0, False, ""
    for place, each in enumerate(reversed(done)):
        if each.call.name not in EDITS or each.denied:
            continue
        subject = _subject(each.call)
        if not target:
            if each.result.ok:
                return None
            target, newest, why = subject, place == 0, words(each.result.parts).split("\n")[0]
        if subject != target:
            continue
        if each.result.ok:
            break
        count += 1
    if count < TO_WARN:
        return None
    name = target or "the file"
    return Loop(
        count,
        newest,
        f"an edit of {name} failed {count} times",
        f"edits of {name}, the last refused with: {why[:200]}",
        f"[This is the edit of {name} that failed {count} times. Read the file again and copy "
        "the lines exactly as they are now, make a smaller edit, or say what stands in the way.]",
    )


def _counted(names: Sequence[str]) -> str:
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    return ", ".join(f"{name} ({n}x)" if n > 1 else name for name, n in counts.items())


PATCHED = re.compile(r"\*\*\* (?:Add|Update|Delete) File: ([^\n\\\"]+)")


def _subject(call: ToolCall) -> str:
    """What a call is about: the file of an edit, the command of a shell call."""
    patched = list(dict.fromkeys(PATCHED.findall(call.arguments)))
    if patched:
        return ", ".join(each.strip() for each in patched[:4])
    try:
        given = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(given, dict):
        return ""
    for key in ("path", "file", "command", "pattern"):
        if isinstance(given.get(key), str):
            return " ".join(given[key].split())[:120]
    return ""
