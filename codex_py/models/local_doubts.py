"""Pure: why an answer of the small model is not taken at once, and what it is told instead."""

from __future__ import annotations

import re
from dataclasses import replace

from codex_py.core.entries import words
from codex_py.models.local_aims import (
    PRINTS,
    Doubt,
    amiss,
    beyond,
    moving,
    renames,
    renaming,
    suffix,
    unsorted,
)
from codex_py.models.local_checks import idle
from codex_py.models.local_moves import GONE, TEST_FILE, mends, mends_test, named
from codex_py.models.local_scene import CHECK, Scene
from codex_py.models.local_syntax import doubled, gone, late, lost, mute, twice, unreadable
from codex_py.models.local_wanted import (
    IGNORING,
    SETTINGS,
    absent,
    ignored,
    rows,
    values,
)
from codex_py.models.local_words import Action, after

PATIENCE = 5
"""Steps of the model's own in one task, after which it may end it however it likes."""
FAILURES = 4
"""Failed checks of one task after which it may end all the same."""
CHANGES = re.compile(
    r"(?:^\W*|[.,;:] |\band )(?:please |now |then |can you |could you |you should )*"
    r"(?:(?:in|at|to) \S+,? )?"
    r"(add|append|bump|call|change|clean|convert|copy|correct|create|cut|decrease|delete|disable|"
    r"drop|edit|enable|extend|extract|fix|format|give|implement|increase|insert|join|keep|let|"
    r"lower|make|merge|move|order|prepend|put|quote|raise|rearrange|remove|rename|reorder|replace|"
    r"repair|reverse|save|set|shorten|sort|split|store|strip|swap|switch|translate|turn|update|"
    r"use|write)\b"
    r"|\b(fix|correct|mend|repair) (it|this|that|the|them)\b|\bshould (be|read|say)\b",
    re.I,
)
MUST = re.compile(r"\b(should|must|has to|needs? to)\b", re.I)
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


def wants_change(asked: str) -> bool:
    """Whether a task is to change something, by its words."""
    if CHANGES.search(asked) is not None:
        return True
    told = mends(asked) or MUST.search(asked) is not None
    return told and QUESTION.search(asked) is None


def asks(asked: str) -> bool:
    """Whether a task is a question and nothing else: no file is to be changed for it."""
    return QUESTION.search(asked) is not None and not wants_change(asked)


def adds(asked: str) -> bool:
    """Whether a task is to add something, and to take nothing away."""
    no = DROPS.search(asked) or RENAMES.search(asked)
    return (ADDS.search(asked) or IGNORING.search(asked)) is not None and no is None


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
    gone_too = beyond(now.asked, named(str((action.given or {}).get("command", "")), now.known))
    if GONE.search(str((action.given or {}).get("command", ""))) and gone_too:
        return Doubt("beyond", f"{gone_too} is to stay where it is.")
    would = after(action, now)
    if would is None:
        return None
    path, content = would
    before = now.views.get(path, "")
    moved, command = moving(now.asked, now.known)
    if moved and path in (moved, command.rpartition(" ")[2]) and not now.changed:
        return Doubt("moves", f"The file itself is to be moved: run {command}", ("write", "edit"))
    if path in now.views and before == content:
        return Doubt("nothing", f"That would change nothing in {path}.")
    if (path, content) in now.past:
        return Doubt("tried", f"{path} was like that before, and it failed.")
    if (path, content) in now.had:
        return Doubt("back", f"{path} was like that before. Keep what is changed, change the rest.")
    if mends_test(now.asked) and path in now.views and _is_the_test(path, now):
        hint = f"{path} is right. Change the file that it tests."
        return Doubt("test", hint, ("write",) if len(now.views) > 1 else (), spared=path)
    if found := amiss(now.asked, path, now.views.get(path), content):
        return found
    kept = rows(now.asked, path, before) if path in now.views else None
    if kept and tuple(content.splitlines()) != kept.kept:
        return Doubt("rows", f"Let a command do it: run {kept.command}", ("write", "edit"))
    return _harm(path, before, content, now)


def _harm(path: str, before: str, content: str, now: Scene) -> Doubt | None:
    """What a new text of a file would break or lose."""
    wrong = unreadable(path, content)
    if wrong and not (before and unreadable(path, before)):
        return Doubt("syntax", wrong.replace("is not right now", "would be broken"))
    name = lost(path, before, content)
    if name and name in [old for old, _ in renames(now.asked)]:
        hint = f"Change the name everywhere: run {renaming(now.asked, [path])}"
        return Doubt("lost", hint, ("write", "edit"))
    if name:
        return Doubt("lost", f"{path} uses {name}, and nothing in it would make it.")
    for each in _missing(now) if path in named(now.asked, [path]) and not now.changed else ():
        if each not in content:
            return Doubt("missing", f"{each} is not in it.")
    if name := mute(path, before, content):
        return Doubt("mute", f"{name} would return nothing. Keep its return.")
    if late(path, before, content):
        return Doubt("late", "Put add_argument before the line with parse_args().")
    if said := twice(path, before, content):
        return Doubt("doubles", f"{said!r} would be there twice.")
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
    passed = any(CHECK.search(each.command) and each.result.ok for each in now.steps)
    if not now.changed and not passed:
        return Doubt("early", _early(now), ("done",))
    for path in named(now.asked, list(now.views)):
        if unsorted(now.asked, path, now.views[path]):
            return Doubt("left", f"{path} is in no order yet.", ("done",))
    for each in _missing(now):
        return Doubt("missing", f"{each} is not there yet.", ("done",))
    bars = ("done", "run", "read", "write")
    option, use = idle(now.asked, now.views)
    if option:
        return Doubt("idle", f"{option} does nothing yet: use {use}.", bars, holding=use)
    for each in _unset(now):
        return Doubt("missing", f"{each} is not there yet.", bars, holding=each)
    for path in named(now.asked, list(now.views)):
        if found := rows(now.asked, path, now.views[path]):
            return Doubt("left", f"{path} still has them. Run {found.command}", ("done",))
    old = _left(now)
    if not old:
        return None
    hint = f"{old} is still there."
    if renames(now.asked):
        paths = now.places or [
            each for each in named(now.asked, now.known) if _word(old, now.views.get(each, ""))
        ]
        hint += f" Run {renaming(now.asked, paths)}" if paths else ""
    return Doubt("left", hint, ("done",))


def _early(now: Scene) -> str:
    """What is said when nothing has been changed: a command may only have printed it."""
    own = [each for each in now.steps if not each.auto]
    printed = own[-1].command if own else ""
    paths = named(printed, now.known)
    places = now.places or [each for each in named(now.asked, now.known) if each in now.views]
    if command := moving(now.asked, now.known)[1]:
        return f"Nothing has been changed yet. Run {command}"
    if renames(now.asked) and places:
        return f"Nothing has been changed yet. Run {renaming(now.asked, places)}"
    if paths and PRINTS.search(printed) and own[-1].result.ok and not mends(now.asked):
        return f"That only printed it; {paths[-1]} is as it was: run {printed} > {paths[-1]}"
    return "Nothing has been changed yet. Do the task."


def _missing(now: Scene) -> list[str]:
    """Words of the task that look like code to be added, and are nowhere yet."""
    if not adds(now.asked):
        return []
    told = [*now.views.values(), *now.known]
    told += [str(each.given) for each in now.steps if each.changed]
    there = "\n".join(told)
    wanted = [each.strip("'\"`") for each in LITERAL.findall(now.asked)]
    return [each for each in wanted if each not in there]


def _unset(now: Scene) -> list[str]:
    """Names and values that a task says are to be in a file, and are not yet."""
    lines = now.views.get(".gitignore")
    if lines is not None and (names := ignored(now.asked)):
        return [each for each in names if each.strip("/") not in lines]
    paths = named(now.asked, now.known)
    if not now.changed or not paths or any(suffix(each) not in SETTINGS for each in paths):
        return []
    # What was there before is told too: "from 3 to 5" is done when only the 5 is left.
    told = [*now.views.values(), *(str(each.given) for each in now.steps if each.changed)]
    told += [words(each.result.parts) for each in now.steps if each.call.name == "read_file"]
    there = "\n".join(told)
    return [each for each in values(now.asked, paths) if absent(each, there)]


def _left(now: Scene) -> str:
    """What a task says to rename, replace or remove, where it is still in a file."""
    pairs = renames(now.asked)
    views = {each: now.views[each] for each in named(now.asked, list(now.views))}
    if pairs:
        old = next(
            (one for one, _ in pairs if any(_word(one, each) for each in views.values())), ""
        )
        return old or next((one for one, _ in pairs if now.places), "")
    match, gone = RENAMES.search(now.asked), REMOVES.search(now.asked)
    old, new = (each.strip("'\"`.,()") for each in match.groups()) if match else ("", "")
    old = gone[1].strip("'\"`.,()") if gone and not match else old
    if not old or (match and old in new) or re.fullmatch(r"\d+", old):
        return ""
    return old if any(_word(old, each) for each in views.values()) else ""


def _word(word: str, content: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", content) is not None


def _is_the_test(path: str, now: Scene) -> bool:
    """Whether a file is the test that is to pass, and not itself what is to be mended."""
    if not TEST_FILE.search(path):
        return False
    rest = re.sub(r"tests? in \S+ fails?\b|\S+ (?:fails?|pass(?:es)?)\b", "", now.asked)
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
