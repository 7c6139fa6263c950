"""Reads a final message for claims: what it says was done, seen or is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from codex_py.core.receipt.language import Kind, Language, Rule, languages
from codex_py.core.receipt.prose import CODE, Clause, blocks, clauses

PATH = re.compile(
    r"(?<![\w/.:-])(?:~/|\.{1,2}/|/)?(?:[\w.@+-]+/)*[\w.@+-]*\w\.(?:py|pyi|js|jsx|ts|tsx|mjs|cjs|go|rs|c|h"
    r"|cc|cpp|hpp|java|kt|rb|php|sh|bash|zsh|md|rst|txt|json|toml|yaml|yml|ini|cfg|conf|html|css|scss"
    r"|sql|xml|csv|tsv|lock|svg|png|jpg|jpeg|gif|webp|pdf|ipynb|vue|svelte|swift|cs|lua|pl|r|jl|ex|exs"
    r"|env|log|db|sqlite|proto|tf|gradle|bat|ps1|dockerfile|mk)(?![\w/])",
    re.IGNORECASE,
)
BARE = re.compile(r"^(?:(?:[\w.@+-]+/)+[\w.@+-]*|Makefile|Dockerfile|LICENSE|README|\.\w[\w.-]*)$")
FLAG = re.compile(r"^(?:-\w(?:,\s*|\s*/\s*))?(--[a-z][\w-]+)(?:[= ][^`]*)?$", re.IGNORECASE)
FUNCTION = re.compile(r"^(?:[\w.]+\.)?([A-Za-z_]\w*)\([^`]*\)$")
NAME = re.compile(r"^(?:[\w.]+\.)?([A-Za-z_]\w{2,})$")
NOUN = re.compile(
    r"^\W{0,2}\s*(?:function|method|class|helper|constant|option|flag|setting|module|variable|decorator"
    r"|endpoint|fixture|property|exception|argument|parameter|switch|函数|方法|类|常量|选项|参数|变量|模块|装饰器|异常)",
    re.IGNORECASE,
)
NOUN_BEFORE = re.compile(
    r"(?:function|method|class|helper|constant|option|flag|setting|variable|decorator|fixture|exception"
    r"|函数|方法|类|常量|选项|参数|变量|装饰器|异常)(?:s|\s+(?:named|called))?\s*$",
    re.IGNORECASE,
)
PERSON = re.compile(r"\b(?:I|we)\b|我|本人", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A claim as worded; places are in the whole message."""

    kind: str
    text: str
    start: int
    end: int
    rule: Rule | None
    clause: Clause | None
    groups: dict[str, str] = field(default_factory=dict)
    tool: Kind | None = None
    target: str = ""
    """The file, name or flag it is about."""


def find(message: str) -> list[Found]:
    """Every claim, by its place; a stretch of text makes one claim of a kind."""
    found: list[Found] = []
    for clause in clauses(message):
        found += _in_clause(clause)
    found += _outputs(message)
    found.sort(key=lambda each: (each.start, each.end))
    return _single(found)


def _single(found: list[Found]) -> list[Found]:
    """Without claims that say again what an overlapping one says, the weaker one left out."""
    kept: list[Found] = []
    for each in sorted(found, key=_weight, reverse=True):
        twins = [one for one in kept if _same(one, each)]
        if not twins:
            kept.append(each)
    return sorted(kept, key=lambda each: (each.start, each.end))


def _same(one: Found, other: Found) -> bool:
    if one.start >= other.end or other.start >= one.end:
        return False
    if one.kind == other.kind:
        return one.kind not in ("edited", "exists") or one.target == other.target
    return {one.kind, other.kind} == {"tests", "count"}


_WEIGHTS = {"all": 6, "count": 4, "suite": 2, "one": 2}
_VERBS = {"use": 4, "tests": 4, "succeed": 3, "run": 3, "verify": 2, "printed": 1, "look": 0}


def _weight(found: Found) -> int:
    if found.kind == "tests" and found.rule is not None:
        return 10 + _WEIGHTS.get(found.rule.scope, 0) + bool(found.groups.get("count"))
    if found.kind == "ran" and found.rule is not None:
        return _VERBS.get(found.rule.does, 0)
    return 0


def _in_clause(clause: Clause) -> Iterator[Found]:
    language = clause.language
    if language.no["question"].search(clause.sentence):
        return
    if clause.heading and language.no["plan"].search(clause.heading.strip(" #*-:：")):
        return
    edits = [rule for rule in language.rules if rule.kind == "edited"]
    done: set[str] = set()
    for rule in language.rules:
        if rule.kind in ("edited", "exists"):
            continue
        for match in rule.pattern.finditer(clause.text):
            made = _made(rule, match, clause)
            if made is not None:
                yield made
    yield from _edited(edits, clause, done)
    yield from _exists(clause, done)


def _made(rule: Rule, match: re.Match[str], clause: Clause) -> Found | None:
    language = clause.language
    if _said_not(language, clause, match.start(), match.end()):
        return None
    groups = {key: value for key, value in match.groupdict().items() if value}
    tool = None
    if rule.tool_needed:
        tool = _tool_near(language, clause.text, match.end())
        if tool is None:
            return None
    elif rule.kind == "ran":
        where = match[0] if rule.does == "succeed" else clause.text
        tool = next((each for each in language.tools if each.pattern.search(where)), None)
    if rule.kind == "hash" and not _is_hash(rule, groups["name"], clause):
        return None
    if rule.kind in ("count", "time") and _estimate(language, clause, match, groups):
        return None
    start, text = clause.start + match.start(), clause.text[match.start() : match.end()]
    if rule.kind == "ran" and rule.does not in ("succeed", "printed"):
        start, text = clause.start, clause.text
    lead = _lead(text)
    groups["at"] = f"{match.start()}-{match.end()}"
    return Found(
        rule.kind,
        text[lead:].rstrip(),
        start + lead,
        start + len(text.rstrip()),
        rule,
        clause,
        groups,
        tool,
    )


def _said_not(language: Language, clause: Clause, start: int, end: int) -> bool:
    """Whether the words around a match make it a plan, a denial, a guess or somebody else's."""
    text = clause.text
    for key in ("plan", "hedged", "told"):
        found = language.no[key].search(text)
        if found and found.start() <= end - 1 and (found.start() < start or found.end() <= end):
            return True
    return any(found.start() < end + 30 for found in language.no["negated"].finditer(text))


def _tool_near(language: Language, text: str, at: int) -> Kind | None:
    for each in language.tools:
        found = each.pattern.search(text, at) if each.instrument else None
        if found and found.start() - at <= 24:
            return each
    return None


def _is_hash(rule: Rule, text: str, clause: Clause) -> bool:
    around = f"{clause.before} {clause.sentence}"
    near = rule.near is not None and bool(rule.near.search(around.replace(text, "")))
    return near or len(text) in rule.lengths


def _estimate(
    language: Language, clause: Clause, match: re.Match[str], groups: dict[str, str]
) -> bool:
    name = next((key for key in ("number", "number2", "count", "name") if key in groups), "")
    if not name:
        return False
    before, after = clause.text[: match.start(name)], clause.text[match.end(name) :]
    inside = before.count("`") % 2 == 1
    return inside or bool(language.rough.search(before) or language.rough_after.search(after))


def _edited(rules: list[Rule], clause: Clause, done: set[str]) -> Iterator[Found]:
    paths = list(_paths(clause))
    if not paths:
        return
    for rule in rules:
        match = next(iter(rule.pattern.finditer(clause.text)), None)
        if match is None or _said_not(clause.language, clause, match.start(), match.end()):
            continue
        if clause.language.example.search(clause.text[: paths[0][0]]):
            continue
        for start, end, path in paths:
            if path in done:
                continue
            done.add(path)
            yield Found(
                "edited",
                clause.text[_lead(clause.text) :].rstrip(),
                clause.start + _lead(clause.text),
                clause.start + len(clause.text.rstrip()),
                rule,
                clause,
                {"verb": match[0].strip(), "at": f"{start}-{end}"},
                target=path,
            )


def _lead(text: str) -> int:
    return len(text) - len(text.lstrip(" -*•#\t"))


def _paths(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """Paths named in a clause, in backquotes or not; a command between backquotes is none."""
    covered: list[tuple[int, int]] = []
    for code in CODE.finditer(clause.text):
        covered.append(code.span())
        inner = re.sub(r":\d+(?:-\d+)?$", "", code[2].strip())
        if (
            PATH.fullmatch(inner)
            or (BARE.match(inner) and "/" in inner.strip("/"))
            or (BARE.match(inner) and "/" not in inner and not inner.startswith("."))
        ):
            yield code.start(), code.end(), inner
    for found in PATH.finditer(clause.text):
        if not any(start <= found.start() < end for start, end in covered):
            if not re.search(r"https?://\S*$", clause.text[: found.start()]):
                yield found.start(), found.end(), found[0]


def _exists(clause: Clause, done: set[str]) -> Iterator[Found]:
    language = clause.language
    rules = [rule for rule in language.rules if rule.kind == "exists"]
    verbs = [match for rule in rules for match in rule.pattern.finditer(clause.text)]
    for start, end, target, kind in _names(clause):
        before = [match for match in verbs if match.end() <= start]
        verb = before[-1] if before else verbs[0] if verbs else None
        if target in done or _said_not(language, clause, start, end):
            continue
        if kind != "path" and verb is None:
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


def _names(clause: Clause) -> Iterator[tuple[int, int, str, str]]:
    """Files, flags and functions named in a clause: place, name, and which of the three."""
    for start, end, path in _paths(clause):
        yield start, end, path, "path"
    for code in CODE.finditer(clause.text):
        inner = code[2].strip()
        if flag := FLAG.match(inner):
            yield code.start(), code.end(), flag[1], "flag"
        elif function := FUNCTION.match(inner):
            yield code.start(), code.end(), function[1], "name"
        elif (name := NAME.match(inner)) and not PATH.fullmatch(inner):
            behind, front = clause.text[code.end() :], clause.text[: code.start()]
            if NOUN.match(behind) or NOUN_BEFORE.search(front):
                yield code.start(), code.end(), name[1], "name"
    for flag in re.finditer(r"(?<![\w`-])--[a-z][\w-]+", clause.text):
        if clause.text[: flag.start()].count("`") % 2 == 0:
            yield flag.start(), flag.end(), flag[0], "flag"


OUTPUT = re.compile(
    r"\b(?:outputs?|results?|printed|prints|shows?|showed|returned|console|logs?|ran|running|produces?d?|gives?|gave|reported"
    r"|transcript|session)\b|输出|结果|打印|显示|运行|执行|日志|返回",
    re.IGNORECASE,
)
PROMPT = re.compile(r"^\s*(?:\$|>>>|#|In \[\d+\]:)\s+(\S.*)$", re.M)


def _outputs(message: str) -> Iterator[Found]:
    """Code blocks that are shown as what came out of a run."""
    known = languages(message)
    for block in blocks(message):
        front = block.before.strip()
        plan = any(
            each.no["plan"].search(front) or each.no["negated"].search(front) for each in known
        )
        transcript = bool(re.search(r"^\s*(?:>>> |In \[\d+\]: )", block.text, re.M))
        if plan or not (OUTPUT.search(front) or transcript) or not block.text.strip():
            continue
        if any(each.example.search(front) for each in known):
            continue
        yield Found(
            "ran",
            block.text.strip(),
            block.start,
            block.start + len(block.text.rstrip()),
            None,
            None,
        )
