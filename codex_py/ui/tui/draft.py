"""What is being written: text with tokens for long pastes and pictures, and how it is sent."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from codex_py.core.errors import UsageError
from codex_py.dataclass import dataclass
from codex_py.pictures.kinds import promise

if TYPE_CHECKING:
    from codex_py.core.entries import Part
    from codex_py.showing import Given

LONG = 1_000
"""Characters from which a paste is folded."""
LINES = 8
"""Lines up to which a paste is shown as it is."""

TOKEN = re.compile(r"\[(?:Pasted text|Image) #\d+[^\]\n]*\]")
PATHS = re.compile(r"""@?"[^"\n]+"|@?'[^'\n]+'|\S+""")
"""Words that may be paths: quoted ones with their spaces, as the completion writes them."""
ESCAPES = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|.)?")

DOCUMENTS = ("svg", "pdf")
"""Kinds that a path in a message does not attach: they are as often meant as files to work on."""


@dataclass(frozen=True, slots=True)
class Message:
    """What was sent: the words as the model gets them, the words as typed, and pictures."""

    text: str
    typed: str
    images: tuple[Given, ...] = ()
    parts: tuple[Part, ...] = ()
    """What goes into a running turn, its pictures decoded already."""


class Draft:
    """The pastes and pictures that tokens in the composer stand for."""

    def __init__(self) -> None:
        self._pastes: dict[str, str] = {}
        self._images: dict[str, tuple[str, bytes]] = {}
        self.wrong: list[str] = []
        """Why files that look like pictures were not taken, until it is said."""

    def paste(self, text: str) -> str:
        """What to put into the composer for pasted text: the text, or a token for a long one.

        Control characters are dropped; line ends become plain.
        """
        text = cleaned(text)
        lines = text.count("\n") + 1
        if len(text) < LONG and lines <= LINES:
            return text
        size = f"+{lines} lines" if lines > 1 else f"{len(text):,} characters"
        token = f"[Pasted text #{len(self._pastes) + 1} {size}]"
        self._pastes[token] = text
        return token

    def picture(self, name: str, data: bytes) -> str:
        """The token for a picture. Raises NotAnImage when the bytes are none."""
        from codex_py.host.images import inspect  # late: few messages have one

        inspect(data)
        token = f"[Image #{len(self._images) + 1}]"
        self._images[token] = (name, data)
        return token

    def dropped(self, text: str, cwd: str) -> str:
        """Tokens for pasted text that is nothing but paths of pictures; empty for other text."""
        found: list[str] = []
        try:
            words = shlex.split(text.strip())
        except ValueError:
            return ""
        for word in words:
            token = self._picture_at(word, cwd)
            if not token:
                return ""
            found.append(token)
        return " ".join(found)

    def token_before(self, text: str) -> str:
        """The token that the text ends with; empty when it ends otherwise."""
        found = re.search(r"\[[^\[\]\n]*\]$", text)
        token = found.group() if found else ""
        return token if token in self._pastes or token in self._images else ""

    def message(self, typed: str, cwd: str) -> Message:
        """The message with every token expanded and every picture path that was typed added."""
        images: list[Given] = []
        for token in dict.fromkeys(TOKEN.findall(typed)):
            if token in self._images:
                images.append(self._images[token])
        text = TOKEN.sub(lambda found: self._pastes.get(found.group(), found.group()), typed)
        for word in PATHS.findall(typed):
            path = word.removeprefix("@").strip("'\"").removeprefix("@").rstrip(".,;:!?)")
            if promise(path) not in ("", *DOCUMENTS):
                token = self._picture_at(path, cwd)
                if token:
                    images.append(self._images[token])
        return Message(text, typed, tuple(images))

    def clear(self) -> None:
        """Forget what was sent."""
        self._pastes.clear()
        self._images.clear()

    def _picture_at(self, word: str, cwd: str) -> str:
        from codex_py.showing import read  # late: few messages have one

        path = unquote(urlparse(word).path) if word.startswith("file://") else word
        full = os.path.join(cwd, os.path.expanduser(path))
        try:
            if not promise(path) or not os.path.lexists(full):
                return ""
            return self.picture(path, read(path, cwd, (os.path.realpath(cwd),)))
        except (UsageError, ValueError) as error:
            self.wrong.append(str(error))
            return ""


def cleaned(text: str) -> str:
    """Pasted text without escape sequences and other control characters."""
    text = ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(each for each in text if each in "\n\t" or (each >= " " and each != "\x7f"))
