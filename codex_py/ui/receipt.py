"""A receipt in words: one line for the end of a turn, and the details on demand."""

from __future__ import annotations

from collections.abc import Sequence

from codex_py.core.receipt import Claim, Receipt
from codex_py.core.receipt.log.facts import Command, Facts, File
from codex_py.core.receipt.log.testing import Tests
from codex_py.core.receipt.plain import grouped, net_kind, total
from codex_py.ui.text import duration, one_line

MARKS = {"supported": "✓", "unverified": "?", "contradicted": "✗"}


def line(receipt: Receipt) -> str:
    """What happened, in one line; empty when nothing did and nothing was claimed."""
    facts = receipt.facts
    parts = [_commands(facts), _tests(facts), _files(facts), _rest(facts), _claims(receipt)]
    return " · ".join(each for each in parts if each)


def doubts(receipt: Receipt, most: int = 3) -> list[str]:
    """A line for each claim that the log does not support."""
    found = [doubt(each) for each in receipt.doubtful]
    if len(found) > most:
        found = [*found[:most], f"… and {len(found) - most} more"]
    return found


def doubt(claim: Claim) -> str:
    """One claim with its verdict and why."""
    return f'{MARKS[claim.verdict]} {claim.verdict}: "{one_line(claim.text, 100)}" ({claim.why})'


def details(receipt: Receipt) -> list[str]:
    """Everything, line by line."""
    facts = receipt.facts
    found = [_command_line(each) for each in facts.commands]
    for some in grouped(facts.files):
        sign = {"add": "A", "delete": "D", "none": "-"}.get(net_kind(some), "M")
        found.append(f"{sign} {one_line(some[-1].path, 200)}{_counts(some)}")
    if facts.stale:
        found.append(f"! changed after the last test run: {one_line(', '.join(facts.stale), 200)}")
    found += [f"! refused ({each.by}): {one_line(each.what, 160)}" for each in facts.denied]
    found += [f"▣ picture: {one_line(name or 'unnamed', 160)}" for _, name in facts.pictures]
    found.append(f"network: {NETWORK[facts.network]}")
    for each in receipt.claims:
        at = f" [entry {', '.join(map(str, each.evidence[:5]))}]" if each.evidence else ""
        found.append(f'{MARKS[each.verdict]} "{one_line(each.text, 100)}": {each.why}{at}')
    return found


NETWORK = {
    "off": "off for every command",
    "possible": "commands could have used it",
    "used": "used",
}


def _command_line(each: Command) -> str:
    mark = "▸" if each.running else "✓" if each.ok else "✗"
    ended = "timed out" if each.timed_out else f"exit {each.exit_code}"
    if each.running:
        ended = "went on in the background"
    if each.signal is not None:
        ended = f"signal {each.signal}"
    tests = "".join(f" · {_tested(one)}" for one in each.tests)
    who = " (required)" if each.harness else ""
    return (
        f"{mark} $ {one_line(each.command, 160)}{who} · {ended} · {duration(each.seconds)}{tests}"
    )


def _commands(facts: Facts) -> str:
    count = len(facts.commands)
    if not count:
        return "no command"
    failed = sum(not each.ok and not each.running for each in facts.commands)
    return f"{count} command{'s' if count > 1 else ''}" + (f" ({failed} failed)" if failed else "")


def _tests(facts: Facts) -> str:
    if not facts.tests:
        return "no tests run"
    _, tests = facts.tests[-1]
    stale = f", stale: {len(facts.stale)} changed since" if facts.stale else ""
    return f"tests: {_tested(tests)}{stale}"


def _tested(tests: Tests) -> str:
    counts = [
        f"{value} {word}"
        for value, word in ((tests.failed, "failed"), (tests.passed, "passed"))
        if value
    ]
    part = "" if tests.whole else " (part of the suite)"
    known = {"passed": "passed", "failed": "failed", "unknown": "outcome not known"}
    said = ", ".join(counts) if counts else known[tests.outcome]
    return f"{said}{part}"


def _files(facts: Facts) -> str:
    groups = [some for some in grouped(facts.files) if net_kind(some) != "none"]
    if not groups:
        return "no file changed"
    flat = [each for some in groups for each in some]
    return f"{len(groups)} file{'s' if len(groups) > 1 else ''}{_counts(flat)}"


def _counts(some: Sequence[File]) -> str:
    added, removed = total(some, "added"), total(some, "removed")
    return "" if added is None and removed is None else f" +{added or 0} -{removed or 0}"


def _rest(facts: Facts) -> str:
    found = []
    if facts.denied:
        found.append(f"{len(facts.denied)} refused")
    if facts.network != "off":
        found.append(f"network {facts.network}")
    if facts.pictures:
        found.append(f"{len(facts.pictures)} pictures" if len(facts.pictures) > 1 else "1 picture")
    return " · ".join(found)


def _claims(receipt: Receipt) -> str:
    if not receipt.claims:
        return ""
    counts = []
    for verdict in ("supported", "unverified", "contradicted"):
        number = sum(each.verdict == verdict for each in receipt.claims)
        if number:
            counts.append(f"{number} {verdict}")
    return "claims: " + ", ".join(counts)
