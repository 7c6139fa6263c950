"""Verdicts on `I ran the tests`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.verdict.ledger import Ledger
from codex_py.core.receipt.verdict.tests import WHOLE, covers, narrowed

Ruling = tuple[Literal["supported", "unverified", "contradicted"], str, Sequence[int]]

AFTER = re.compile(
    r"\bre-?(?:ran|run)\b|\bagain\b|\bafterwards?\b|\bonce more\b|\bafter\s+(?:\w+\s+){0,3}"
    r"(?:changes?|edits?|fix(?:es|ing)?|refactor\w*|updates?|rename|renaming|that|this|it)\b"
    r"|改完|修改后|改动后|改好后|最后一次|最终改动|再次|重新|之后又",
    re.IGNORECASE,
)


def ran_tests(claim: Found, ledger: Ledger) -> Ruling:
    """`I ran the tests`, `I ran the full suite`, `I ran pytest tests/test_a.py`."""
    assert claim.clause is not None
    pairs = list(ledger.facts.tests)
    if not pairs:
        if not ledger.facts.commands:
            return "contradicted", "no command was run", ()
        looked = [each.n for each in ledger.facts.commands if "test" in each.command]
        return "contradicted", "the log has no test run", looked
    if AFTER.search(claim.clause.sentence) and ledger.last_edit >= 0:
        since = [pair for pair in pairs if pair[0].n > ledger.last_edit]
        if not since:
            return "contradicted", "no test was run after the last change", [pairs[-1][0].n]
    names = narrowed(claim)
    commands = [code for code in claim.clause.codes if " " in code]
    for code in commands:
        if ledger.ran(code):
            return "supported", "the log shows the run", [each.n for each in ledger.ran(code)]
    if names:
        fitting = [pair for pair in pairs if covers(pair[1], "", names)]
        if fitting:
            return "supported", "the log shows the run", [fitting[-1][0].n]
        return "unverified", f"no test run in the log takes {names[0]}", [pairs[-1][0].n]
    if WHOLE.search(claim.clause.text):
        whole = [pair for pair in pairs if pair[1].whole]
        if not whole:
            part = ", ".join(pairs[-1][1].selected)
            return "unverified", f"only part of the suite was run ({part})", [pairs[-1][0].n]
        return "supported", "the log shows the run", [whole[-1][0].n]
    return "supported", "the log shows a test run", [pairs[-1][0].n]
