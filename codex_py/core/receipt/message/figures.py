"""Figures of a message that nothing knows: not the log, not the task, not the files.

An agent that reports honestly took its numbers from somewhere. So a figure in a statement of
what is, that no pattern took for a claim, is one when it stands nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from codex_py.core.receipt.message.found import Found, estimate
from codex_py.core.receipt.message.heard import NEVER
from codex_py.core.receipt.message.language import Rule
from codex_py.core.receipt.message.prose import CODE, Clause

FIGURES = {kind: Rule(kind, NEVER, does="figure", loose=True) for kind in ("count", "time")}
CLOCK = re.compile(r"(?<![\w.:/-])(?P<name>\d{1,2}:\d{2}(?::\d{2})?)(?![\w:]|\.\d)")
FIGURE = re.compile(
    r"(?<![\w.#:/=<>≤≥~-])[$€¥£]?(?P<number>\d[\d,]*(?:\.\d+)?)(?![\w./:-]*\w)"
    r"(?P<unit>\s?(?:%|×|x\b|times\b|倍|[kKMG]i?B\b))?"
)
SET = re.compile(
    r"\b(?:versions?|ports?|status|HTTP|limit\w*|cap(?:ped|s)?|time-?outs?|deadlines?|defaults?|max\w*"
    r"|min\w*|chunks?|batch\w*|thresholds?|alpha|retr(?:y|ies)|ttl|config\w*|settings?|window"
    r"|set to|raised|lowered|bumped|line|lines|step|section|issue|PR|chapter|page|below|above|UTC"
    r"|GMT|year|answers?|returns?|returned|otherwise|up to|at least|at most|since|until|from"
    r"|Node|Python|Java|PHP|Ruby|Go|Rust|Safari|Chrome|Firefox|iOS|Android|Ubuntu|Debian|RFC|PEP|ES|C\+\+)\b"
    r"|版本|端口|状态码|上限|下限|限制|超时|默认|最大|最小|阈值|重试|缓存|配置|设为|设置|返回|行号|第|步"
    r"|并发|以内|以上|以下|不超过|每",
    re.IGNORECASE,
)
"""Words of settings, places and versions, whose figures nobody counted."""
PLANNED = re.compile(
    r"\b(?:cron\w*|schedul\w*|fires?|daily|nightly|night|morning|weekdays?|every|each|issued|opens?"
    r"|closes?|tests? (?:for|with)|case|example)\b|每|定时|凌晨|触发|用例|示例",
    re.IGNORECASE,
)
"""Words of clock times that are meant to come, or to be tried."""
TABLE = re.compile(r"\|.*\|")
SETTING = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|--\w")


def figures(clause: Clause) -> Iterator[Found]:
    """Figures that a statement holds, of a kind that one measures, counts or reads off a clock."""
    language = clause.language
    text = CODE.sub(lambda found: "`" * len(found[0]), clause.text)
    if any(language.no[key].search(text) for key in ("plan", "hedged", "told", "negated")):
        return
    row = bool(TABLE.search(clause.sentence))
    if row and SETTING.search(clause.sentence):
        return
    for match in CLOCK.finditer(text) if not PLANNED.search(clause.sentence) else ():
        yield _made("time", clause, match, {"name": match["name"]})
    if SET.search(text):
        return
    for match in FIGURE.finditer(text):
        groups = {"number": match["number"]}
        if _measured(match, row) and not estimate(language, clause, match, groups):
            yield _made("count", clause, match, groups)


def _measured(match: re.Match[str], row: bool) -> bool:
    """Whether it looks counted: a share, money, a decimal, many, or a cell of a table."""
    number = match["number"].replace(",", "")
    if not number.isdigit():
        return bool(match["unit"]) or len(number.partition(".")[2]) > 1 or row
    value = int(number)
    if match["unit"] or match[0][0] in "$€¥£" or "," in match["number"]:
        return True
    if len(number) == 3 and 100 <= value < 600 and value % 100 < 30 and not row:
        return False  # as the status of an HTTP answer
    return not 1990 <= value <= 2035 and (value > 99 or (row and value > 2))


def _made(kind: str, clause: Clause, match: re.Match[str], groups: dict[str, str]) -> Found:
    start, end = match.span()
    groups["at"] = f"{start}-{end}"
    at = clause.start
    return Found(kind, clause.text[start:end], at + start, at + end, FIGURES[kind], clause, groups)
