"""The person's own prompt files: `prompts/NAME.md` in the home folder becomes /NAME."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from codex_py.dataclass import dataclass

LARGEST = 64_000
"""Bytes of a prompt file."""
NAME = re.compile(r"[a-z][a-z-]{0,30}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt file: its first line tells what it is for."""

    name: str
    about: str
    text: str

    def filled(self, rest: str) -> str:
        """The text with `$ARGUMENTS` and `$1` to `$9` filled in; the rest added where none is."""
        words = rest.split()
        places = {f"${number}": word for number, word in enumerate(words[:9], 1)}
        if "$ARGUMENTS" not in self.text and not re.search(r"\$[1-9]", self.text):
            return f"{self.text}\n\n{rest}".strip()
        found = re.sub(r"\$[1-9]", lambda each: places.get(each.group(), ""), self.text)
        return found.replace("$ARGUMENTS", rest)


def load(folder: Path, taken: Iterable[str]) -> dict[str, Prompt]:
    """The prompts of a folder; a name that is taken, odd or too large is left out."""
    built_in = set(taken)
    found: dict[str, Prompt] = {}
    try:
        paths = sorted(folder.glob("*.md"))
    except OSError:
        return {}
    for path in paths:
        name = path.stem.lower()
        if name in built_in or not NAME.fullmatch(name):
            continue
        try:
            if not path.is_file() or path.stat().st_size > LARGEST:
                continue
            text = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text:
            about = text.split("\n")[0].strip("# ")
            found[name] = Prompt(name, f"{about} (yours)", text)
    return found
