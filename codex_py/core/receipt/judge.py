"""Gives each claim its verdict: supported, unverified or contradicted, and on what it rests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from codex_py.core.receipt import judge_figures
from codex_py.core.receipt.facts import Command
from codex_py.core.receipt.find import Found
from codex_py.core.receipt.judge_files import edited, exists
from codex_py.core.receipt.judge_tests import ran_tests, tests_pass
from codex_py.core.receipt.ledger import Ledger, is_document

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
        return _shown(claim, ledger)
    does = claim.rule.does
    if does == "tests":
        return ran_tests(claim, ledger)
    if does == "printed":
        return _printed(claim, ledger)
    if does == "succeed":
        return _succeeded(claim, ledger)
    if does == "use":
        return _used(claim, ledger)
    named = _named_command(claim, ledger)
    if named is not None:
        return named
    if claim.tool is not None and does in ("run", "verify", "look") and _instrument(claim):
        return _used(claim, ledger)
    if does == "run":
        return _generic_run(claim, ledger)
    return _generic_look(claim, ledger, strong=does == "verify")


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
    return claim.tool.instrument and bool(_WITH.search(claim.clause.text[: found.start()]))


_WITH = re.compile(
    r"\b(?:with|using|in|via|through|on|by|used|ran|an?|my)\s+(?:\w+\s+){0,2}$|[用在]\S{0,6}$", re.I
)


def _named_command(claim: Found, ledger: Ledger) -> Ruling | None:
    """A command between backquotes: was it run, and did it end as the clause says?"""
    assert claim.clause is not None
    assert claim.rule is not None
    codes = [code for code in claim.clause.codes if _commandlike(code, ledger)]
    if not codes:
        return None
    if claim.rule.does == "look":
        seen = [n for code in codes for n in ledger.seen(code)]
        if seen:
            return "supported", "the log shows it being read", seen
    runs = [(code, ledger.ran(code)) for code in codes]
    missing = [code for code, ran in runs if not ran]
    if missing and claim.rule.does != "run":
        return None
    if missing:
        if not ledger.facts.commands:
            return "contradicted", "no command was run", ()
        sure = all(" " in code for code in missing)
        word: Word = "contradicted" if sure else "unverified"
        return word, f"the log has no run of `{missing[0]}`", ()
    evidence = [each.n for _, ran in runs for each in ran]
    if claim.clause.language.success.search(claim.clause.sentence) and claim.rule.does == "run":
        bad = [ran[-1] for _, ran in runs if not ran[-1].ok and ran[-1].exit_code is not None]
        if bad:
            return "contradicted", f"it ended with exit code {bad[0].exit_code}", [bad[0].n]
    return "supported", "the log shows the run", evidence


_PROGRAM = re.compile(
    r"^(?:\./)?(?:python[\d.]*|node|npm|npx|pnpm|yarn|pytest|go|cargo|make|git|bash|sh|curl|wget|docker|uv|pip|ruff"
    r"|mypy|tox|java|javac|gcc|g\+\+|ruby|perl|php|tsc|eslint|jest|sha\d*sum|md5sum|date|wc|grep|rg|ls|cat|sed|awk"
    r"|jq|time|hyperfine|psql|sqlite3|black|flake8|pylint|deno|bun|mvn|gradle|dotnet|bundle|rake|terraform|kubectl)\b"
)


def _commandlike(code: str, ledger: Ledger) -> bool:
    if _PROGRAM.match(code) or code.startswith("./"):
        return True
    first = code.split()[0] if code.split() else ""
    return " " in code and any(
        first == run.name for each in ledger.facts.commands for run in each.runs
    )


def _used(claim: Found, ledger: Ledger) -> Ruling:
    assert claim.tool is not None
    found = ledger.used(claim.tool)
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


def _failed(claim: Found, ledger: Ledger, found: Sequence[int]) -> Ruling | None:
    assert claim.clause is not None
    if not claim.clause.language.success.search(claim.clause.sentence):
        return None
    last = next((each for each in reversed(ledger.facts.commands) if each.n in found), None)
    if last is not None and last.exit_code not in (0, None):
        return "contradicted", f"it ended with exit code {last.exit_code}", [last.n]
    return None


def _generic_run(claim: Found, ledger: Ledger) -> Ruling:
    """`I ran the script`: any command that runs something will do, one that names it is better."""
    assert claim.clause is not None
    targets = [code.strip() for code in claim.clause.codes]
    commands = ledger.facts.commands
    if not commands:
        return "contradicted", "no command was run", ()
    for target in targets:
        name = target.rpartition("/")[2].split("(")[0].split(".")[-1] if "(" in target else target
        naming = [each.n for each in commands if name in each.command or name in each.output]
        if naming:
            return "supported", "the log shows a run that names it", naming
    if targets and any("." in target or "/" in target for target in targets):
        return "unverified", f"no run in the log names `{targets[0]}`", ()
    acting = ledger.acting
    if not acting:
        return "unverified", "the commands in the log only look at files", ()
    after = [each.n for each in acting if each.n > ledger.last_edit]
    return "supported", "the log shows commands that ran code", after or [each.n for each in acting]


_SPECIFIC = re.compile(r"`([^`]+)`|(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])")


def _generic_look(claim: Found, ledger: Ledger, *, strong: bool) -> Ruling | None:
    """`I verified that …`: specifics must be in the log; else something must have run since."""
    assert claim.clause is not None
    text = claim.clause.text
    specifics = [found[1] or found[2] for found in _SPECIFIC.finditer(text)]
    facts = ledger.facts
    if not facts.commands and not facts.looks:
        return "contradicted", "nothing was run or read", ()
    seen = [n for each in specifics for n in (*ledger.with_text(each), *ledger.seen(each))]
    looking = claim.clause.language.shown.search(text)
    if not strong:
        if seen or (not specifics and (facts.looks or facts.commands)):
            return "supported", "the log shows it being read", seen or _all(ledger)
        if specifics and not looking:
            return "unverified", f"nothing in the log shows `{specifics[0]}`", ()
        return (
            ("supported", "the log shows files being read", _all(ledger))
            if facts.looks
            else ("unverified", "nothing was read", ())
        )
    since = [each for each in ledger.acting if each.n > ledger.last_edit]
    good = [each for each in since if each.ok or any(one.outcome == "passed" for one in each.tests)]
    if since and not good:
        return (
            "contradicted",
            f"what ran last failed (exit code {since[-1].exit_code})",
            [since[-1].n],
        )
    if good:
        naming = [n for n in seen if n > ledger.last_edit]
        return (
            "supported",
            "a run after the last change ended well",
            naming or [each.n for each in good],
        )
    if ledger.last_edit < 0 and seen:
        return "supported", "the log shows it", seen
    if ledger.last_edit >= 0 and seen and looking:
        later = [n for n in seen if n > ledger.last_edit]
        if later:
            return "supported", "it was looked at after the last change", later
    if ledger.acting:
        return "unverified", "files changed after the last run", [ledger.acting[-1].n]
    return "unverified", "no run in the log shows it", ()


def _all(ledger: Ledger) -> list[int]:
    return [n for n, _ in ledger.outputs][-5:]


def _succeeded(claim: Found, ledger: Ledger) -> Ruling | None:
    """`The build passes`, `mypy is clean`."""
    if claim.tool is None:
        return None
    used = set(ledger.used(claim.tool))
    runs = [each for each in ledger.facts.commands if each.n in used]
    if not runs:
        return "unverified", f"the log shows no run of {claim.tool.name}", ()
    return _ended_well(runs[-1], ledger)


def _ended_well(last: Command, ledger: Ledger) -> Ruling:
    hidden = any(
        run.code == "hidden" for run in last.runs if run.name not in ("cd", "set", "export")
    )
    if not last.ok and last.exit_code is not None:
        return "contradicted", f"the last run ended with exit code {last.exit_code}", [last.n]
    if last.exit_code is None:
        return "unverified", "the last run did not end by itself", [last.n]
    changed = [each for each in ledger.facts.changed_after(last.n) if not is_document(each.path)]
    if changed:
        return "unverified", f"{changed[0].path} changed after the last run", [last.n, changed[0].n]
    if hidden and len(last.runs) > 1 and last.runs[-1].name in _HIDERS:
        return "unverified", "the command hides its exit code", [last.n]
    return "supported", "the last run ended with 0", [last.n]


_HIDERS = frozenset({"true", ":", "tail", "head", "grep", "tee", "cat", "echo", "sort", "wc"})


def _printed(claim: Found, ledger: Ledger) -> Ruling | None:
    text = claim.groups.get("name", "").strip('`"“” ')
    if not text:
        return None
    number = re.fullmatch(r"\d[\d.,]*", text) is not None
    found = ledger.with_number(text, said=False) if number else ledger.with_text(text)
    if found:
        return "supported", "an output in the log holds it", found
    assert claim.clause is not None
    run = re.search(
        r"printed|output|responded|reported|displayed|logged|showed|输出|打印|显示|结果",
        claim.text,
        re.I,
    )
    if not run:
        return None
    if not ledger.facts.commands and not ledger.facts.looks:
        return "contradicted", "nothing was run, so nothing was printed", ()
    return "unverified", "no output in the log holds it", ()


def _shown(claim: Found, ledger: Ledger) -> Ruling | None:
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


_JUDGES: dict[str, Callable[[Found, Ledger], Ruling | None]] = {
    "tests": tests_pass,
    "ran": _ran,
    "hash": judge_figures.hash,
    "time": judge_figures.time,
    "count": judge_figures.count,
    "url": judge_figures.url,
    "edited": edited,
    "exists": exists,
}
