"""Figures that follow from others of the log: ratios, sums, differences, counts of the facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.verdict.ledger import Ledger

Ruling = tuple[Literal["supported", "unverified", "contradicted"], str, Sequence[int]]


_FIGURE = re.compile(r"(\d[\d,]*(?:\.\d+)?)(?:\s?([kKMG]i?B))?")
_SIZE = {"K": 1e3, "M": 1e6, "G": 1e9}


def ratio(claim: Found, ledger: Ledger, number: str) -> list[int]:
    """Two measured figures in the same sentence whose ratio or difference this is."""
    assert claim.clause is not None
    values = []
    for found in _FIGURE.finditer(claim.clause.near):
        held = ledger.with_number(found[1], said=False) or ledger.measured(found[1], found[2] or "")
        value = float(found[1].replace(",", "")) * _SIZE.get((found[2] or "")[:1].upper(), 1.0)
        if held and value > 0:
            values.append((value, held))
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


def less(plain: str, claim: Found, ledger: Ledger) -> list[int]:
    """`5,210 rows, 5,187 of them unique, so 23 twice`."""
    assert claim.clause is not None
    if not plain.isdigit() or int(plain) < 3:
        return []
    values = {
        int(each): held
        for each in re.findall(r"(?<![\d.])\d+(?![\d.])", claim.clause.near.replace(",", ""))
        if (held := ledger.with_number(each, said=False)) and int(each) > int(plain)
    }
    for one, held in values.items():
        if one - int(plain) in values:
            return [*held, *values[one - int(plain)]]
    return []


def parts(plain: str, claim: Found, ledger: Ledger) -> list[int]:
    """`48 (6, 40 and 2)`: the parts stand beside it, and in the log; a header is no row."""
    assert claim.clause is not None
    if not plain.isdigit():
        return []
    behind = claim.clause.sentence.partition(plain)[2]
    others = [int(each) for each in re.findall(r"\d+", behind)]
    held = [n for each in others for n in ledger.with_number(str(each), said=False)]
    if len(others) > 1 and sum(others) == int(plain) and held:
        return held
    above = claim.clause.near.rpartition(claim.clause.sentence)[0].rstrip().split("\n")[-12:]
    tail = [re.findall(r"\d+", line.replace(",", "")) for line in above]
    total, used = 0, list[int]()
    for line in reversed(tail):
        if not line:
            continue
        total += int(line[-1])
        used += ledger.with_number(line[-1], said=False)
        if total == int(plain) and used and len(tail) > 1:
            return used
    rows = [each for each in ledger.facts.commands if re.search(r"\bwc -l\b", each.command)]
    return [each.n for each in rows if re.search(rf"\b{int(plain) + 1}\b", each.output)]


_ADDED = re.compile(r"\badded\b|\bnew\b|\bwrote\b|新增|添加|增加|补充|编写", re.IGNORECASE)


def more_tests(plain: str, claim: Found, ledger: Ledger) -> Ruling | None:
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


def counted(plain: str, ledger: Ledger) -> Ruling | None:
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
