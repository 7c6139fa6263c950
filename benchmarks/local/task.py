"""What a small task is, and the checks that tasks are made of."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Check = Callable[[Path, str], bool]
"""Given the folder and the final answer, says whether the task was done."""


@dataclass(frozen=True)
class Task:
    """One task. Its check fails on the files as given and holds with `solution` and `reply`."""

    name: str
    prompt: str
    check: Check
    files: dict[str, str] = field(default_factory=dict)
    solution: dict[str, str | None] = field(default_factory=dict)
    """Files that one good answer leaves, None for one that is gone. No model sees this."""
    reply: str = ""
    """What one good answer says, where the check looks at it."""


def text(folder: Path, name: str) -> str:
    """A file's text, empty when it is not there."""
    path = folder / name
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def output(folder: Path, *args: str) -> str:
    """What Python prints for some arguments; `!` and the code when it fails."""
    done = subprocess.run(
        [sys.executable, "-B", *args],
        cwd=folder, capture_output=True, text=True, timeout=20, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout if done.returncode == 0 else f"! {done.returncode}"


def passes(folder: Path, *args: str) -> bool:
    """Whether a Python program ends well."""
    return not output(folder, *args).startswith("!")


def has(*words: str) -> Check:
    """The answer names all of these."""
    return lambda _, answer: all(each.lower() in answer.lower() for each in words)


def fixed(test: str, content: str, *args: str) -> Check:
    """A test program passes, and is the one that was there."""
    return lambda folder, _: passes(folder, *(args or (test,))) and text(folder, test) == content


def prints(code: str, wanted: str) -> Check:
    """What a line of Python prints in the folder, its words compared."""
    return lambda folder, _: output(folder, "-c", code).split() == wanted.split()


def holds(name: str, wanted: str) -> Check:
    """A file has this text; blanks at the ends of lines and of the file do not matter."""
    return lambda folder, _: _lines(text(folder, name)) == _lines(wanted)


def is_json(name: str, wanted: object) -> Check:
    """A file is JSON of this value."""

    def check(folder: Path, _: str) -> bool:
        try:
            return bool(json.loads(text(folder, name)) == wanted)
        except ValueError:
            return False

    return check


def is_toml(name: str, wanted: object) -> Check:
    """A file is TOML of this value."""

    def check(folder: Path, _: str) -> bool:
        try:
            return tomllib.loads(text(folder, name)) == wanted
        except tomllib.TOMLDecodeError:
            return False

    return check


def both(*checks: Check) -> Check:
    """All of these hold."""
    return lambda folder, answer: all(each(folder, answer) for each in checks)


def lacks(name: str, *words: str) -> Check:
    """A file is there and has none of these words."""
    return lambda folder, _: (
        (folder / name).is_file() and not any(each in text(folder, name) for each in words)
    )


def _lines(said: str) -> list[str]:
    return [line.rstrip() for line in said.rstrip().splitlines()]
