"""Known secrets taken out of whatever leaves: texts, JSON data, streams of bytes.

By value, not by shape: a secret is found as it is, percent-encoded, escaped in JSON, in base64 (at
any offset, both alphabets) and in hexadecimal. Encoded ones are found across the line breaks that
`base64` and `xxd -p` put in. Text without a secret costs a few searches for plain substrings.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any

MARK = "[redacted]"
SHORTEST = 8
"""Characters. What is shorter would be found everywhere and protects nothing."""
NO_SECRETS = frozenset(
    {"ollama", "lm-studio", "lmstudio", "not-needed", "no-key-required", "no-key-needed",
     "placeholder", "changeme", "your-api-key", "undefined", "anything", "sk-no-key-required"}
)  # fmt: skip
"""Words that people put where a server wants any key at all."""
BREAK = r"(?:\\r|\\n|[\r\n])*"
"""A line break within an encoded secret, in a JSON string too."""
PROBE = 8
"""Characters of an encoded secret that are looked for first, at two places."""


class Redactor:
    """Takes some secrets out. With none it gives everything back as it is.

    Contract: what is returned holds no form of a secret that is listed above. What holds none is
    returned unchanged: the same object.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        kept = {each.strip() for each in secrets}
        self.secrets = tuple(
            sorted(
                (each for each in kept if len(each) >= SHORTEST and each.lower() not in NO_SECRETS),
                key=len,
                reverse=True,
            )
        )
        plain = {form for each in self.secrets for form in _plain(each)}
        coded = {form for each in self.secrets for form in _coded(each)}
        self._plain = tuple(sorted(plain, key=len, reverse=True))
        self._coded = tuple(sorted(coded, key=len, reverse=True))
        self._probes = tuple(dict.fromkeys(one for each in self._coded for one in _probes(each)))
        self._patterns: dict[str, re.Pattern[str]] = {}
        """Of encoded secrets that were met: compiling one takes some milliseconds."""
        self._bytes: tuple[tuple[bytes, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.secrets)

    def __add__(self, other: Redactor) -> Redactor:
        return Redactor((*self.secrets, *other.secrets))

    def text(self, text: str) -> str:
        """A text without secrets."""
        for form in self._plain:
            if form in text:
                text = text.replace(form, MARK)
        if any(each in text for each in self._probes):
            text = self._decoded(text)
        return text

    def data(self, data: bytes) -> bytes:
        """Bytes without secrets, whatever else is in them."""
        if not self.secrets:
            return data
        plain, probes, _ = self._encoded()
        for form in plain:
            if form in data:
                data = data.replace(form, MARK.encode())
        if any(each in data for each in probes):
            data = self._decoded(data.decode("latin-1")).encode("latin-1")
        return data

    def json(self, data: Any) -> Any:
        """JSON data without secrets, in keys too."""
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, dict):
            found = {self.text(key): self.json(value) for key, value in data.items()}
            same = all(found.get(key) is value for key, value in data.items())
            return data if same else found
        if isinstance(data, (list, tuple)):
            items = [self.json(each) for each in data]
            same = all(new is old for new, old in zip(items, data, strict=True))
            return data if same else items
        return data

    def holds(self, text: str) -> bool:
        """Whether there is a secret in a text."""
        return self.text(text) is not text

    def stream(self) -> Callable[..., bytes]:
        """A function for bytes that come in pieces; `last=True` gives what was held back.

        Held back is only an end that may be the beginning of a secret.
        """
        if not self.secrets:
            return _unchanged
        held = b""

        def feed(data: bytes, last: bool = False) -> bytes:
            nonlocal held
            data = self.data(held + data)
            keep = 0 if last else self._unfinished(data)
            held = data[len(data) - keep :] if keep else b""
            return data[: len(data) - keep] if keep else data

        return feed

    def _decoded(self, text: str) -> str:
        """A text without encoded secrets."""
        for form in self._coded:
            if any(each in text for each in _probes(form)):
                if form not in self._patterns:
                    self._patterns[form] = re.compile(BREAK.join(map(re.escape, form)))
                text = self._patterns[form].sub(MARK, text)
        return text

    def _encoded(self) -> tuple[tuple[bytes, ...], ...]:
        """Plain forms, probes and all forms, as bytes."""
        if not self._bytes:
            groups = (self._plain, self._probes, (*self._plain, *self._coded))
            self._bytes = tuple(tuple(each.encode() for each in group) for group in groups)
        return self._bytes

    def _unfinished(self, data: bytes) -> int:
        """Bytes at the end that are how a secret begins, line breaks not counted."""
        forms = self._encoded()[2]
        tail = data[-2 * max(len(each) for each in forms) :]
        flat, places = _unbroken(tail)
        begun = 0
        for form in forms:
            at = flat.find(form[:1], max(0, len(flat) - len(form) + 1))
            while at >= 0:
                if form.startswith(flat[at:]):
                    begun = max(begun, len(flat) - at)
                    break
                at = flat.find(form[:1], at + 1)
        return len(tail) - places[len(flat) - begun] if begun else 0


def _unbroken(data: bytes) -> tuple[bytes, list[int]]:
    """Bytes without line breaks, escaped ones neither, and where each byte was."""
    found, places, skip = bytearray(), [], False
    for place, each in enumerate(data):
        follows = data[place + 1 : place + 2]
        if skip or each in b"\r\n" or (each == 0x5C and follows in (b"", b"n", b"r")):
            skip = not skip and each == 0x5C
            continue
        found.append(each)
        places.append(place)
    return bytes(found), places


NOTHING = Redactor()
"""Knows no secret."""


def _unchanged(data: bytes, last: bool = False) -> bytes:
    del last
    return data


def _plain(secret: str) -> set[str]:
    from json import dumps  # late: imported with the first secret
    from urllib.parse import quote

    quoted = quote(secret, safe="")
    lower = re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), quoted)
    escaped = dumps(secret)[1:-1]
    return {secret, quoted, lower, quote(secret), escaped, dumps(escaped)[1:-1]}


def _coded(secret: str) -> set[str]:
    data = secret.encode()
    found = {data.hex(), data.hex().upper()}
    for before in range(3):
        # Only the characters that no neighbour has a say in.
        whole = b64encode(bytes(before) + data).decode()
        form = whole[(0, 2, 3)[before] : (before + len(data)) * 8 // 6]
        found |= {form, form.translate(str.maketrans("+/", "-_"))}
    return found


def _probes(form: str) -> tuple[str, str]:
    """Two pieces of an encoded secret: a line break falls into one of them at most."""
    return form[:PROBE], form[-PROBE:]
