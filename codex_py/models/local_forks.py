"""Pure: the second-best answer: where the model was least sure, the other way is taken.

A small model asked again says the same again, and at a higher temperature it says worse. Its own
probabilities tell more: of all places in an answer, one had the likeliest other word.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from codex_py.core.entries import Json
from codex_py.models.local_grammar import CONTENT, quoted

AT_ONCE = ("nothing", "same", "tried", "back")
"""Doubts that are met by a fork; before the others comes a hint."""
STARTS = {"edit": "=======\n", "write": "\n```", "run": "run "}
"""What stands before the part of an answer that may go another way."""
TAILS = {
    "edit": '[^\\n]* "\\n" new* ">>>>>>> new"',
    "write": '[^\\n]* "\\n" line* "```"',
    "run": "[^\\n]{0,300}",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an answer, with the other pieces that there might have been."""

    text: str
    others: tuple[tuple[float, str], ...]


@dataclass(order=True, frozen=True, slots=True)
class Fork:
    """An answer's beginning with another last piece; `chance` is a logarithm."""

    chance: float
    prefix: str


@dataclass(slots=True)
class Ways:
    """The ways not yet taken, of all answers to one request."""

    open: list[Fork] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def add(self, kind: str, tokens: list[Token]) -> None:
        """Take the forks of one more answer."""
        new = [each for each in forks(kind, tokens) if each.prefix not in self.taken]
        self.open.extend(each for each in new if each not in self.open)

    def next(self) -> Fork | None:
        """The likeliest way, which is then taken."""
        if not self.open:
            return None
        best = max(self.open)
        self.open.remove(best)
        self.taken.add(best.prefix)
        return best


def tokens_of(chunk: Json) -> list[Token]:
    """The pieces of a streamed chunk."""
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    told = choice.get("logprobs") if isinstance(choice, dict) else None
    content = told.get("content") if isinstance(told, dict) else None
    found = []
    for each in content if isinstance(content, list) else ():
        text = each.get("token") if isinstance(each, dict) else None
        if not isinstance(text, str):
            continue
        others = tuple(
            (float(other["logprob"]), str(other["token"]))
            for other in each.get("top_logprobs") or ()
            if isinstance(other, dict) and other.get("token") != text and "logprob" in other
        )
        found.append(Token(text, others))
    return found


def forks(kind: str, tokens: list[Token]) -> list[Fork]:
    """Every other way within what an answer puts into the world."""
    start = STARTS.get(kind, "")
    whole = "".join(each.text for each in tokens)
    place = whole.find(start) if start else -1
    if place < 0:
        return []
    begin = place + len(start)
    if kind == "write":
        begin = whole.find("\n", begin) + 1 or len(whole)
    end = {"edit": whole.rfind(">>>>>>>"), "write": whole.rfind("```")}.get(kind, len(whole))
    found: list[Fork] = []
    before = ""
    for each in tokens:
        if begin <= len(before) < end:
            found += [
                Fork(chance, before + other)
                for chance, other in each.others
                if other.strip() and not set(other) & set("\n`>\ufffd")
            ]
        before += each.text
    return found


def forced(kind: str, fork: Fork) -> str:
    """The grammar of an answer that begins so."""
    return f"root ::= {quoted(fork.prefix)} {TAILS[kind]}\n{CONTENT}"
