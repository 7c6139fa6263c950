"""The last door: what is written on the way out of a failing run holds no key."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from typing import Any, TextIO

from codex_py.redact import Redactor


def secrets() -> Redactor:
    """Every secret that can be known without a session; whatever cannot be read is passed over."""
    try:
        from codex_py.models.catalogue import load as catalogue  # late: only when something failed
        from codex_py.settings import load
        from codex_py.settings.keys import redactor

        names = {name for each in catalogue().providers.values() for name in each.keys}
        try:
            settings = load(os.environ)
        except Exception:
            return Redactor(os.environ.get(name, "") for name in names)
        names |= {each.env_key for each in settings.model_providers.values()}
        try:
            return redactor(settings, os.environ, frozenset(names))
        except Exception:
            return Redactor(os.environ.get(name, "") for name in names)
    except Exception:
        return Redactor()


class Cleaned:
    """A text stream that writes no secret; all else is the stream's own."""

    def __init__(self, stream: TextIO, clean: Redactor) -> None:
        self._stream, self._clean = stream, clean

    def write(self, text: str) -> int:
        """Write a text without secrets."""
        self._stream.write(self._clean.text(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several."""
        for text in lines:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def shut(stream: TextIO) -> bool:
    """Whether what was written to a stream cannot leave, as on a full disk."""
    try:
        stream.flush()
    except (OSError, ValueError):
        return True
    return False


def astray() -> bool:
    """Whether the current folder was removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def line(error: BaseException) -> str:
    """An error on purpose, as one line."""
    return f"codex-py: {secrets().text(str(error))}\n"


def crash(error: BaseException) -> str:
    """A bug of ours, as it is to be reported."""
    told = "".join(traceback.format_exception(error))
    return secrets().text(
        f"{told}codex-py: internal error, please report it with the lines above\n"
    )
