"""A message as sentences and clauses, with what is not the author's own statement left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from codex_py.core.receipt.log.runs import COMMAND
from codex_py.core.receipt.message.language import Language, languages
from codex_py.dataclass import dataclass

FENCE = re.compile(r"^[ \t]*(```+|~~~+)([^\n]*)\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.M | re.S)
QUOTED = re.compile(r"^[ \t]*>.*$", re.M)
SAID = re.compile(
    r"“[^”\n]{12,}”|「[^」\n]{6,}」|『[^』\n]{6,}』|(?<![A-Za-z0-9_])\"[^\"\n`]{9,}\"(?![A-Za-z0-9_])|<!--.*?-->",
    re.S,
)
CODE = re.compile(r"(`+)(?!`)([^\n]*?[^`\n])\1(?!`)")
HEADING = re.compile(r"^\s*(?:#+\s.*|\*\*[^*]+\*\*\s*[:：]?\s*|[^-*•\s].*[:：]\s*)$")
TITLE = re.compile(r"^\s*[A-Z\u4e00-\u9fff][^.:;`✅✔|]{1,40}$")
"""A few words right above a list are its heading."""
ITEM = re.compile(r"^\s*(?:[-*•+]|\d+[.)、])\s")


NEAR = 400
"""Characters in front of a sentence that belong to it, where a figure follows from others."""
LONGEST = 1_500
"""Characters of a clause; longer ones are no prose."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch of the message with one statement; `start` and `end` are places in it."""

    text: str
    start: int
    sentence: str
    """The whole sentence it belongs to."""
    before: str
    """The sentence in front."""
    heading: str
    """The heading, or the line with a colon, that a list item stands under."""
    language: Language
    at: int = 0
    """Where it begins in its sentence."""
    near: str = ""
    """The sentence, and the lines in front of it: a table, a paragraph."""

    @property
    def end(self) -> int:
        """Where it ends in the message."""
        return self.start + len(self.text)

    @property
    def first(self) -> bool:
        """Whether the sentence begins with it."""
        return not self.sentence[: self.at].strip()

    @property
    def around(self) -> str:
        """The sentence, and the one in front of it."""
        return f"{self.before} {self.sentence}"

    def spread(self) -> Clause:
        """The whole sentence as one clause."""
        return replace(self, text=self.sentence, start=self.start - self.at, at=0)

    @property
    def words(self) -> str:
        """The text without what its code says, lengths kept: `terraform plan` is no plan."""
        return CODE.sub(_veiled, self.text)

    @property
    def codes(self) -> tuple[str, ...]:
        """What stands between backquotes in it."""
        return tuple(found[2].strip() for found in CODE.finditer(self.text))

    @property
    def commands(self) -> tuple[str, ...]:
        """As `codes`, and commands that are written without backquotes: `swift build`."""
        plain = CODE.sub(lambda found: "`" * len(found[0]), self.text)
        return (*self.codes, *(found[0] for found in COMMAND.finditer(plain)))


def _veiled(found: re.Match[str]) -> str:
    return f"{found[1]}{'c' * len(found[2])}{found[1]}"


DONE = re.compile(r"\b(?:done|ready|I.ve|have been|prepared|set up|finished)\b|已|好了|完成", re.I)


def planned(heading: str, language: Language) -> bool:
    """Whether what stands under a heading is not said to have been done."""
    if language.labels.match(heading):
        return True
    return bool(language.no["plan"].search(heading)) and not DONE.search(heading)


def clauses(message: str) -> Iterator[Clause]:
    """Every clause outside of code blocks and quotations, in order."""
    heading, before = "", ""
    known = languages(message)
    sentences = re.compile("|".join(f"(?:{each.sentence.pattern})" for each in known) or r"\n")
    lines = list(_lines(masked(message)))
    for number, (place, line) in enumerate(lines):
        after = lines[number + 1][1] if number + 1 < len(lines) else ""
        if HEADING.match(line) or (TITLE.match(line) and ITEM.match(after)):
            heading = line
        elif line.strip() and not ITEM.match(line):
            heading = ""
        for at, sentence in _split(line, sentences):
            if not sentence.strip():
                continue
            for language in _spoken(sentence, known):
                for start, text in _split(sentence, language.clause):
                    if text.strip() and len(text) <= LONGEST:
                        near = message[max(0, place + at - NEAR) : place + at + len(sentence)]
                        yield Clause(
                            text,
                            place + at + start,
                            sentence,
                            before,
                            heading,
                            language,
                            start,
                            near,
                        )
            before = sentence.strip()


def _spoken(sentence: str, known: Sequence[Language]) -> Iterator[Language]:
    """The languages a sentence is read in: code in it does not count, nor a few foreign words."""
    words = CODE.sub(" ", sentence)
    other = sum("\u4e00" <= each <= "\u9fff" for each in words)
    latin = sum(each.isascii() and each.isalpha() for each in words)
    for language in known:
        letters = re.search(r"[A-Za-z\u4e00-\u9fff]", words)
        if not language.script.search(words if letters else sentence):
            continue
        if language.name == "en" and other >= 4 and other * 3 > latin:
            continue
        yield language


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def _split(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """The pieces between matches; what stands between backquotes is not cut."""
    codes = [(found.start(), found.end()) for found in CODE.finditer(text)]
    at = 0
    for found in pattern.finditer(text):
        if any(start < found.start() + 1 and found.end() - 1 < end for start, end in codes):
            continue
        if found.end() == at:
            continue
        if found.end() > found.start() or found.start() > at:
            yield at, text[at : found.start()]
            at = found.end()
    yield at, text[at:]


def masked(message: str) -> str:
    """The message with code blocks, quotations and comments blanked out, lengths kept."""
    text = message
    for pattern in (FENCE, QUOTED):
        text = pattern.sub(_blank, text)
    codes = [(found.start(), found.end()) for found in CODE.finditer(text)]

    def unless_code(found: re.Match[str]) -> str:
        inside = any(start <= found.start() < end for start, end in codes)
        return found[0] if inside else _blank(found)

    return SAID.sub(unless_code, text)


def _blank(found: re.Match[str]) -> str:
    return "".join("\n" if each == "\n" else " " for each in found[0])


@dataclass(frozen=True, slots=True)
class Block:
    """A code block, with the sentence in front of it."""

    text: str
    start: int
    before: str
    info: str = ""
    """What stands behind the opening fence: mostly the language."""


INDENTED = re.compile(r"(?<=[:：])\n\n((?:(?: {4,}|\t)\S[^\n]*(?:\n|\Z))+)")


def blocks(message: str) -> Iterator[Block]:
    """Every fenced block of the message, and indented ones below a colon."""
    for found in INDENTED.finditer(message):
        front = message[: found.start()].rstrip().rpartition("\n")[2]
        yield Block(found[1], found.start(1), front)
    for found in FENCE.finditer(message):
        front = message[: found.start()].rstrip().rpartition("\n")[2]
        yield Block(found[3], found.start(3), front, found[2].strip())
