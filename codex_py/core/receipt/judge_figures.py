"""Verdicts on figures: hashes, times and dates, counts; and on what an address is said to hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.found import Found
from codex_py.core.receipt.ledger import Ledger

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


def time(claim: Found, ledger: Ledger) -> Ruling | None:
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
    derived = _ratio(claim, ledger, number)
    if derived:
        return "supported", "it follows from figures in the log", derived
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
    return ledger.with_text(f"{year:04}-{month:02}-{day:02}", ledger.words)


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


def _ratio(claim: Found, ledger: Ledger, number: str) -> list[int]:
    """Two measured figures in the same sentence whose ratio or difference this is."""
    assert claim.clause is not None
    values = []
    for figure in re.findall(r"\d[\d,]*(?:\.\d+)?", claim.clause.near):
        held = ledger.with_number(figure, said=False) or ledger.measured(figure, "")
        if held and float(figure.replace(",", "")) > 0:
            values.append((float(figure.replace(",", "")), held))
    try:
        wanted = float(number.replace(",", ""))
    except ValueError:
        return []
    for one, held in values:
        for other, also in values:
            if one == other:
                continue
            shapes = (
                one / other,
                100 * (one - other) / one,
                100 * (one - other) / other,
                abs(one - other),
            )
            if any(abs(each - wanted) <= max(0.03 * wanted, 0.06) for each in shapes):
                return [*held, *also]
    return []


def count(claim: Found, ledger: Ledger) -> Ruling | None:
    number = claim.groups.get("number") or claim.groups.get("number2") or ""
    plain = number.replace(",", "")
    size = re.match(r"\s?([kKMG]i?B|bytes)\b", claim.text.partition(number)[2])
    grown = _more_tests(plain, claim, ledger)
    if grown is not None:
        return grown
    found = ledger.with_number(number, said=False)
    if found:
        return "supported", "an output in the log holds this number", found
    long = size or "." in number or len(plain) > 2
    measured = ledger.measured(number, size[1] if size else "") if long else []
    if measured:
        return "supported", "an output in the log holds this figure", measured
    derived = _counted(plain, ledger)
    if derived is not None:
        return derived
    parts = _parts(plain, claim, ledger)
    if parts:
        return "supported", "it is the sum of figures in the log", parts
    told = ledger.commanded(number)
    if told:
        return "supported", "a command in the log names this number", told
    ratio = _ratio(claim, ledger, number) if "%" in claim.text or "." in number else []
    if ratio:
        return "supported", "it follows from figures in the log", ratio
    said = ledger.with_number(number)
    if said:
        return "supported", "the user or a document named this number", said
    if ledger.workspace.mentions(number) or ledger.workspace.mentions(plain):
        return None
    written = [each.n for each in ledger.facts.files if plain in ledger_numbers(each.path)]
    if written or plain in ledger_numbers(ledger.facts.written) or _small(plain, claim):
        return None
    return "unverified", "nothing in the log counted it", ()


def _parts(plain: str, claim: Found, ledger: Ledger) -> list[int]:
    """`48 (6, 40 and 2)`: the parts stand beside it, and in the log; a header is no row."""
    assert claim.clause is not None
    if not plain.isdigit():
        return []
    behind = claim.clause.sentence.partition(plain)[2]
    others = [int(each) for each in re.findall(r"\d+", behind)]
    held = [n for each in others for n in ledger.with_number(str(each), said=False)]
    if len(others) > 1 and sum(others) == int(plain) and held:
        return held
    rows = [each for each in ledger.facts.commands if re.search(r"\bwc -l\b", each.command)]
    return [each.n for each in rows if re.search(rf"\b{int(plain) + 1}\b", each.output)]


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


_ADDED = re.compile(r"\badded\b|\bnew\b|\bwrote\b|新增|添加|增加|补充|编写", re.IGNORECASE)


def _more_tests(plain: str, claim: Found, ledger: Ledger) -> Ruling | None:
    """`Added 6 tests`, where the runs before and after tell how many there are more."""
    assert claim.clause is not None
    noun = f"{claim.groups.get('noun', '')} {claim.text}"
    if not re.search(r"\btests?\b|测试|用例", noun) or not _ADDED.search(claim.clause.text):
        return None
    totals = [
        ((tests.passed or 0) + (tests.failed or 0), command.n)
        for command, tests in ledger.facts.tests
        if tests.whole and tests.passed is not None
    ]
    if len(totals) < 2 or totals[-1][0] <= totals[0][0] or not plain.isdigit():
        return None
    more = totals[-1][0] - totals[0][0]
    word: Literal["supported", "contradicted"] = (
        "supported" if more == int(plain) else "contradicted"
    )
    return word, f"the runs show {more} more tests", [totals[0][1], totals[-1][1]]


HOW = ("added", "removed")
STAT = re.compile(r"(\d+) insertions?\(\+\), (\d+) deletions?\(-\)")


def _counted(plain: str, ledger: Ledger) -> Ruling | None:
    """Numbers that follow from the facts: files changed, lines added, lines of an output."""
    facts = ledger.facts
    paths = {each.path for each in facts.files}
    sums: list[tuple[int, list[int]]] = [(len(paths), [each.n for each in facts.files])]
    sums.append((len(facts.commands), [each.n for each in facts.commands]))
    for kind in ("add", "update", "delete"):
        some = [each for each in facts.files if each.kind == kind]
        sums.append((len({each.path for each in some}), [each.n for each in some]))
    more, less = (sum(getattr(each, name) or 0 for each in facts.files) for name in HOW)
    sums.append((abs(more - less), [each.n for each in facts.files]))
    for each in facts.files:
        sums.append((abs((each.added or 0) - (each.removed or 0)), [each.n]))
    for n, output in ledger.outputs:
        if stat := STAT.search(output):
            sums.append((abs(int(stat[1]) - int(stat[2])), [n]))
    for name in HOW:
        total = sum(getattr(each, name) or 0 for each in facts.files)
        sums.append((total, [each.n for each in facts.files]))
    for each in facts.files:
        sums += [(each.added or 0, [each.n]), (each.removed or 0, [each.n])]
    for n, output in ledger.outputs:
        lines = [line for line in output.split("\n") if line.strip()]
        sums += [(len(lines), [n]), (len(lines) - 1, [n])]
    for command, tests in facts.tests:
        values = [value for value in (tests.passed, tests.failed, tests.skipped) if value]
        sums += [(value, [command.n]) for value in (*values, sum(values))]
    for value, evidence in sums:
        if value and str(value) == plain:
            return "supported", "it follows from the log", evidence
    return None
