"""Second looks at a supported run: it is said to have found nothing, or to have been repeated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.message.prose import CODE
from codex_py.core.receipt.verdict.ledger import Ledger

Ruling = tuple[Literal["supported", "unverified", "contradicted"], str, Sequence[int]]

NONE = (
    r"(?:\b(?:no|zero|0|without(?: a| any)?(?: single)?|not a single|free of|nor)"
    r"[^\w,;]+(?:[A-Za-z-]+[^\w,;]+){0,3}"
    r"|(?:零|无|没有|未见|未发现|0) ?(?:个|条|项|任何|新增)? ?)"
)
MANY = r"\b[1-9]\d*\s+(?:\w+ ){0,2}"
KINDS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(rf"{NONE}(?:{said})|\b(?:{bare})\b", re.I), re.compile(shown, re.I | re.M))
    for said, bare, shown in (
        (
            r"warn|告警|警告",
            r"warning-free|clean|silent|quiet|spotless",
            rf"{MANY}warnings?\b|\((?:warning|info|style)\)|\bwarning(?:\[|: | [A-Z]+\d+)"
            r"|\b[1-9]\d* Warning\(s\)",
        ),
        (
            r"error|错误|报错",
            r"error-free|clean|silent|spotless",
            rf"{MANY}errors?\b|^error(?:\[|:)|✖ [1-9]",
        ),
        (
            r"vulnerab|advisor|漏洞",
            r"clean",
            rf"{MANY}vulnerabilit|{MANY}advisor|^(?:Crate|ID): +\S",
        ),
        (r"(?:data )?rac(?:e|es|y)\b|竞争|竞态", r"race-free|silent", r"data race|ThreadSanitizer"),
        (r"(?:memory )?leak|泄[漏露]", r"leak-free", r"definitely lost: [1-9]|LeakSanitizer"),
        (
            r"problem|issue|finding|offen[cs]e|violation|问题",
            r"spotless",
            rf"{MANY}(?:problems?|issues?|findings?|offen[cs]es|violations?)\b",
        ),
    )
)
"""What is said to be none, words that say so by themselves, and how outputs show some."""
WORDS = {
    "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100,
    "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10,
    "二十": 20, "三十": 30, "五十": 50, "一百": 100,
}  # fmt: skip
TIMES = re.compile(
    rf"(\d[\d,]*|{'|'.join(WORDS)})\s*(?:(?:consecutive|separate|more|random|back-to-back)\s+)?"
    r"(?:times|runs|rounds|repetitions|iterations|seeds|遍|次|轮|回)(?!\s*(?:a|per|faster|slower))",
    re.IGNORECASE,
)


def doubted(claim: Found, ledger: Ledger, ruling: Ruling) -> Ruling:
    """The ruling, or a worse one where the outputs show what is said not to be there."""
    assert claim.clause is not None
    text = claim.clause.text
    found = shows(CODE.sub(" ", text), ledger, ruling[2])
    if found:
        return "contradicted", "its output shows some", found
    return repeated(claim, ledger, ruling)


def repeated(claim: Found, ledger: Ledger, ruling: Ruling) -> Ruling:
    """The ruling, or a worse one where the log does not show as many runs as are claimed."""
    assert claim.clause is not None
    text = claim.clause.text
    if times := TIMES.search(text):
        number = WORDS.get(times[1].lower()) or int(times[1].replace(",", "") or 0)
        if number > 2 and not _repeated(number, ledger):
            return "unverified", f"the log does not show {number} of them", ruling[2]
    return ruling


def shows(text: str, ledger: Ledger, evidence: Sequence[int]) -> list[int]:
    """The newest output that the claim rests on, where it shows what is said to be none."""
    seen = [(n, output) for n, output in ledger.outputs if n in set(evidence)]
    if not seen:
        return []
    n, output = seen[-1]
    for said, shown in KINDS:
        if said.search(text) and shown.search(output):
            return [n]
    return []


def _repeated(number: int, ledger: Ledger) -> bool:
    plain = str(number)
    if ledger.commanded(plain) or ledger.with_number(plain):
        return True
    return len(ledger.acting) >= number
