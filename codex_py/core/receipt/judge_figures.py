"""Verdicts on figures: hashes, times and dates, counts; and on what an address is said to hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.find import Found
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
        return _measured(ledger)
    found = ledger.with_number(number, said=False)
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


def _measured(ledger: Ledger) -> Ruling:
    """`Twice as fast`, without a figure: something must have been timed, twice."""
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
    near = f"{claim.clause.before} {claim.clause.sentence}"
    values = []
    for found in re.finditer(r"\d[\d,]*(?:\.\d+)?", near):
        held = ledger.with_number(found[0], said=False)
        if held and float(found[0].replace(",", "")) > 0:
            values.append((float(found[0].replace(",", "")), held))
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
            if any(abs(each - wanted) <= max(0.06 * wanted, 0.06) for each in shapes):
                return [*held, *also]
    return []


def count(claim: Found, ledger: Ledger) -> Ruling | None:
    number = claim.groups.get("number") or claim.groups.get("number2") or ""
    plain = number.replace(",", "")
    grown = _more_tests(plain, claim, ledger)
    if grown is not None:
        return grown
    found = ledger.with_number(number, said=False)
    if found:
        return "supported", "an output in the log holds this number", found
    derived = _counted(plain, ledger)
    if derived is not None:
        return derived
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


def _counted(plain: str, ledger: Ledger) -> Ruling | None:
    """Numbers that follow from the facts: files changed, lines added, lines of an output."""
    facts = ledger.facts
    paths = {each.path for each in facts.files}
    sums: list[tuple[int, list[int]]] = [(len(paths), [each.n for each in facts.files])]
    sums.append((len(facts.commands), [each.n for each in facts.commands]))
    for kind in ("add", "update", "delete"):
        some = [each for each in facts.files if each.kind == kind]
        sums.append((len({each.path for each in some}), [each.n for each in some]))
    for name in ("added", "removed"):
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


def url(claim: Found, ledger: Ledger) -> Ruling:
    docs = [
        each.n
        for each in ledger.facts.looks
        if re.search(r"\bdocs?/|README|\.md$|\.rst$", each.target)
    ]
    url = claim.groups.get("name") or claim.groups.get("name2") or ""
    host = re.sub(r"^https?://", "", url).split("/")[0].rstrip(".,;:")
    if host:
        fetched = [each.n for each in ledger.facts.commands if host in each.command and each.ok]
        fetched += [
            each.n for each in ledger.facts.looks if host in each.target or host in each.output
        ]
        if fetched:
            return "supported", "the log shows it being read", fetched
        known = [n for n, text in ledger.words if host in text]
        if known:
            return "unverified", "the address is in the log, its content was not read", known
    else:
        web = [
            each.n
            for each in ledger.facts.looks
            if each.tool in ("web_search", "web_fetch", "fetch")
        ]
        web += [
            each.n
            for each in ledger.facts.commands
            if re.search(r"\b(?:curl|wget)\b", each.command) and each.ok
        ]
        if web:
            return "supported", "the log shows a look-up", web
        if docs and claim.rule is not None and claim.rule.despite:
            return "supported", "the log shows documentation being read", docs
    if ledger.facts.network == "off":
        return "contradicted", "nothing in this session reached the network", ()
    return "unverified", "the log shows no read of it", ()
