"""How claims are worded in one language: read from a data file, compiled once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from codex_py.core.receipt.log.runs import COMMAND
from codex_py.dataclass import dataclass

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
    whole: bool = False
    """It is looked for in whole sentences, not clause by clause."""
    unless: re.Pattern[str] | None = None
    """Words in the clause that make it speak of something else."""
    command: bool = False
    """What stands between backquotes must look like a command."""
    under: bool = False
    """Only in lists under a heading such as Testing, or behind a check mark."""
    loose: bool = False
    """It catches what the exact ones leave, and gives way to them."""
    despite: str = ""
    """What its own words look like and are not: `told` or `negated`."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tool one can claim to have used, and what shows that it was."""

    name: str
    pattern: re.Pattern[str]
    programs: re.Pattern[str]
    tools: frozenset[str]
    text: re.Pattern[str] | None
    both: bool = False
    """A program shows it only where `text` is in its line too; so does one of our tools."""
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
    labels: re.Pattern[str]
    """Headings and labels under which nothing is claimed to be done."""
    success: re.Pattern[str]
    example: re.Pattern[str]
    shown: re.Pattern[str]
    observed: re.Pattern[str]
    """What a tool does when it is used: shows, reports, prints."""
    did: re.Pattern[str]
    """Somebody did something, other than changing files."""
    measured: re.Pattern[str]
    """Somebody took the time of it: `took about 3 s` is said of a measurement, rough or not."""
    beside: re.Pattern[str]
    """What stands right before a tool that was worked with."""
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
    sets: dict[str, str] = {"cmd": f"(?:`[^`]+`|{COMMAND.pattern})", **data["sets"]}
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
        labels=_compiled(no["labels"], sets),
        success=_compiled(no["success"], sets),
        example=_compiled(no["only_docs"], sets),
        shown=_compiled(sets["shown"], sets),
        observed=_compiled(sets["observed"], sets),
        did=_compiled(sets["did"], sets),
        measured=_compiled(sets["measured"], sets),
        beside=_compiled(sets["beside"], sets),
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
        whole=bool(data.get("whole")),
        unless=_compiled(data["unless"], sets) if "unless" in data else None,
        command=bool(data.get("command")),
        under=bool(data.get("under")),
        loose=bool(data.get("loose")),
        despite=data.get("despite", ""),
    )


def _tool(data: dict[str, Any], sets: dict[str, str]) -> Kind:
    programs = "|".join(data.get("programs", ())) or r"(?!)"
    return Kind(
        name=data["name"],
        pattern=_compiled(data["pattern"], sets),
        programs=re.compile(rf"(?:{programs})$"),
        tools=frozenset(data.get("tools", ())),
        text=re.compile(data["text"], re.IGNORECASE) if "text" in data else None,
        both=bool(data.get("both")),
        instrument=bool(data.get("instrument")),
    )
