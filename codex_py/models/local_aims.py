"""Pure: what a task's words ask of a file, as far as the file's text can show it."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence

from codex_py.dataclass import dataclass

LINES = ("txt", "csv", "log", "tsv", "list", "")
"""Suffixes of files that are lines, of which none belongs to another."""
DATA = (*LINES, "json", "ini", "cfg", "yaml", "yml", "toml", "env")
"""Suffixes of files that hold no program."""
SORTS = re.compile(r"\b(sort\w*|alphabetical\w*|(?:ascending|descending|reverse) order)\b", re.I)
ALPHABET = re.compile(r"\balphabetical\w*|\bby name\b|\bA ?(?:-|to) ?Z\b", re.I)
ONCE = re.compile(r"\b(duplicat\w*|dedup\w*|unique|twice|doubles?|only once|repeated)\b", re.I)
AT_END = re.compile(r"\b(?:at|to) the (?:very )?(?:end|bottom)\b|\bappend|\bas the last\b", re.I)
WITHIN = re.compile(r"\b(section|list|array|key|table|block|column|each|every|all)\b", re.I)
NAME = r"[`'\"]?([A-Za-z_][\w.-]*\w|[A-Za-z_])[`'\"]?"
KINDS = (
    r"(?:(?:the|a|its|local|key|class|function|method|field|option|setting|variable|constant|"
    r"parameter|argument|attribute|column|name|flag|section) )*"
)
RENAMES = tuple(
    re.compile(form, re.I)
    for form in (
        rf"\brename {KINDS}{NAME}(?: (?:in|of) \S+)?(?: everywhere)? (?:to|into|as) {KINDS}{NAME}",
        rf"\b{KINDS}{NAME}(?: (?:in|of) \S+)? (?:should|must) be (?:called|named|renamed to) "
        rf"{NAME}",
        rf"\bcall {KINDS}{NAME}(?: in \S+)? {NAME} instead\b",
    )
)  # fmt: skip
PAIR = re.compile(
    r"\b(?:rename|call) (?:the )?(?:variables|functions|keys|methods|fields|columns|parameters) "
    rf"{NAME} and {NAME} (?:(?:in|of) \S+ )?(?:to |into )?{NAME} and {NAME}",
    re.I,
)
PATHS = re.compile(
    r"\b(?:rename|move) (?:the )?(?:file )?[`'\"]?([\w./-]*\w)[`'\"]?(?: file)? (?:to|into|as) "
    r"(?:the |a )?(?:folder |directory )?[`'\"]?([\w./-]*[\w/])",
    re.I,
)
MORE = re.compile(r",? and (?:then )?(?:add|make|let|change|fix|return|remove|give|set)\b", re.I)
PROGRAM = re.compile(r"^(?:import \w+$|from \w+ import |with open\(|def \w+\(|#!/|print\()", re.M)
PRINTS = re.compile(r"^\s*(sort|uniq|sed|awk|grep|tr|cut|head|tail|jq|cat)\b")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an answer is not taken; the model is asked again with a hint."""

    why: str
    hint: str = ""
    bars: tuple[str, ...] = ()
    """Kinds of action that the next answer may not be of."""
    insert: bool = False
    """The next answer may only add lines."""
    spared: str = ""
    """A file that the next answer may not edit."""
    holding: str = ""
    """What the next answer must put into a file."""


def renames(asked: str) -> list[tuple[str, str]]:
    """Which names a task gives another name; empty when it asks for more than that."""
    if MORE.search(asked):
        return []
    if match := PAIR.search(asked):
        return [(match[1], match[3]), (match[2], match[4])]
    for form in RENAMES:
        if match := form.search(asked):
            old, new = match[1], match[2].rstrip(".")
            return [(old, new)] if old != new else []
    return []


def renaming(asked: str, paths: Sequence[str]) -> str:
    """The command that gives those names to every word in some files."""
    swaps = ";".join(f"s/\\b{re.escape(old)}\\b/{new}/g" for old, new in renames(asked))
    return f"sed -i '{swaps}' {' '.join(map(shlex.quote, paths))}"


def moving(asked: str, known: Sequence[str]) -> tuple[str, str]:
    """The file that a task gives another place or name, and the command for it; empty for none."""
    match = PATHS.search(asked)
    if match is None or match[1] not in known:
        return "", ""
    return match[1], f"mv {shlex.quote(match[1])} {shlex.quote(match[2])}"


def beyond(asked: str, names: Sequence[str]) -> str:
    """A file that a command takes away although a task is about others; empty for none."""
    kinds = {each: suffix(each) for each in names}
    meant = {
        each: each in asked or (bool(kind) and re.search(rf"\b{kind}\b", asked, re.I) is not None)
        for each, kind in kinds.items()
    }
    return next((each for each, is_ in meant.items() if not is_), "") if any(meant.values()) else ""


def suffix(path: str) -> str:
    """What comes after a file name's last dot."""
    name = path.rpartition("/")[2].lstrip(".")
    return name.rpartition(".")[2].lower() if "." in name else ""


def amiss(asked: str, path: str, before: str | None, content: str) -> Doubt | None:
    """What speaks against a file's new text, by the words of the task; None for nothing.

    `before` is None for a file that is not known.
    """
    kind = suffix(path)
    if kind in DATA and PROGRAM.search(content) and not PROGRAM.search(before or ""):
        hint = f"That is a program. {path} must hold the lines themselves: use a command"
        return Doubt("program", f"{hint} like `run grep WORD FILE > {path}`.", ("write", "edit"))
    if before is None:
        return None
    old, new = _rows(before), _rows(content)
    if kind in LINES and SORTS.search(asked) and len(old) > 1:
        kept = set(old) == set(new) if ONCE.search(asked) else Counter(old) == Counter(new)
        if not kept or (ALPHABET.search(asked) and not _rises(new)):
            hint = f"{path} must keep its lines. Let a command sort them: run sort -o {path} {path}"
            return Doubt("order", hint, ("write", "edit"))
    if kind in LINES and AT_END.search(asked) and not WITHIN.search(asked):
        if len(new) > len(old) and new[: len(old)] != old and not Counter(old) - Counter(new):
            return Doubt("place", f"The end of {path} is after its last line, {old[-1]!r}.")
    pairs = [each for each in renames(asked) if re.search(rf"\b{re.escape(each[0])}\b", before)]
    if pairs:
        renamed = before
        for one, other in pairs:
            renamed = re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", other, renamed)
        lines, wanted = content.splitlines(), renamed.splitlines()
        fits = zip(lines, before.splitlines(), wanted, strict=False)
        if len(lines) != len(wanted) or not all(each in (was, is_) for each, was, is_ in fits):
            hint = f"Change the name and nothing else: run {renaming(asked, [path])}"
            return Doubt("rename", hint, ("write", "edit"))
    return None


def unsorted(asked: str, path: str, content: str) -> bool:
    """Whether a file that a task says to sort is plainly in no order."""
    rows = _rows(content)
    if suffix(path) not in LINES or not SORTS.search(asked) or len(rows) < 2:
        return False
    if not ALPHABET.search(asked) and re.search(r"\bby\b|\bnumber|\blength", asked, re.I):
        return False
    numbers = [float(each) for each in rows if re.fullmatch(r"-?\d+(\.\d+)?", each.strip())]
    if len(numbers) == len(rows):
        return numbers not in (sorted(numbers), sorted(numbers, reverse=True))
    return not (_rises(rows) or _rises(rows[::-1]) or (suffix(path) == "csv" and _rises(rows[1:])))


def _rises(rows: Sequence[str]) -> bool:
    plain = [each.strip() for each in rows]
    low = [each.casefold() for each in plain]
    return plain == sorted(plain) or low == sorted(low)


def _rows(text: str) -> list[str]:
    return [each.rstrip() for each in text.splitlines() if each.strip()]
