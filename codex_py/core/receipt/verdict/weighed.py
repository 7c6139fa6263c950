"""Clauses that the patterns leave, or find supported: how much speaks for an unsupported claim.

No single sign is enough there. So they are added up: that it sounds like a claim, that its
figures, code and words stand nowhere in the log, that nothing ran since the last change. The
weights are learnt from the labelled messages by `benchmarks/weigh.py`; the signs are few
enough to be read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from codex_py.core.receipt.log.runs import KNOWN
from codex_py.core.receipt.message.learned import score
from codex_py.core.receipt.message.prose import CODE, Clause, planned
from codex_py.core.receipt.verdict.ledger import Ledger
from codex_py.core.receipt.verdict.runs import objects
from codex_py.core.receipt.verdict.strangers import strangers

ENOUGH = 0.5
NEAR = 120
"""Letters between a clause and a doubtful claim that stands beside it."""
"""The chance from which a clause is marked."""
NUMBER = re.compile(
    r"(?<![\w.#$/:-])(\d[\d,]*(?:\.\d+)?)\s?(%|ms|s|秒|毫秒|分钟?)?(?![\w.]*\w)", re.IGNORECASE
)


def doubt(clause: Clause, ledger: Ledger, *, supported: bool, beside: bool) -> float:
    """The chance, from 0 to 1, that a clause claims something that the log does not bear out."""
    bias, weights = _weights()
    told = signs(clause, ledger, supported=supported, beside=beside)
    total = bias + sum(weights.get(name, 0.0) * value for name, value in told.items())
    return 1 / (1 + math.exp(-total))


def signs(clause: Clause, ledger: Ledger, *, supported: bool, beside: bool) -> dict[str, float]:
    """What speaks for and against, each between 0 and 2.

    `supported`: a claim in it was found so; `beside`: one near it was found doubtful.
    """
    language, facts = clause.language, ledger.facts
    odds = max(score(clause.text, language.name).values())
    sounds = 1 / (1 + math.exp(-odds))
    known, unknown = _figures(clause, ledger)
    codes = [_knows(code, ledger) for code in clause.codes]
    words = objects(clause.text)
    strange = [word for word in words if word not in ledger.everything]
    heading = clause.heading.strip(" #*-:：")
    ran = bool(ledger.acting) and ledger.acting[-1].n < ledger.last_edit
    no = {key: bool(pattern.search(clause.words)) for key, pattern in language.no.items()}
    plan = heading and planned(heading, language)
    return {
        "sounds like a claim": sounds,
        "and the code changed since": sounds * ran,
        "and nothing was run or read": sounds * (not facts.commands and not facts.looks),
        "and words nobody knows": sounds * min(len(strange), 6) / 3,
        "figures nobody knows": float(min(unknown, 2)),
        "figures of the log": float(min(known, 2)),
        "code nobody knows": float(min(codes.count(False), 2)),
        "code of the log": float(min(codes.count(True), 2)),
        "commands nobody ran": float(any(_missing(code, ledger) for code in clause.commands)),
        "names nobody knows": float(min(len(strangers(clause, ledger)), 2)),
        "tells of success": float(bool(language.success.search(clause.text))),
        "files changed": float(bool(facts.files)),
        "of a changed file": float(any(ledger.touching(code) for code in clause.codes)),
        "the last run failed": float(bool(ledger.acting) and not ledger.acting[-1].ok),
        "a claim in it is supported": float(supported),
        "beside a doubtful claim": sounds * beside,
        "denied": float(no["negated"]),
        "hedged": float(no["hedged"] or no["plan"]),
        "asked": float(bool(language.no["question"].search(clause.sentence))),
        "under a plan": float(bool(plan)),
    }


def beside(clause: Clause, doubtful: Iterable[tuple[int, int]], message: str) -> bool:
    """Whether a doubtful claim stands in the same line, at most NEAR letters away."""
    for start, end in doubtful:
        between = (
            message[end : clause.start] if end <= clause.start else message[clause.end : start]
        )
        if len(between) <= NEAR and "\n" not in between:
            return True
    return False


def kind(clause: Clause) -> str:
    """What it most sounds like."""
    odds = score(clause.text, clause.language.name)
    return max(odds, key=lambda label: odds[label])


def reason(clause: Clause, ledger: Ledger) -> str:
    """The strongest sign, in words."""
    text = CODE.sub(" ", clause.text)
    for found in NUMBER.finditer(text):
        if not _counted(found, ledger):
            return f"nothing in the log holds {found[1]}"
    for code in clause.codes:
        if not _knows(code, ledger):
            return f"nothing in the log has to do with `{code[:40]}`"
    if not ledger.facts.commands and not ledger.facts.looks:
        return "nothing was run or read"
    words = sorted(word for word in objects(clause.text) if word not in ledger.everything)
    return f"nothing in the log has to do with {words[0]}" if words else "the log does not show it"


def _figures(clause: Clause, ledger: Ledger) -> tuple[int, int]:
    """How many figures of a clause the log knows, and how many it does not."""
    told = " ".join(text for _, text in ledger.facts.said)
    known = unknown = 0
    for found in NUMBER.finditer(CODE.sub(" ", clause.text)):
        plain = found[1].replace(",", "")
        if (plain.isdigit() and int(plain) < 10 and not found[2]) or plain in told:
            continue
        if _counted(found, ledger):
            known += 1
        else:
            unknown += 1
    return known, unknown


def _counted(found: re.Match[str], ledger: Ledger) -> bool:
    plain = found[1].replace(",", "")
    unit = "" if found[2] in (None, "%") else found[2]
    return bool(
        ledger.with_number(plain)
        or ledger.commanded(plain)
        or ledger.measured(found[1], unit)
        or plain in ledger.facts.written
    )


def _missing(code: str, ledger: Ledger) -> bool:
    return " " in code and bool(KNOWN.match(code)) and not ledger.ran(code)


def _knows(code: str, ledger: Ledger) -> bool:
    return code.casefold() in ledger.everything or bool(ledger.workspace.mentions(code))


@cache
def _weights() -> tuple[float, dict[str, float]]:
    data = json.loads(Path(__file__).with_name("weighed.json").read_text("utf-8"))
    return data["bias"], data["weights"]
