"""Reads a final message for claims: what it says was done, seen or is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codex_py.core.receipt.log.runs import KNOWN
from codex_py.core.receipt.message.figures import figures
from codex_py.core.receipt.message.found import Found, estimate
from codex_py.core.receipt.message.heard import NEVER, heard
from codex_py.core.receipt.message.language import Language, Rule
from codex_py.core.receipt.message.names import ABSENT, ABSENT_AFTER, lead, names, paths
from codex_py.core.receipt.message.prose import Clause, clauses, planned
from codex_py.core.receipt.message.shown import shown

TESTING = re.compile(
    r"\b(?:test(?:s|ing|ed)?|verif\w+|validat\w+|checks?|checked|QA|proof|evidence)\b"
    r"|测试|验证|检查|自测",
    re.IGNORECASE,
)
MARK = re.compile(r"[✅✔☑]|\[x\]")


def find(message: str) -> list[Found]:
    """Every claim, by its place; a stretch of text makes one claim of a kind."""
    found: list[Found] = []
    for clause in clauses(message):
        found += _in_clause(clause)
    found += shown(message)
    found.sort(key=lambda each: (each.start, each.end))
    return _single(found)


def _single(found: list[Found]) -> list[Found]:
    """Without claims that say again what an overlapping one says, the weaker one left out.

    `found` is in order of place, so only those in one stretch of overlapping ones are compared.
    """
    kept: list[Found] = []
    stretch: list[Found] = []
    end = 0
    for each in found:
        if stretch and each.start >= end:
            kept += _strongest(stretch)
            stretch, end = [], 0
        stretch.append(each)
        end = max(end, each.end)
    return kept + _strongest(stretch)


def _strongest(stretch: list[Found]) -> list[Found]:
    kept: list[Found] = []
    for each in sorted(stretch, key=_weight, reverse=True):
        if not any(_same(one, each) for one in kept):
            kept.append(each)
    return sorted(kept, key=lambda each: (each.start, each.end))


def _same(one: Found, other: Found) -> bool:
    if one.start >= other.end or other.start >= one.end:
        return False
    if one.kind == other.kind:
        return one.kind not in ("edited", "exists") or one.target == other.target
    return {one.kind, other.kind} in ({"tests", "count"}, {"time", "count"})


_WEIGHTS = {"all": 6, "count": 4, "suite": 2, "one": 2}
_VERBS = {
    "mark": 5,
    "use": 4,
    "tests": 4,
    "succeed": 3,
    "run": 3,
    "verify": 2,
    "printed": 1,
    "look": 0,
}


def _weight(found: Found) -> int:
    if found.kind == "tests" and found.rule is not None:
        exact = 0 if found.rule.loose else 10
        return exact + _WEIGHTS.get(found.rule.scope, 0) + bool(found.groups.get("count"))
    if found.rule is not None and found.kind in ("count", "time"):
        return (2 if found.kind == "time" else 1) - found.rule.loose
    if found.kind == "ran" and found.rule is not None:
        return _VERBS.get(found.rule.does, 0) - found.rule.loose
    return 0


BLOCK = re.compile(r"^(?: {4,}|\t)\s*(?:\$ )?[\w./-]+ +-")
"""An indented line of commands: flags in it are some program's."""


def _in_clause(clause: Clause) -> Iterator[Found]:
    language = clause.language
    if language.no["question"].search(clause.sentence):
        return
    heading = clause.heading.strip(" #*-:：")
    if heading and planned(heading, language):
        return
    label = re.match(r"[^.。:：\n]{2,24}[:：]", clause.sentence.lstrip(" -*•\t"))
    if label and language.labels.match(label[0].strip(" *")):
        return
    edits = [rule for rule in language.rules if rule.kind == "edited"]
    done: set[str] = set()
    for rule in language.rules:
        if rule.kind in ("edited", "exists"):
            continue
        if rule.whole and not clause.first:
            continue
        where = clause.spread() if rule.whole else clause
        for match in rule.pattern.finditer(where.text):
            made = _made(rule, match, where)
            if made is not None:
                yield made
    yield from _instruments(clause)
    yield from heard(clause)
    yield from figures(clause)
    yield from _edited(edits, clause, done)
    yield from _exists(clause, done)


def _made(rule: Rule, match: re.Match[str], clause: Clause) -> Found | None:
    language = clause.language
    after = AFTER if rule.kind in ("tests", "ran") else 0
    if _said_not(language, clause, match.start(), match.end(), rule.despite, after):
        return None
    if rule.command and not any(
        KNOWN.match(code) or code.startswith("./") for code in clause.commands
    ):
        return None
    if rule.under and not (TESTING.search(clause.heading) or MARK.search(clause.sentence)):
        return None
    if rule.unless is not None and rule.unless.search(clause.text):
        return None
    if rule.near is not None and rule.kind != "hash" and not rule.near.search(clause.around):
        return None
    groups = {key: value for key, value in match.groupdict().items() if value}
    tool = None
    if rule.tool_needed:
        tool = next((each for each in language.tools if each.pattern.search(match[0])), None)
        if tool is None or tool.instrument:
            return None
    elif rule.kind == "ran":
        where = match[0] if rule.does == "succeed" else clause.text
        tool = next((each for each in language.tools if each.pattern.search(where)), None)
    if rule.kind == "hash" and not _is_hash(rule, groups["name"], clause):
        return None
    told = rule.kind == "time" and language.measured.search(clause.text)
    if rule.kind in ("count", "time") and not told and estimate(language, clause, match, groups):
        return None
    start, text = clause.start + match.start(), clause.text[match.start() : match.end()]
    if rule.kind == "ran" and rule.does not in ("succeed", "printed", "mark"):
        start, text = clause.start, clause.text
    front = lead(text)
    groups["at"] = f"{match.start()}-{match.end()}"
    return Found(
        rule.kind,
        text[front:].rstrip(),
        start + front,
        start + len(text.rstrip()),
        rule,
        clause,
        groups,
        tool,
    )


AFTER = 30
"""Letters behind a claim in which a denial still takes it back."""


def _said_not(
    language: Language, clause: Clause, start: int, end: int, despite: str = "", after: int = AFTER
) -> bool:
    """Whether the words around a match make it a plan, a denial, a guess or somebody else's."""
    text = clause.words
    for key in ("plan", "hedged", "told"):
        found = language.no[key].search(text) if key != despite else None
        if found and found.start() <= end - 1 and (found.start() < start or found.end() <= end):
            return True
    if despite == "negated":
        return False
    return any(found.start() < end + after for found in language.no["negated"].finditer(text))


USE = Rule("ran", NEVER, does="use")


def _instruments(clause: Clause) -> Iterator[Found]:
    """Tools that one works with, named as having been used or as having told something."""
    language = clause.language
    for tool in language.tools:
        for match in tool.pattern.finditer(clause.text) if tool.instrument else ():
            front, behind = clause.text[: match.start()], clause.text[match.end() :]
            if _said_not(language, clause, match.start(), match.end()):
                continue
            told = language.observed.match(behind.lstrip(" `'’s")[:60]) or (
                language.observed.search(behind[:32]) and language.beside.search(front)
            )
            if told or (language.beside.search(front) and language.did.search(clause.text)):
                at = lead(clause.text)
                yield Found(
                    "ran",
                    clause.text[at:].rstrip(),
                    clause.start + at,
                    clause.start + len(clause.text.rstrip()),
                    USE,
                    clause,
                    {"at": f"{match.start()}-{match.end()}"},
                    tool,
                )
                return


def _is_hash(rule: Rule, text: str, clause: Clause) -> bool:
    around = f"{clause.before} {clause.sentence}"
    near = rule.near is not None and bool(rule.near.search(around.replace(text, "")))
    return near or len(text) in rule.lengths


def _edited(rules: list[Rule], clause: Clause, done: set[str]) -> Iterator[Found]:
    named = list(paths(clause))
    if not named:
        return
    listed = LISTED.match(clause.sentence) if clause.first else None
    if listed and CHANGES.search(clause.heading or clause.before):
        rules = [*rules, ITEM]
    for rule in rules:
        match = next(iter(rule.pattern.finditer(clause.text)), None)
        if match is None or _said_not(clause.language, clause, match.start(), match.end()):
            continue
        if clause.language.example.search(clause.text[: named[0][0]]):
            continue
        for start, end, path in named:
            if path in done:
                continue
            done.add(path)
            yield Found(
                "edited",
                clause.text[lead(clause.text) :].rstrip(),
                clause.start + lead(clause.text),
                clause.start + len(clause.text.rstrip()),
                rule,
                clause,
                {"verb": match[0].strip(), "at": f"{start}-{end}"},
                target=path,
            )


LISTED = re.compile(r"\s*(?:[-*•+|]|\d+[.)、])\s*\**`[^`]+`\**\s*(?:\([^)]*\)\s*)?(?:[:：—–|-])")
CHANGES = re.compile(
    r"\b(?:chang\w*|updat\w*|modif\w*|edit\w*|what I did|done|fixed|implemented|added|wired"
    r"|here.s what)\b"
    r"|改动|变更|修改|更新|新增|完成|已",
    re.IGNORECASE,
)
ITEM = Rule("edited", re.compile(r"^"), does="listed")
"""`- app.py: retries with a delay`, in a list of what was changed."""


def _exists(clause: Clause, done: set[str]) -> Iterator[Found]:
    language = clause.language
    rules = [rule for rule in language.rules if rule.kind == "exists"]
    verbs = [match for rule in rules for match in rule.pattern.finditer(clause.text)]
    if BLOCK.match(clause.sentence):
        return
    for start, end, target, kind in names(clause):
        before = [match for match in verbs if match.end() <= start]
        verb = before[-1] if before else None
        front, behind = clause.text[:start], clause.text[end:]
        if target in done or _said_not(language, clause, start, end):
            continue
        if ABSENT.search(front) or ABSENT_AFTER.match(behind) or language.example.search(front):
            continue
        done.add(target)
        yield Found(
            "exists",
            clause.text[start:end],
            clause.start + start,
            clause.start + end,
            rules[0],
            clause,
            {"what": kind, "verb": verb[0] if verb else ""},
            target=target,
        )
