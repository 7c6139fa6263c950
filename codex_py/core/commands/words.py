"""One word of a command line: what is known of its value before anything runs."""

from __future__ import annotations

import re

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word after quoting is taken away, or what little is known of it."""

    text: str
    """The value when `known`; for a pattern the pattern; else the source as written."""
    known: bool = True
    """False when the value comes from a variable or another command."""
    many: bool = False
    """True when it can become no word at all or several."""
    glob: bool = False
    """True when file names take its place."""
    start: str = ""
    """The beginning that is certain, for a word not known or a pattern."""
    pipe: bool = False
    """True for a process substitution: it names a pipe."""
    trouble: str = ""
    """Why a command that has this word must be asked about, if it must."""

    @property
    def plain(self) -> bool:
        """True when it is exactly one word with exactly this text."""
        return self.known and not self.many and not self.glob


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a word that was quoted, or not, in one way."""

    text: str
    quoted: bool
    known: bool = True
    trouble: str = ""
    home: bool = False
    """True for `$HOME` and `$PWD`, whose text stands for the folder."""


GLOB = frozenset("*?[")
BRACES = re.compile(r"[\w./,-]*(?:\{[\w./-]*(?:,[\w./-]*)+\}[\w./,-]*)+", re.ASCII)
GROUP = re.compile(r"\{([\w./,-]*)\}", re.ASCII)
MOST_BRACES = 64


def literal(text: str) -> Word:
    """A word whose value is certain."""
    return Word(text)


def compose(pieces: list[Piece], source: str) -> list[Word]:
    """Join the pieces of one word; braces can make several words of it."""
    if all(piece.known for piece in pieces) and not _misplaced(pieces):
        return _certain(pieces, source)
    start = ""
    for piece in pieces:
        if not piece.known or piece.home or _wild(piece) or piece.text.startswith("~"):
            break
        start += piece.text
    many = any(not piece.quoted for piece in pieces if not piece.known or _wild(piece))
    trouble = next((piece.trouble for piece in pieces if piece.trouble), "")
    return [Word(source, known=False, many=many, start=start, trouble=trouble)]


def _wild(piece: Piece) -> bool:
    return not piece.quoted and bool((GLOB | {"{"}) & set(piece.text))


def _misplaced(pieces: list[Piece]) -> bool:
    """True when a folder's variable stands where its text would not mean the folder."""
    before = ""
    for number, piece in enumerate(pieces):
        after = "".join(other.text for other in pieces[number + 1 :])
        if piece.home and (before or after[:1] not in ("", "/")):
            return True
        before += piece.text
    return False


def _certain(pieces: list[Piece], source: str) -> list[Word]:
    bare = "".join(piece.text for piece in pieces if not piece.quoted)
    text = "".join(piece.text for piece in pieces)
    if pieces and text.startswith("~") and not pieces[0].quoted and text[1:2] not in ("", "/"):
        return [Word(source, known=False)]
    if "{" in bare and ("," in bare or ".." in bare):
        return _braces(text) if bare == text else [Word(source, known=False, many=True)]
    return [_pattern(pieces, text)]


def _pattern(pieces: list[Piece], text: str) -> Word:
    start = ""
    for piece in pieces:
        for letter in piece.text:
            if not piece.quoted and letter in GLOB:
                return Word(text, many=True, glob=True, start=start)
            start += letter
    return Word(text)


def _braces(text: str) -> list[Word]:
    unknown = [Word(text, known=False, many=True)]
    if not BRACES.fullmatch(text):
        return unknown
    made = [text]
    while "{" in made[0]:
        if len(made) > MOST_BRACES:
            return unknown
        made = [
            one.replace(found[0], choice, 1)
            for one in made
            if (found := GROUP.search(one))
            for choice in found[1].split(",")
        ]
    return [literal(one) for one in made if one]


def unescape(text: str) -> list[Piece]:
    """Split an unquoted stretch where a backslash quotes one letter."""
    pieces: list[Piece] = []
    rest = text
    while "\\" in rest:
        before, _, rest = rest.partition("\\")
        if before:
            pieces.append(Piece(before, quoted=False))
        if rest[:1] != "\n" and rest:
            pieces.append(Piece(rest[0], quoted=True))
        rest = rest[1:]
    if rest:
        pieces.append(Piece(rest, quoted=False))
    return pieces


def unescape_double(text: str) -> str:
    """The value of a stretch between double quotes."""
    return re.sub(r"\\([$`\"\\\n])", lambda m: "" if m[1] == "\n" else m[1], text)


ANSI = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}


def unescape_ansi(text: str) -> str | None:
    """The value between `$'` and `'`, or None for an escape that is not simple."""
    if re.search(r"\\[^nt\\'\"]", text):
        return None
    return re.sub(r"\\(.)", lambda m: ANSI[m[1]], text)
