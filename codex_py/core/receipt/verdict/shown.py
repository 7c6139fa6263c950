"""Verdicts on what is said to have been printed, and on code blocks given as an output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.verdict.ledger import Ledger

Ruling = tuple[Literal["supported", "unverified", "contradicted"], str, Sequence[int]]


def printed(claim: Found, ledger: Ledger) -> Ruling | None:
    text = claim.groups.get("name", "").strip('`"“” ')
    if not text:
        return None
    number = re.fullmatch(r"\d[\d.,]*", text) is not None
    found = ledger.with_number(text, said=False) if number else ledger.with_text(text)
    if found:
        return "supported", "an output in the log holds it", found
    assert claim.clause is not None
    run = re.search(
        r"print|output|respond|emit|answer|reported|displayed|logged|showed|输出|打印|显示|结果",
        claim.text,
        re.I,
    )
    if not run:
        return None
    if not ledger.facts.commands and not ledger.facts.looks:
        return "contradicted", "nothing was run, so nothing was printed", ()
    return "unverified", "no output in the log holds it", ()


def shown(claim: Found, ledger: Ledger) -> Ruling | None:
    """A code block given as an output: are its lines in the log?"""
    lines = [line.strip() for line in claim.text.split("\n")]
    lines = [line for line in lines if len(line) > 2 and not re.fullmatch(r"[-=.*#~\s…]+", line)]
    told = [re.sub(r"^(?:\$|>>>|\.\.\.|In \[\d+\]:|Out\[\d+\]:)\s*", "", line) for line in lines]
    told = [line for line in told if line]
    if not told:
        return None
    sources = [*ledger.words, *((each.n, each.command) for each in ledger.facts.commands)]
    hits = [ledger.with_text(line, sources) for line in told]
    share = sum(bool(each) for each in hits) / len(told)
    evidence = [n for each in hits for n in each]
    if share >= 0.6:
        return "supported", "its lines are in the log", evidence
    if not ledger.facts.commands:
        return "contradicted", "it is shown as output, and no command was run", ()
    return "unverified", "it is shown as output, and the log does not hold it", evidence
