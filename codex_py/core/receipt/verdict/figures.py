"""Verdicts on figures: hashes, times and dates, counts; and on what an address is said to hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.verdict import derived
from codex_py.core.receipt.verdict.ledger import Ledger
from codex_py.core.receipt.verdict.none import shows

Ruling = tuple[Literal["supported", "unverified", "contradicted"], str, Sequence[int]]


def hash(claim: Found, ledger: Ledger) -> Ruling:
    value = claim.groups["name"].lower()
    found = ledger.with_text(value, ledger.words)
    if found:
        return "supported", "the log holds this value", found
    same = re.compile(rf"(?<![0-9a-f])[0-9a-f]{{{len(value)}}}(?![0-9a-f])", re.I)
    others = [n for n, text in ledger.outputs if len(value) >= 32 and same.search(text)]
    if others:
        return "contradicted", "the log has another value of this kind", others
    if not ledger.facts.commands and not ledger.facts.looks:
        return "contradicted", "nothing was run that could have given it", ()
    return "unverified", "nothing in the log holds this value", ()


def unknown(claim: Found, ledger: Ledger) -> Ruling | None:
    """A figure that no pattern takes for a claim: only one that stands nowhere is worth a word."""
    value = claim.groups.get("name") or claim.groups["number"]
    plain = value.replace(",", "")
    whole = re.compile(rf"(?<![\d.]){re.escape(plain)}(?!\d)")
    if whole.search(ledger.everything.replace(",", "")) or ledger.workspace.mentions(value):
        return None
    if any(whole.search(text.replace(",", "")) for _, text in ledger.words):
        return None
    if "name" in claim.groups:
        parts = [int(each) for each in value.split(":")]
        if len(parts) == 2 and ledger.measured(str(60 * parts[0] + parts[1]), "s"):
            return None
        if len(parts) == 2 and parts[1] % 10 == 0 and ledger.with_text(value[:-1]):
            return None  # counted by tens of minutes
        return "unverified", "nothing in the log holds this time", ()
    ruling = count(claim, ledger)
    return ruling if ruling is not None and ruling[0] != "supported" else None


def time(claim: Found, ledger: Ledger) -> Ruling | None:
    if claim.rule is not None and claim.rule.does == "figure":
        return unknown(claim, ledger)
    name = claim.groups.get("name")
    if name:
        found = ledger.with_text(name, ledger.words)
        parts = re.findall(r"\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}(?::\d{2})?", name)
        found = found or [n for part in parts[:1] for n in ledger.with_text(part, ledger.words)]
        if found:
            return "supported", "the log holds it", found
        spelled = _spelled_date(name, ledger)
        if spelled:
            return "supported", "the log holds this date", spelled
        return "unverified", "no clock or output in the log shows it", ()
    number = claim.groups.get("number") or claim.groups.get("number2") or ""
    if not number:
        return _measured(claim, ledger)
    unit = claim.groups.get("unit", "")
    found = ledger.with_number(number, said=False) or ledger.measured(number, unit)
    timed = [
        each.n
        for each in ledger.facts.commands
        if _close(number, claim.groups.get("unit", ""), each.seconds)
    ]
    if found or timed:
        return "supported", "the log holds this figure", [*found, *timed]
    follows = derived.ratio(claim, ledger, number)
    if follows:
        return "supported", "it follows from figures in the log", follows
    if claim.rule is not None and claim.rule.loose:
        held = ledger.workspace.mentions(number)
        if held or number in ledger_numbers(ledger.facts.written):
            return None
    said = ledger.with_number(number)
    if said and claim.groups.get("unit"):
        return "supported", "the user or a document named this figure", said
    return "unverified", "nothing in the log measured it", ()


_UNDER = re.compile(r"\bunder (?:a|one|half a) (second|minute)\b", re.IGNORECASE)


def _measured(claim: Found, ledger: Ledger) -> Ruling:
    """`Twice as fast`, without a figure: something must have been timed, twice."""
    if under := _UNDER.search(claim.text):
        limit = 1.0 if under[1].lower() == "second" else 60.0
        quick = [each.n for each in ledger.acting if each.ok and each.seconds < limit]
        if quick:
            return "supported", "a run in the log took less", quick
    timed = [
        each.n
        for each in ledger.facts.commands
        if re.search(r"\btime\b|bench|hyperfine|timeit|perf", each.command)
    ]
    if len(timed) > 1 or any("hyperfine" in each.command for each in ledger.facts.commands):
        return "supported", "the log shows measurements", timed
    return "unverified", "nothing in the log measured it", timed


_MONTHS = (
    "january february march april may june july august september october november december".split()
)


def _spelled_date(text: str, ledger: Ledger) -> list[int]:
    digits = [int(each) for each in re.findall(r"\d+", text)]
    month = next((place for place, each in enumerate(_MONTHS, 1) if each in text.lower()), 0)
    if month and len(digits) >= 2:
        year, day = max(digits), min(digits)
    elif len(digits) >= 3 and digits[0] > 1900:
        year, month, day = digits[:3]
    else:
        return []
    name = _MONTHS[month - 1][:3] if 0 < month < 13 else ""
    wanted = re.compile(
        rf"{year:04}[-/]{month:02}[-/]{day:02}|\b0?{day}[-/]0?{month}[-/]{year}\b"
        rf"|\b{name}\w*\.? +0?{day}\b(?!:)[^\n]{{0,20}}\b{year}\b"
        rf"|\b0?{day} {name}\w*\.?,? {year}\b",
        re.IGNORECASE,
    )
    return [n for n, text in ledger.words if wanted.search(text)]


_SECONDS = {
    "ms": 0.001,
    "milli": 0.001,
    "毫秒": 0.001,
    "µs": 1e-6,
    "us": 1e-6,
    "micro": 1e-6,
    "微秒": 1e-6,
    "n": 1e-9,
    "纳秒": 1e-9,
    "s": 1.0,
    "秒": 1.0,
    "m": 60.0,
    "分": 60.0,
    "h": 3600.0,
    "小时": 3600.0,
}


def _unit(unit: str) -> float:
    return next((each for key, each in _SECONDS.items() if unit.lower().startswith(key)), 0.0)


def _close(number: str, unit: str, seconds: float) -> bool:
    try:
        value = float(number.replace(",", "")) * _unit(unit)
    except ValueError:
        return False
    return (
        bool(unit)
        and value > 0
        and abs(value - seconds) <= max(0.1 * seconds, 0.06 if seconds < 2 else 0.5)
    )


def count(claim: Found, ledger: Ledger) -> Ruling | None:
    if claim.rule is not None and claim.rule.does == "figure" and "unknown" not in claim.groups:
        return unknown(replace(claim, groups={**claim.groups, "unknown": "1"}), ledger)
    number = claim.groups.get("number") or claim.groups.get("number2") or ""
    plain = number.replace(",", "")
    size = re.match(r"\s?([kKMG]i?B|bytes)\b", claim.text.partition(number)[2])
    grown = derived.more_tests(plain, claim, ledger)
    if grown is not None:
        return grown
    some = shows(claim.text, ledger, [n for n, _ in ledger.outputs]) if plain == "0" else []
    if some:
        return "contradicted", "an output shows some", some
    found = ledger.with_number(number, said=False)
    if found:
        return "supported", "an output in the log holds this number", found
    long = size or "." in number or len(plain) > 2
    measured = ledger.measured(number, size[1] if size else "") if long else []
    if measured:
        return "supported", "an output in the log holds this figure", measured
    counted = derived.counted(plain, ledger)
    if counted is not None:
        return counted
    parts = derived.parts(plain, claim, ledger)
    if parts:
        return "supported", "it is the sum of figures in the log", parts
    told = ledger.commanded(number)
    if told:
        return "supported", "a command in the log names this number", told
    ratio = derived.ratio(claim, ledger, number) if "%" in claim.text or "." in number else []
    if ratio:
        return "supported", "it follows from figures in the log", ratio
    less = derived.less(plain, claim, ledger)
    if less:
        return "supported", "it is the difference of figures in the log", less
    said = ledger.with_number(number)
    if said:
        return "supported", "the user or a document named this number", said
    if ledger.workspace.mentions(number) or ledger.workspace.mentions(plain):
        return None
    written = [each.n for each in ledger.facts.files if plain in ledger_numbers(each.path)]
    if written or plain in ledger_numbers(ledger.facts.written) or _small(plain, claim):
        return None
    return "unverified", "nothing in the log counted it", ()


def ledger_numbers(text: str) -> list[str]:
    """The numbers in a text."""
    return re.findall(r"\d+(?:\.\d+)?", text)


def _small(plain: str, claim: Found) -> bool:
    """Small whole numbers of things just written or listed are told by the eye, not counted."""
    noun = claim.groups.get("noun", "").lower()
    exact = re.search(
        r"\bexact|\bprecise|\btotal|精确|准确|总共|一共|共",
        claim.clause.sentence if claim.clause else "",
        re.I,
    )
    return (
        plain.isdigit()
        and int(plain) <= 9
        and not exact
        and noun not in ("errors", "warnings", "failures", "bytes")
    )
