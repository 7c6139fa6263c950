"""Claims in clauses that no pattern knows: those that sound like one to the linear model."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codex_py.core.receipt.message.found import Found, estimate
from codex_py.core.receipt.message.language import Rule
from codex_py.core.receipt.message.learned import score
from codex_py.core.receipt.message.names import lead
from codex_py.core.receipt.message.prose import Clause

NEVER = re.compile("(?!)")
"""The pattern of a rule that has none."""
HEARD = {
    "tests": Rule("tests", NEVER, does="heard", scope="suite", loose=True),
    "ran": Rule("ran", NEVER, does="heard", loose=True),
    "time": Rule("time", NEVER, loose=True),
    "count": Rule("count", NEVER, loose=True),
    "url": Rule("url", NEVER, loose=True),
}
ENOUGH = {"tests": 1.5, "ran": 1.5, "time": 1.0, "count": 1.0, "url": 0.8}
"""Log-odds from which a clause that no pattern knows is taken for a claim."""
FIGURE = re.compile(
    r"(?<![\w.#$/:-])(?P<number>\d[\d,]*(?:\.\d+)?)\s?"
    r"(?P<unit>ms|µs|us|ns|s|secs?|seconds?|mins?|minutes?|hours?|毫秒|微秒|秒|分钟?|小时)?(?![\w.]*\w)"
)


def heard(clause: Clause) -> Iterator[Found]:
    """Claims that sound like one, whatever their words: patterns come before them."""
    language = clause.language
    if any(language.no[key].search(clause.words) for key in ("plan", "hedged", "told", "negated")):
        return
    for kind, odds in score(clause.text, language.name).items():
        if odds < ENOUGH[kind]:
            continue
        at, end = lead(clause.text), len(clause.text.rstrip())
        if kind not in ("time", "count"):
            yield _whole(HEARD[kind], clause, at, end)
            continue
        for match in FIGURE.finditer(clause.text):
            groups = {key: value for key, value in match.groupdict().items() if value}
            whole = match["number"].replace(",", "")
            short = whole.isdigit() and int(whole) < 100
            if kind == "count" and short and not clause.text[match.end() :].startswith(("%", " %")):
                continue
            if bool(match["unit"]) != (kind == "time"):
                continue
            if not estimate(language, clause, match, groups):
                yield _whole(HEARD[kind], clause, match.start(), match.end(), groups)


def _whole(
    rule: Rule, clause: Clause, at: int, end: int, groups: dict[str, str] | None = None
) -> Found:
    text = clause.text[at:end]
    tool = next((each for each in clause.language.tools if each.pattern.search(text)), None)
    start = clause.start + at
    given = {**(groups or {}), "at": f"{at}-{end}"}
    return Found(rule.kind, text, start, start + len(text), rule, clause, given, tool)
