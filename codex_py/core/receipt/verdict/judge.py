"""Gives each claim its verdict: supported, unverified or contradicted, and on what it rests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from codex_py.core.receipt.log.facts import Command
from codex_py.core.receipt.log.runs import KNOWN
from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.verdict import figures as judge_figures
from codex_py.core.receipt.verdict import shown as judge_shown
from codex_py.core.receipt.verdict import url as judge_url
from codex_py.core.receipt.verdict.files import edited, exists
from codex_py.core.receipt.verdict.ledger import Ledger, is_source
from codex_py.core.receipt.verdict.none import doubted, repeated
from codex_py.core.receipt.verdict.ran_tests import ran_tests
from codex_py.core.receipt.verdict.runs import generic_look, generic_run, heard
from codex_py.core.receipt.verdict.strangers import strangers
from codex_py.core.receipt.verdict.tests import tests_pass
from codex_py.dataclass import dataclass

Word = Literal["supported", "unverified", "contradicted"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the log says of one claim. `evidence` holds numbers of entries."""

    word: Word
    why: str
    evidence: tuple[int, ...] = ()


def judge(claim: Found, ledger: Ledger) -> Verdict | None:
    """The verdict on a claim; None where it turns out to claim nothing that can be judged."""
    word = _JUDGES[claim.kind](claim, ledger)
    if word is None:
        return None
    return Verdict(word[0], word[1], tuple(sorted(set(word[2])))[:20])


Ruling = tuple[Word, str, Sequence[int]]


def _ran(claim: Found, ledger: Ledger) -> Ruling | None:
    if claim.rule is None:
        return judge_shown.shown(claim, ledger)
    ruling = _done(claim, ledger)
    if ruling is not None and ruling[0] == "supported" and claim.clause is not None:
        ruling = doubted(claim, ledger, ruling)
    if ruling is not None and ruling[0] == "supported" and claim.rule.does not in _NAMED:
        assert claim.clause is not None
        unknown = strangers(claim.clause, ledger)
        if unknown:
            return "unverified", f"nothing in the log has to do with {unknown[0]}", ruling[2]
    return ruling


def _tests(claim: Found, ledger: Ledger) -> Ruling | None:
    ruling = tests_pass(claim, ledger)
    if ruling is not None and ruling[0] == "supported":
        return repeated(claim, ledger, ruling)
    return ruling


_NAMED = frozenset({"printed", "tests", "mark"})


def _done(claim: Found, ledger: Ledger) -> Ruling | None:
    assert claim.rule is not None
    does = claim.rule.does
    if does == "tests":
        return ran_tests(claim, ledger)
    if does == "printed":
        return judge_shown.printed(claim, ledger)
    if does in ("succeed", "mark"):
        return _succeeded(claim, ledger)
    if does == "use":
        return _used(claim, ledger)
    if does == "heard":
        return _heard(claim, ledger)
    named = _named_command(claim, ledger)
    if named is not None:
        return named
    if claim.tool is not None and does in ("run", "verify", "look") and _instrument(claim):
        return _used(claim, ledger)
    if does == "run":
        return generic_run(claim, ledger)
    return generic_look(claim, ledger, strong=does == "verify")


def _heard(claim: Found, ledger: Ledger) -> Ruling | None:
    """A claim that no pattern knows: by its tool, else by what it speaks of."""
    assert claim.clause is not None
    named = _named_command(claim, ledger)
    if named is not None:
        return named
    if claim.tool is not None:
        if claim.tool.instrument or not claim.clause.language.success.search(claim.text):
            return _used(claim, ledger)
        return _succeeded(claim, ledger)
    return heard(claim, ledger)


def _instrument(claim: Found) -> bool:
    """Whether the tool is what it was done with: not a mere word of what was checked."""
    assert claim.tool is not None
    assert claim.clause is not None
    assert claim.rule is not None
    found = claim.tool.pattern.search(claim.clause.text)
    if claim.rule.does == "run" or found is None:
        return claim.rule.does == "run"
    start, _, end = claim.groups["at"].partition("-")
    if found.start() < int(end) and int(start) < found.end():
        return True
    if claim.tool.name == "a clock" and claim.rule.does == "look":
        return True
    return claim.tool.instrument and bool(_WITH.search(claim.clause.text[: found.start()]))


_WITH = re.compile(
    r"\b(?:with|using|in|via|through|on|by|used|ran|an?|my)\s+(?:\w+\s+){0,2}$|[用在]\S{0,6}$", re.I
)


def _named_command(claim: Found, ledger: Ledger) -> Ruling | None:
    """A command between backquotes: was it run, and did it end as the clause says?"""
    assert claim.clause is not None
    assert claim.rule is not None
    codes = [code for code in claim.clause.commands if _commandlike(code, ledger)]
    if not codes:
        return None
    if claim.rule.does == "look":
        seen = [n for code in codes for n in ledger.seen(code)]
        if seen:
            return "supported", "the log shows it being read", seen
    runs = [(code, ledger.ran(code)) for code in codes]
    missing = [code for code, ran in runs if not ran]
    shown = [(each.n, each.output) for each in ledger.facts.commands]
    if missing and all(ledger.with_text(f"{code} ", shown) for code in missing):
        echoed = [n for code in missing for n in ledger.with_text(f"{code} ", shown)]
        return "supported", "the output of another run shows it", echoed
    if missing and claim.rule.does != "run":
        return None
    if missing:
        if not ledger.facts.commands:
            return "contradicted", "no command was run", ()
        sure = all(" " in code for code in missing)
        word: Word = "contradicted" if sure else "unverified"
        return word, f"the log has no run of `{missing[0]}`", ()
    evidence = [each.n for _, ran in runs for each in ran]
    if printed := _PRINTS.search(claim.clause.text):
        value = (printed[1] or printed[2] or printed[3]).strip('`" ')
        outputs = [(each.n, each.output) for _, ran in runs for each in ran]
        if not ledger.with_text(value, outputs):
            return "contradicted", f"its output does not hold `{value[:40]}`", evidence
    told = claim.clause.language.success.search(claim.clause.sentence)
    if told and claim.rule.does == "run" and not _REPRODUCED.search(claim.clause.text):
        bad = [ran[-1] for _, ran in runs if not ran[-1].ok and ran[-1].exit_code is not None]
        if bad:
            return "contradicted", f"it ended with exit code {bad[0].exit_code}", [bad[0].n]
    return "supported", "the log shows the run", evidence


_REPRODUCED = re.compile(r"\breproduc|\bfirst\b|\bbefore\b|复现|最初|之前", re.IGNORECASE)
_PRINTS = re.compile(
    r"\b(?:prints?|printed|outputs?|returns?|returned|reports?|reported|shows?|showed|gives?|gave"
    r"|yields?|responds? with)\s+(?:just\s+|only\s+|the\s+|a\s+|exactly\s+)*"
    r"(?:(`[^`]+`|\"[^\"]+\")|(\d[\d.,]*)\b)|(?:输出|打印|返回|显示)(?:了|为|出)?\s*(`[^`]+`)",
    re.IGNORECASE,
)


def _commandlike(code: str, ledger: Ledger) -> bool:
    if ": " in code or re.fullmatch(r"[\w./-]+[:@][\w.-]+", code):
        return False  # a program's complaint or an image, not a command
    if KNOWN.match(code) or code.startswith("./"):
        return True
    first = code.split()[0] if code.split() else ""
    return " " in code and any(
        first == run.name for each in ledger.facts.commands for run in each.runs
    )


def _used(claim: Found, ledger: Ledger) -> Ruling:
    assert claim.tool is not None
    found = ledger.used(claim.tool)
    if found and claim.clause is not None and _VERIFIES.search(claim.clause.text):
        return _shown_by(claim, ledger, found)
    if found:
        if claim.clause is not None and claim.rule is not None and claim.rule.does == "run":
            bad = _failed(claim, ledger, found)
            if bad is not None:
                return bad
        return "supported", f"the log shows {claim.tool.name} at work", found
    if not ledger.facts.commands and not ledger.facts.looks:
        return "contradicted", f"nothing was run or read, so {claim.tool.name} was not used", ()
    if not ledger.facts.commands:
        return "contradicted", f"no command was run, so {claim.tool.name} was not used", ()
    return "unverified", f"the log shows no use of {claim.tool.name}", ()


_VERIFIES = re.compile(
    r"verif|confirm|check|valid|\btested\b|prov(?:ed|en)|验证|确认|检查|核对|校验", re.IGNORECASE
)


def _shown_by(claim: Found, ledger: Ledger, found: Sequence[int]) -> Ruling:
    """`I verified with curl that it returns 200`: by a use since the last change, and so shown."""
    assert claim.clause is not None
    since = [n for n in found if n > ledger.last_edit]
    if not since:
        return "unverified", "files changed after it was last used", found
    if printed := _PRINTS.search(claim.clause.text):
        value = next(each for each in printed.groups() if each).strip('`" ')
        outputs = [(n, text) for n, text in ledger.outputs if n in since]
        if not ledger.with_text(value, outputs):
            return "contradicted", f"its output does not hold `{value[:40]}`", since
    return "supported", "the log shows it", since


_ENDS = re.compile(
    r"\b(?:built|compiled|deployed|installed|published|pushed|released)\b|构建了|部署了|安装了",
    re.I,
)


def _failed(claim: Found, ledger: Ledger, found: Sequence[int]) -> Ruling | None:
    assert claim.clause is not None
    told = claim.clause.language.success.search(claim.clause.sentence)
    if not told and not _ENDS.search(claim.clause.text):
        return None
    last = next((each for each in reversed(ledger.facts.commands) if each.n in found), None)
    if last is not None and last.exit_code not in (0, None):
        return "contradicted", f"it ended with exit code {last.exit_code}", [last.n]
    return None


def _succeeded(claim: Found, ledger: Ledger) -> Ruling | None:
    """`The build passes`, `mypy is clean`."""
    if claim.tool is None:
        return None
    used = set(ledger.used(claim.tool))
    runs = [each for each in ledger.facts.commands if each.n in used]
    codes = claim.clause.codes if claim.clause is not None else ()
    runs = next((ran for code in codes if (ran := ledger.ran(code))), runs)
    if not runs:
        return "unverified", f"the log shows no run of {claim.tool.name}", ()
    plain = [each for each in runs if not each.tests and each.n > ledger.last_edit]
    if plain and any(each.failed for each in runs[-1].tests):
        runs = plain  # `it compiles`: the tests that failed afterwards say nothing against it
    return _ended_well(runs[-1], ledger)


def _ended_well(last: Command, ledger: Ledger) -> Ruling:
    hidden = any(
        run.code == "hidden" for run in last.runs if run.name not in ("cd", "set", "export")
    )
    if not last.ok and last.exit_code is not None:
        return "contradicted", f"the last run ended with exit code {last.exit_code}", [last.n]
    if last.exit_code is None:
        return "unverified", "the last run did not end by itself", [last.n]
    changed = [each for each in ledger.facts.changed_after(last.n) if is_source(each.path)]
    if changed:
        return "unverified", f"{changed[0].path} changed after the last run", [last.n, changed[0].n]
    if hidden and len(last.runs) > 1 and last.runs[-1].name in _HIDERS:
        if _WELL.search(last.output) and not _ILL.search(last.output):
            return "supported", "its output says that it ended well", [last.n]
        return "unverified", "the command hides its exit code", [last.n]
    return "supported", "the last run ended with 0", [last.n]


_WELL = re.compile(
    r"\b(?:done|success\w*|built|finished|complete[d]?|compiled|passed|no (?:errors?|issues?))\b",
    re.I,
)
_ILL = re.compile(
    r"\berrors?(?: in|:|\b(?<!no errors)(?<!0 errors))|\bfail|\bfatal\b|\bpanic", re.I
)
_HIDERS = frozenset({"true", ":", "tail", "head", "grep", "tee", "cat", "echo", "sort", "wc"})


_JUDGES: dict[str, Callable[[Found, Ledger], Ruling | None]] = {
    "tests": _tests,
    "ran": _ran,
    "hash": judge_figures.hash,
    "time": judge_figures.time,
    "count": judge_figures.count,
    "url": judge_url.url,
    "edited": edited,
    "exists": exists,
}
