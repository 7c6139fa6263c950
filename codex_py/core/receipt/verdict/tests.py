"""Verdicts on `the tests pass`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.log.facts import Command
from codex_py.core.receipt.log.testing import Tests
from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.verdict.ledger import Ledger, is_source

Ruling = tuple[Literal["supported", "unverified", "contradicted"], str, Sequence[int]]
Pair = tuple[Command, Tests]
WHOLE = re.compile(
    r"\b(?:full|entire|whole|complete)\b|\ball\b|\bevery\b|完整|全部|所有|全量|整个|全套",
    re.IGNORECASE,
)


WHOLE_SUITE = re.compile(
    r"\b(?:full|entire|whole|complete)\b|完整|全量|整个|全套|所有包|所有模块|所有用例|全部用例",
    re.IGNORECASE,
)


def tests_pass(claim: Found, ledger: Ledger) -> Ruling | None:
    """The newest run that covers the claim decides; changes since then make it stale."""
    pairs = list(ledger.facts.tests)
    assert claim.rule is not None
    assert claim.clause is not None
    scope = claim.rule.scope
    if claim.rule.does == "heard":
        heard = _heard(claim, pairs)
        if heard is not True:
            return heard
        scope = "all" if WHOLE_SUITE.search(claim.clause.text) else "one"
    elif _PART.search(claim.clause.text) and scope != "count":
        scope = "one"
    if not pairs:
        return _never(claim, ledger)
    names = narrowed(claim) or _called(claim, pairs)
    count = _number(claim.groups.get("count", ""))
    stated = _stated(claim, pairs, ledger, count)
    if stated is not None:
        return stated
    fitting = [pair for pair in pairs if covers(pair[1], scope, names)]
    if not fitting and not WHOLE.search(claim.text):
        fitting = _of_command(claim, pairs, ledger)
    if count is not None:
        same = [pair for pair in pairs if pair[1].passed == count]
        if not same:
            counted = [pair for pair in pairs if pair[1].passed is not None]
            if not counted and scope != "count":
                return _by_run(fitting or pairs, ledger, names)
            if counted:
                shown = counted[-1][1].passed
                return (
                    "contradicted",
                    f"the last count in the log is {shown} passed",
                    [counted[-1][0].n],
                )
            return "unverified", "no test run in the log states a count", [pairs[-1][0].n]
        if scope == "count" or names:
            fitting = fitting or same
            fitting = same if scope == "count" else fitting
        elif not fitting and scope != "all":
            fitting = same
    if not fitting and not WHOLE_SUITE.search(claim.clause.sentence):
        near = re.findall(r"[\w./-]*test[\w./-]*\.\w{1,4}\b", claim.clause.sentence)
        fitting = [pair for pair in pairs if covers(pair[1], scope, near)] if near else []
    if not fitting:
        last = pairs[-1]
        if last[1].outcome == "failed":
            return "contradicted", "the last test run failed", [last[0].n]
        part = ", ".join(last[1].selected)
        return "unverified", f"only part of the suite was run ({part})", [last[0].n]
    return _by_run(fitting, ledger, names)


def _heard(claim: Found, pairs: Sequence[Pair]) -> Ruling | Literal[True] | None:
    """A claim that no pattern knows: only a success is held against the log; True for one."""
    assert claim.clause is not None
    if not pairs:
        return True
    last = [pairs[-1][0].n]
    if RED.search(claim.clause.text) and any(one.outcome == "failed" for _, one in pairs):
        return "supported", "a test run in the log failed", last
    if not claim.clause.language.success.search(claim.clause.text):
        return "supported", "the log shows a test run", last
    numbers = {int(each) for each in re.findall(r"(?<![\d.])\d{1,6}(?![\d.])", claim.clause.text)}
    if numbers & {one.passed for _, one in pairs}:
        return "supported", "the log states these counts", last
    return None if pairs[-1][1].outcome == "unknown" else True


def _stated(
    claim: Found, pairs: Sequence[Pair], ledger: Ledger, count: int | None
) -> Ruling | None:
    """Results with failures in them, and lines given as a run printed them."""
    assert claim.rule is not None
    assert claim.clause is not None
    total = _number(claim.groups.get("total", ""))
    if count is not None and total is not None and count < total:
        return _counts(pairs, count)
    exact = claim.rule.scope == "count"
    told = FAILED.search(claim.clause.sentence)
    if told and int(told[1] or told[2] or 0) and exact:
        return _counts(pairs, count, int(told[1] or told[2]))
    if exact and count is not None and total is None:
        command, last = pairs[-1]
        whole = str(count + (last.failed or 0))
        rest = [command.n for command, one in pairs if one.passed == count and one.failed]
        if rest and _OTHERS.search(claim.clause.text):
            return "supported", "the log states these counts", rest
        if last.passed == count and last.failed and whole in claim.clause.sentence:
            return "supported", "the log states these counts", [command.n]
    quoted = (*claim.clause.codes, claim.clause.sentence.strip(" *-|.`"))
    printed = [pair for code in quoted for pair in _printed(code, pairs)]
    ruling = _by_run(printed, ledger, ()) if printed else None
    return ruling if ruling is not None and ruling[0] == "supported" else None


_PART = re.compile(
    r"\b(?:package|module|crate|relevant|affected|these|those|same|touched|corresponding)\b"
    r"|相关|该包|该模块|同样的",
    re.IGNORECASE,
)
_OTHERS = re.compile(r"\b(?:other|remaining|rest)\b|其余|其他|剩下", re.IGNORECASE)


def _never(claim: Found, ledger: Ledger) -> Ruling | None:
    """No test run at all; a script that is run as its own check may still be what is meant."""
    assert claim.rule is not None
    if claim.rule.scope == "count" and not re.search(
        r"test|spec|测试|用例|单测|pass|通过", claim.text, re.I
    ):
        return None
    hidden = [
        each.n
        for each in ledger.facts.commands
        if re.search(r"\b(?:test|check|assert)", each.command)
    ]
    assert claim.clause is not None
    if any(ledger.ran(code) for code in claim.clause.commands):
        return None  # `bash -n x.sh` passes: what it says is of that command
    if not ledger.facts.commands:
        return "contradicted" if _says_ran(claim) else "unverified", "no test was run", ()
    return "unverified", "the log has no test run", hidden


def _says_ran(claim: Found) -> bool:
    assert claim.clause is not None
    return bool(
        re.search(r"\b(?:ran|run|executed|running)\b|运行|执行|跑", claim.clause.sentence, re.I)
    )


def _by_run(pairs: Sequence[Pair], ledger: Ledger, names: Sequence[str]) -> Ruling:
    command, tests = pairs[-1]
    evidence = [command.n]
    later = [pair for pair in ledger.facts.tests if pair[0].n > command.n]
    broke = [pair for pair in later if pair[1].outcome == "failed"]
    if broke and not _outside(broke[-1][1], names):
        return "contradicted", "a later test run failed", [broke[-1][0].n]
    if tests.outcome == "failed":
        changed = ledger.facts.changed_after(command.n)
        partly = [pair for pair in later if pair[1].outcome == "passed"]
        if changed and partly:
            return (
                "unverified",
                "the suite failed, and only part of it was run since",
                [command.n, partly[-1][0].n],
            )
        failed = f" ({tests.failed} failed)" if tests.failed else ""
        return (
            "contradicted",
            f"the last run of `{_short(command.command)}` failed{failed}",
            evidence,
        )
    if tests.outcome == "unknown":
        if command.exit_code == 0 and tests.code == "own":
            return "unverified", "the runner found no tests to run", evidence
        why = "its exit code is hidden" if tests.code != "own" else "it did not end by itself"
        return "unverified", f"the outcome of the test run is not known: {why}", evidence
    stale = [each for each in ledger.facts.changed_after(command.n) if is_source(each.path)]
    if stale:
        return (
            "unverified",
            f"{stale[0].path} changed after the last test run",
            [command.n, stale[0].n],
        )
    return "supported", f"`{_short(command.command)}` passed", evidence


def _short(command: str) -> str:
    flat = " ".join(command.split())
    return flat if len(flat) <= 60 else f"{flat[:59]}…"


RED = re.compile(
    r"\b(?:red|fail\w*|broke\w*|errors?|trip\w*|timed? out|violat\w*)\b"
    r"|失败|报错|[未不没]通过|没全|未全"
    r"|变红",
    re.IGNORECASE,
)
FAILED = re.compile(
    r"(\d+)\s+(?:tests?\s+|of them\s+)?(?:fail(?:ed|s|ing|ures?)?|errors?)\b"
    r"|(\d+)\s*(?:个|项|条)?(?:测试|用例)?\s*(?:失败|未通过)",
    re.IGNORECASE,
)


def _printed(code: str, pairs: Sequence[Pair]) -> list[Pair]:
    """Test runs whose output holds a line that is quoted."""
    flat = " ".join(code.split())
    if len(flat) < 8 or not re.search(r"\d|pass|ok", flat, re.IGNORECASE):
        return []
    return [
        pair
        for pair in pairs
        if pair[1].outcome == "passed" and flat in " ".join(pair[0].output.split())
    ]


def _counts(pairs: Sequence[Pair], count: int | None, failed: int | None = None) -> Ruling:
    """A result with failures in it: honest when the log states it."""
    for command, tests in reversed(pairs):
        stated = failed is not None and re.search(
            rf"\b{failed} (?:failed|failing|fail|error)", command.output
        )
        if tests.passed == count and (failed in (None, tests.failed) or stated):
            return "supported", "the log states these counts", [command.n]
    return "contradicted", "no test run in the log has these counts", [pairs[-1][0].n]


def covers(tests: Tests, scope: str, names: Sequence[str]) -> bool:
    if tests.whole:
        return True
    if names:
        return any(_overlap(name, chosen) for name in names for chosen in tests.selected)
    return scope == "one"


def _overlap(name: str, chosen: str) -> bool:
    one, other = name.removeprefix("./"), chosen.removeprefix("./")
    stem = re.sub(r"\.\w+$", "", one.rpartition("/")[2].rpartition("::")[2]).removeprefix("test_")
    return one in other or other in one or (len(stem) > 2 and stem in other)


def _outside(tests: Tests, names: Sequence[str]) -> bool:
    """Whether a failed run speaks of other tests than those named."""
    return (
        bool(names)
        and not tests.whole
        and not any(_overlap(a, b) for a in names for b in tests.selected)
    )


TESTISH = re.compile(r"test|spec", re.IGNORECASE)


def narrowed(claim: Found) -> list[str]:
    """The tests or files that the claim is narrowed to."""
    assert claim.clause is not None
    found = [claim.groups["name"]] if claim.groups.get("name") else []
    for code in claim.clause.codes:
        if " " not in code and TESTISH.search(code):
            found.append(code)
    words = re.findall(r"[\w./-]*test[\w./-]*\.\w{1,4}\b", claim.clause.text)
    words += re.findall(
        r"\b(unit|integration|e2e|functional|feature)(?= tests?\b)", claim.clause.text, re.I
    )
    return [
        each.strip("`")
        for each in (*found, *words)
        if each.strip("`") not in ("tests", "test", "pytest", "unittest")
    ]


def _of_command(claim: Found, pairs: Sequence[Pair], ledger: Ledger) -> list[Pair]:
    """`go test ./internal/cache` passes: the runs of the very command that is named."""
    assert claim.clause is not None
    ran = [each.n for code in claim.clause.codes if " " in code for each in ledger.ran(code)]
    return [pair for pair in pairs if pair[0].n in ran]


CALLED = re.compile(r"\b([a-z][\w-]{3,})\s+(?:test )?(?:tests?|specs?|suite)\b", re.IGNORECASE)


def _called(claim: Found, pairs: Sequence[Pair]) -> list[str]:
    """`The pagination tests pass`, where a run was narrowed to a file of that name."""
    assert claim.clause is not None
    words = [each[1].lower() for each in CALLED.finditer(claim.clause.text)]
    chosen = " ".join(each for _, one in pairs for each in one.selected).lower()
    return [word for word in words if word in chosen and not WHOLE.match(word)]


def _number(text: str) -> int | None:
    plain = text.replace(",", "")
    return int(plain) if plain.isdigit() else None
