"""How claims are worded in one language: read from a data file, compiled once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "[A-Za-z]{2}", "zh": "[\u4e00-\u9fff]"}
"""A language is a file of this name beside this one, en.toml says what is in it, and what its
letters look like: a file is loaded only once a message has some."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to word a claim."""

    kind: str
    pattern: re.Pattern[str]
    does: str = ""
    scope: str = ""
    near: re.Pattern[str] | None = None
    """Words that must stand in the same sentence, unless the text has one of `lengths`."""
    lengths: tuple[int, ...] = ()
    tool_needed: bool = False
    """The clause must name a tool."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tool one can claim to have used, and what shows that it was."""

    name: str
    pattern: re.Pattern[str]
    programs: re.Pattern[str]
    tools: frozenset[str]
    text: re.Pattern[str] | None
    instrument: bool = False
    """One works *with* it, so that naming it beside a verb of doing claims its use."""


@dataclass(frozen=True, slots=True)
class Language:
    """All rules of a language."""

    name: str
    script: re.Pattern[str]
    sentence: re.Pattern[str]
    clause: re.Pattern[str]
    no: dict[str, re.Pattern[str]]
    """What makes a clause no claim: plan, negated, hedged, told, question."""
    rough: re.Pattern[str]
    """Right before a number: it is an estimate and says so."""
    rough_after: re.Pattern[str]
    success: re.Pattern[str]
    example: re.Pattern[str]
    shown: re.Pattern[str]
    rules: tuple[Rule, ...]
    tools: tuple[Kind, ...]


def languages(text: str) -> tuple[Language, ...]:
    """The languages whose letters are in a text."""
    return tuple(_load(name) for name, script in LANGUAGES.items() if re.search(script, text))


@cache
def _load(name: str) -> Language:
    import tomllib  # late: only where a message is read for claims

    text = Path(__file__).with_name(f"{name}.toml").read_text("utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    sets: dict[str, str] = data["sets"]
    no = data["no"]
    lists = {key: value for key, value in no.items() if isinstance(value, list)}
    return Language(
        name=name,
        script=re.compile(LANGUAGES[name]),
        sentence=re.compile(data["sentence"]),
        clause=_compiled(data["clause"], sets),
        no={
            key: _compiled("|".join(f"(?:{one})" for one in value), sets)
            for key, value in lists.items()
        },
        rough=_compiled(no["rough"], sets),
        rough_after=_compiled(no["rough_after"], sets),
        success=_compiled(no["success"], sets),
        example=_compiled(no["only_docs"], sets),
        shown=_compiled(sets["shown"], sets),
        rules=tuple(_rule(each, sets) for each in data["claim"]),
        tools=tuple(_tool(each, sets) for each in data["tool"]),
    )


def _compiled(pattern: str, sets: dict[str, str]) -> re.Pattern[str]:
    for _ in range(4):
        pattern = re.sub(r"\{([a-z_]+)\}", lambda found: sets[found[1]], pattern)
    return re.compile(pattern, re.IGNORECASE)


def _rule(data: dict[str, Any], sets: dict[str, str]) -> Rule:
    return Rule(
        kind=data["kind"],
        pattern=_compiled(data["pattern"], sets),
        does=data.get("does", ""),
        scope=data.get("scope", ""),
        near=_compiled(data["near"], sets) if "near" in data else None,
        lengths=tuple(data.get("lengths", ())),
        tool_needed=bool(data.get("tool_needed")),
    )


def _tool(data: dict[str, Any], sets: dict[str, str]) -> Kind:
    programs = "|".join(data.get("programs", ())) or r"(?!)"
    return Kind(
        name=data["name"],
        pattern=_compiled(data["pattern"], sets),
        programs=re.compile(rf"(?:{programs})$"),
        tools=frozenset(data.get("tools", ())),
        text=re.compile(data["text"], re.IGNORECASE) if "text" in data else None,
        instrument=bool(data.get("instrument")),
    )
