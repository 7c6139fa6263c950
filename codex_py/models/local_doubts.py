"""Pure: why an answer of the small model is not taken at once, and what it is told instead."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from codex_py.models.local_moves import TEST_FILE, mends, mends_test, named
from codex_py.models.local_scene import Scene
from codex_py.models.local_syntax import doubled, gone, lost, mute, unreadable
from codex_py.models.local_words import Action, after

PATIENCE = 5
"""Steps of the model's own in one task, after which it may end it however it likes."""
FAILURES = 4
"""Failed checks of one task after which it may end all the same."""
CHANGES = re.compile(
    r"(?:^\W*|[.,;:] |\band )(?:please |now |then |can you |could you |you should )*"
    r"(?:(?:in|at|to) \S+,? )?"
    r"(add|append|change|convert|copy|correct|create|delete|drop|edit|fix|give|implement|insert|"
    r"make|move|put|remove|rename|replace|repair|set|sort|swap|turn|update|write)\b"
    r"|\b(fix|correct|mend|repair) (it|this|that|the|them)\b|\bshould (be|read|say)\b",
    re.I,
)
QUESTION = re.compile(r"^\W*(what|which|why|how|who|where|when|is|are|do|does|did)\b", re.I)
KEEPING = ("missing", "drops", "mute", "doubles", "lost")
"""Doubts that are met, where something is to be added, by letting the model only add."""
HARMLESS = ("nothing", "same", "shape", "missing", "syntax")
"""Doubts in the order in which an answer is taken after all, when none is without."""
ADDS = re.compile(r"\b(add|append|insert|put|implement|write|create)\b", re.I)
DROPS = re.compile(r"\b(remove|delete|drop|clear|empty|shorten|replace|rewrite|move)\b", re.I)
LITERAL = re.compile(r"(?<!\w)(--[a-z][\w-]*|[A-Za-z_]\w*(?=\()|'[^']+'|\"[^\"]+\"|`[^`]+`)")
RENAMES = re.compile(r"\b(?:rename|replace)\b.*?(\S+) (?:to|by|with|into) (\S+)", re.I)

REMOVES = re.compile(
    r"\b(?:remove|delete|drop)\b.*?\b(?:key|function|class|method|field|option|setting|variable|"
    r"constant|section|entry|word|line)\s+(\S+)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an answer is not taken; the model is asked again with a hint."""

    why: str
    hint: str = ""
    bars: tuple[str, ...] = ()
    """Kinds of action that the next answer may not be of."""
    insert: bool = False
    """The next answer may only add lines."""


def wants_change(asked: str) -> bool:
    """Whether a task is to change something, by its words."""
    if CHANGES.search(asked) is not None:
        return True
    return mends(asked) and QUESTION.search(asked) is None


def adds(asked: str) -> bool:
    """Whether a task is to add something, and to take nothing away."""
    no = DROPS.search(asked) or RENAMES.search(asked)
    return ADDS.search(asked) is not None and no is None


def doubt(action: Action | None, now: Scene) -> Doubt | None:
    """What speaks against an answer, by the facts of the log; None when nothing does."""
    found = _doubt(action, now)
    if found is not None and found.why in KEEPING and adds(now.asked) and action is not None:
        if action.kind in ("edit", "write") and (action.given or {}).get("path") in now.views:
            return replace(found, insert=True)
    return found


def _doubt(action: Action | None, now: Scene) -> Doubt | None:
    if action is None:
        return Doubt("shape")
    if action.kind == "done":
        return _unfinished(now)
    if _repeats(action, now):
        return Doubt("same", "That was done already. Do something else.")
    found = after(action, now)
    if found is None:
        return None
    path, content = found
    before = now.views.get(path, "")
    if path in now.views and before == content:
        return Doubt("nothing", f"That would change nothing in {path}.")
    if (path, content) in now.past:
        return Doubt("tried", f"{path} was like that before, and it failed.")
    if mends_test(now.asked) and path in now.views and _is_the_test(path, now):
        return Doubt("test", f"{path} is right. Change the file that it tests.")
    wrong = unreadable(path, content)
    if wrong and not (before and unreadable(path, before)):
        return Doubt("syntax", wrong.replace("is not right now", "would be broken"))
    if name := lost(path, before, content):
        return Doubt("lost", f"{path} uses {name}, and nothing in it would make it.")
    for each in _missing(now) if path in named(now.asked, [path]) and not now.changed else ():
        if each not in content:
            return Doubt("missing", f"{each} is not in it.")
    if name := mute(path, before, content):
        return Doubt("mute", f"{name} would return nothing. Keep its return.")
    if name := doubled(path, before, content):
        return Doubt("doubles", f"{name} would be there twice. Change the one that is there.")
    if adds(now.asked) and (name := gone(path, before, content)):
        return Doubt("drops", f"That would take {name!r} away. Keep it, and add to it.")
    if _drops(before, content) and not DROPS.search(now.asked):
        return Doubt("drops", f"That would drop most of {path}. Keep its other lines.")
    return None


def _unfinished(now: Scene) -> Doubt | None:
    """What is still to do when the model says that it is done."""
    failing = now.failing()
    if failing is not None and (now.changed or wants_change(now.asked)):
        failed = sum(each.checks and not each.result.ok for each in now.steps)
        said = f"`{failing.command}` still fails."
        return Doubt("failing", said, ("done",)) if failed <= FAILURES else None
    if not wants_change(now.asked) or sum(not each.auto for each in now.steps) > PATIENCE:
        return None
    passed = any(each.checks and each.result.ok for each in now.steps)
    if not now.changed and not passed:
        return Doubt("early", "Nothing has been changed yet. Do the task.", ("done",))
    for each in _missing(now):
        return Doubt("missing", f"{each} is not there yet.", ("done",))
    old = _left(now)
    return Doubt("left", f"{old} is still there.", ("done",)) if old else None


def _missing(now: Scene) -> list[str]:
    """Words of the task that look like code to be added, and are nowhere yet."""
    if not adds(now.asked):
        return []
    told = [*now.views.values(), *now.known]
    told += [str(each.given) for each in now.steps if each.changed]
    there = "\n".join(told)
    wanted = [each.strip("'\"`") for each in LITERAL.findall(now.asked)]
    return [each for each in wanted if each not in there]


def _left(now: Scene) -> str:
    """What a task says to rename or replace, where it is still in a file that the task names."""
    match, gone = RENAMES.search(now.asked), REMOVES.search(now.asked)
    old, new = (each.strip("'\"`.,()") for each in match.groups()) if match else ("", "")
    old = gone[1].strip("'\"`.,()") if gone and not match else old
    if not old or (match and old in new) or re.fullmatch(r"\d+", old):
        return ""
    there = [now.views[each] for each in named(now.asked, list(now.views))]
    found = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)")
    return old if any(found.search(each) for each in there) else ""


def _is_the_test(path: str, now: Scene) -> bool:
    """Whether a file is the test that is to pass, and not itself what is to be mended."""
    if not TEST_FILE.search(path):
        return False
    rest = re.sub(r"tests? in \S+ fails?\b|\S+ fails?\b", "", now.asked)
    return path not in named(rest, [path])


def _drops(before: str, content: str) -> bool:
    old = [line for line in before.splitlines() if line.strip()]
    new = set(content.splitlines())
    return len(old) >= 4 and sum(line in new for line in old) < len(old) / 2


def _repeats(action: Action, now: Scene) -> bool:
    for step in reversed(now.steps):
        if step.changed and step.call.name != "shell":
            return False
        if step.call.name == action.tool and step.given == action.given:
            return True
    return False
