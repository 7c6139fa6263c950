"""Verdicts on `I ran it` and `I verified it`, where no command or tool is named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.verdict.ledger import Ledger

Ruling = tuple[Literal["supported", "unverified", "contradicted"], str, Sequence[int]]


def generic_run(claim: Found, ledger: Ledger) -> Ruling:
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
    named = objects(claim.clause.text)
    if named and not targets:
        lines = [(each.n, f"{each.command} {each.output}".casefold()) for each in commands]
        naming = [n for n, text in lines if any(word in text for word in named)]
        if not naming:
            return "unverified", f"no run in the log has to do with {sorted(named)[0]}", ()
        return "supported", "the log shows a run that names it", naming
    after = [each.n for each in acting if each.n > ledger.last_edit]
    if not after and not _EARLIER.search(claim.clause.sentence):
        return "unverified", "files changed after the last run", [acting[-1].n]
    return "supported", "the log shows commands that ran code", after or [acting[0].n]


_EARLIER = re.compile(
    r"\b(?:first|before|initially|originally|reproduc\w*|beforehand"
    r"|baseline|to start with)\b|先|最初|复现|之前",
    re.IGNORECASE,
)
_PLAIN = frozenset(
    """about after again against all also and both both code each every everything final fine from
    full have here into just locally manually new once over same successfully that the their them
    then there these this those through time times twice under until using was well were when which
    with without without would your application app change changes changed command commands example
    examples file files fix function it's result results script scripts program project server test
    tests tested testing times executed executing applied ran run running runs reran re-ran invoked
    launched
    started tried output outputs passed passes works worked clean cleanly error errors input inputs
    feature version versions path paths case cases few several some local whole entire whole thing
    things it end now still only what mode modes same invocation exercised silent quiet clean
    nothing none anything everything something one two three both them itself myself kind way side
    here there local locally hand again result outcome afterwards finally actually really simply
    time step steps sequence session sessions order fully own very
    twice for name names none three four five ten twenty thirty fifty hundred thousand dozen
    above before back mind previously earlier not rest column columns
    look looked looking looks view viewed seen start caveat complete completed migration done ready
    reproduced reproduce reproducing repro real actual been being does did done""".split()
)


def objects(text: str) -> set[str]:
    """The words of a clause that say what was run, beyond the plain ones."""
    words = re.findall(r"[A-Za-z][A-Za-z0-9_.+-]{2,}", re.sub(r"`[^`]*`", " ", text))
    lowered = {word.casefold().strip(".,-") for word in words}
    kept = {word for word in lowered if word not in _PLAIN and not word.endswith("ly")}
    return {re.sub(r"(?:ing|ed|es|s)$", "", word)[:6] for word in kept}


SEEING = re.compile(
    r"\b(?:grep\w*|rg|search\w*|look\w*|read\w*|scan\w*|inspect\w*|review\w*|diff\w*"
    r"|went (?:only )?by|hits?|matches)\b|搜|看了|查了|检索|阅读|读了|漏网",
    re.IGNORECASE,
)
"""What is done with the eye, or with grep: no program of the project has to run for it."""
_SPECIFIC = re.compile(r"`([^`]+)`|(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])")


def generic_look(claim: Found, ledger: Ledger, *, strong: bool) -> Ruling | None:
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
        shown = [each for each in specifics if re.search(r"\.(?:png|jpe?g|gif|webp)$", each)]
        if shown and not facts.pictures:
            return "unverified", f"the log shows no look at `{shown[0]}`", ()
        named = objects(text) if not specifics else set()
        if len(named) > 1 and not any(word in ledger.everything for word in named):
            return "unverified", f"nothing in the log has to do with {sorted(named)[0]}", ()
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
    looks = [n for n, _ in ledger.outputs if n > ledger.last_edit]
    if not since and looks and SEEING.search(text):
        return "supported", "it was looked at after the last change", looks
    good = [each for each in since if each.ok or any(one.outcome == "passed" for one in each.tests)]
    if since and not good:
        return (
            "contradicted",
            f"what ran last failed (exit code {since[-1].exit_code})",
            [since[-1].n],
        )
    if good:
        odd = _foreign(claim, ledger)
        if odd and not seen:
            return "unverified", f"nothing in the log has to do with {odd}", [good[-1].n]
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
    return "unverified", UNSHOWN, ()


UNSHOWN = "no run in the log shows it"
ENOUGH = 0.2
"""The share of a claim's words that the log must know."""


def _foreign(claim: Found, ledger: Ledger) -> str:
    """A word of the claim, where the log has none of its words that say something."""
    assert claim.clause is not None
    named = objects(claim.clause.text)
    spans = {code.split()[0].casefold() for code in claim.clause.codes if code.split()}
    known = [word for word in (*named, *spans) if word in ledger.everything]
    if len(named) < 3 or spans & set(known) or len(known) > ENOUGH * len(named):
        return ""
    return sorted(named)[0]


def heard(claim: Found, ledger: Ledger) -> Ruling | None:
    """Something must have run or been read that has to do with what the claim speaks of."""
    assert claim.clause is not None
    facts = ledger.facts
    if not facts.commands and not facts.looks:
        return "contradicted", "nothing was run or read", ()
    if any(ledger.touching(code) for code in claim.clause.codes):
        return None  # of a file that was changed: what it is like now
    odd = _foreign(claim, ledger)
    if odd:
        return "unverified", f"nothing in the log has to do with {odd}", ()
    if ledger.last_edit < 0 and (facts.looks or ledger.acting):
        return "supported", "the log shows it being looked at", _all(ledger)
    ruling = generic_look(claim, ledger, strong=True)
    if ruling is not None and ruling[1] == UNSHOWN:
        return None  # of what only sounds like a claim, three in four of these were none
    if ruling is not None and ruling[0] == "contradicted":
        well = claim.clause.language.success.search(claim.clause.text)
        return ruling if well else ("supported", "the log shows the run", ruling[2])
    return ruling


def _all(ledger: Ledger) -> list[int]:
    return [n for n, _ in ledger.outputs][-5:]
