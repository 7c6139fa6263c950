"""Receipts: what really happened in a turn, and the final message held against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from codex_py.core.entries import Assistant, Entry, Json
from codex_py.dataclass import dataclass

if TYPE_CHECKING:
    from codex_py.core.receipt.log.facts import Facts
    from codex_py.core.receipt.verdict.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files as they are now. Each function gives None where it cannot tell.

    `exists` takes a path as spelled in a message; `mentions` says whether a word stands in
    the code (documentation left out).
    """

    exists: Callable[[str], bool | None]
    mentions: Callable[[str], bool | None]


def _untold(word: str) -> bool | None:
    del word
    return None


UNKNOWN = Workspace(_untold, _untold)
"""Nothing is known of the files."""


LONGEST = 60_000
"""Characters of a message that are read for claims."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of the final message, with what the log says of it.

    `start` and `end` are offsets into the message, in characters; `evidence` holds the numbers
    of the entries that the verdict rests on.
    """

    text: str
    start: int
    end: int
    kind: str
    verdict: str
    evidence: tuple[int, ...]
    why: str

    def plain(self) -> Json:
        """As JSON data."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "kind": self.kind,
            "verdict": self.verdict,
            "evidence": list(self.evidence),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Receipt:
    """The facts of a turn and the claims of its final message."""

    facts: Facts
    claims: tuple[Claim, ...]

    @property
    def doubtful(self) -> tuple[Claim, ...]:
        """The claims that the log does not support."""
        return tuple(each for each in self.claims if each.verdict != "supported")


def final_message(turn: Sequence[Entry]) -> str:
    """The last whole message of a turn; empty when there is none."""
    for entry in reversed(turn):
        if isinstance(entry, Assistant) and not entry.partial and entry.text.strip():
            return entry.text
    return ""


def receipt(
    entries: Sequence[Entry], start: int = 0, *, cwd: str = "", workspace: Workspace = UNKNOWN
) -> Receipt:
    """The receipt of the turn that begins at place `start` of a session's entries.

    The facts are the turn's; claims are held against the whole session.
    """
    from codex_py.core.receipt.log.facts import facts  # late: when a turn is over

    turn = entries[start:]
    message = final_message(turn)
    mine = facts(turn)
    if not message:
        return Receipt(mine, ())
    whole = facts(entries) if start else mine
    from codex_py.core.receipt.verdict.ledger import Ledger  # late: as above

    return Receipt(mine, claims(message, Ledger(whole, workspace, cwd)))


def claims(message: str, ledger: Ledger, *, weigh: bool = True) -> tuple[Claim, ...]:
    """The claims of a message, judged by facts and by the files as they are now.

    First those that patterns find; then, unless `weigh` is false, clauses in which no doubtful
    one was found, where enough speaks for one all the same.
    """
    from codex_py.core.receipt.message.find import find  # late: loads the language data
    from codex_py.core.receipt.verdict.judge import judge  # late: as above

    found = []
    for each in find(message[:LONGEST]):
        verdict = judge(each, ledger)
        if verdict is not None:
            found.append(
                Claim(
                    message[each.start : each.end],
                    each.start,
                    each.end,
                    each.kind,
                    verdict.word,
                    verdict.evidence,
                    verdict.why,
                )
            )
    return tuple(_weighed(message[:LONGEST], ledger, found) if weigh else found)


def _weighed(message: str, ledger: Ledger, found: list[Claim]) -> list[Claim]:
    from codex_py.core.receipt.message.prose import clauses  # late: as above
    from codex_py.core.receipt.verdict.weighed import (  # late: as above
        ENOUGH,
        beside,
        doubt,
        kind,
        reason,
    )

    doubtful = [
        (each.start, each.end)
        for each in found
        if each.verdict != "supported" and each.kind in ("ran", "tests", "url")
    ]
    for clause in clauses(message):
        mine = [each for each in found if each.start < clause.end and clause.start < each.end]
        if any(each.verdict != "supported" for each in mine):
            continue
        near = beside(clause, doubtful, message)
        if doubt(clause, ledger, supported=bool(mine), beside=near) < ENOUGH:
            continue
        plain = clause.text.strip(" -*•#|\t")  # what is quoted is blank in it
        start = clause.start + clause.text.index(plain)
        text = message[start : start + len(plain)]
        why = reason(clause, ledger)
        claim = Claim(text, start, start + len(text), kind(clause), "unverified", (), why)
        found = [each for each in found if each not in mine or each.kind in ("edited", "exists")]
        found.append(claim)
    return sorted(found, key=lambda each: (each.start, each.end))
