"""What the log holds as evidence: outputs, numbers, programs and paths, by entry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from codex_py.core.receipt import UNKNOWN, Workspace
from codex_py.core.receipt.facts import Command, Facts, File
from codex_py.core.receipt.language import Kind

DOCUMENT = re.compile(
    r"(?:\.(?:md|rst|txt|adoc|markdown)|(?:^|/)(?:LICENSE|CHANGELOG|README)\S*)$", re.I
)
TRIVIAL = frozenset(
    """ls cat head tail pwd cd echo grep egrep rg find git wc sort uniq tree file stat which type
    sed awk less more cut tr printf true false test [ date env export set mkdir touch cp mv rm
    chmod ln sleep diff basename dirname readlink realpath whoami uname df du ps kill tee xxd od
    jq column nl""".split()
)
"""Programs that run nothing of the project's own."""


@dataclass
class Ledger:
    """Facts made easy to search."""

    facts: Facts
    workspace: Workspace = UNKNOWN
    cwd: str = ""
    _numbers: dict[int, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def outputs(self) -> tuple[tuple[int, str], ...]:
        """What came out of commands and tools."""
        found = [(each.n, each.output) for each in self.facts.commands]
        found += [(each.n, each.output) for each in self.facts.looks if each.ok]
        return tuple(sorted(found))

    @cached_property
    def words(self) -> tuple[tuple[int, str], ...]:
        """Outputs, and what the user and the project's documents said."""
        return tuple(sorted([*self.outputs, *self.facts.said]))

    @cached_property
    def acting(self) -> tuple[Command, ...]:
        """Commands that ran something of the project's own, not only looked or moved."""
        return tuple(
            each
            for each in self.facts.commands
            if any(run.name and run.name not in TRIVIAL for run in each.runs)
        )

    @property
    def last_edit(self) -> int:
        """The entry of the last change to a file that is no documentation; -1 for none."""
        return max((each.n for each in self.facts.files if is_source(each.path)), default=-1)

    def with_text(self, text: str, among: Iterable[tuple[int, str]] | None = None) -> list[int]:
        """Entries whose output holds a text, blanks and case aside."""
        wanted = _flat(text)
        if not wanted:
            return []
        return [
            n for n, output in (self.outputs if among is None else among) if wanted in _flat(output)
        ]

    def with_number(self, number: str, *, said: bool = True) -> list[int]:
        """Entries that hold a number as a word of its own, commas in it aside."""
        plain = number.replace(",", "").rstrip(".")
        short = plain.rstrip("0").rstrip(".") if "." in plain else plain
        found = []
        for n, text in self.words if said else self.outputs:
            if n not in self._numbers:
                self._numbers[n] = frozenset(_numbers(text))
            if {plain, short} & self._numbers[n]:
                found.append(n)
        return found

    def ran(self, command: str) -> list[Command]:
        """Commands that are, or hold, the one claimed: its words, in order, options free."""
        wanted = _parts(command)
        if not wanted:
            return []
        exact = [each for each in self.facts.commands if _flat(command) in _flat(each.command)]
        return exact or [
            each for each in self.facts.commands if _within(wanted, _parts(each.command))
        ]

    def used(self, kind: Kind) -> list[int]:
        """Entries that show a kind of tool at work."""
        found = []
        for each in self.facts.commands:
            program = any(kind.programs.match(run.name) for run in each.runs)
            named = kind.text is not None and kind.text.search(each.command) is not None
            if (program and named) if kind.both else (program or named):
                found.append(each.n)
        for look in self.facts.looks:
            if look.tool in kind.tools and (
                not kind.both or (kind.text is not None and kind.text.search(look.target))
            ):
                found.append(look.n)
        return sorted(found)

    def touching(self, path: str) -> list[File]:
        """Changes of a file, by its path or the end of it."""
        return [
            each
            for each in self.facts.files
            if same_path(path, each.path, self.cwd) or same_path(path, each.moved_from, self.cwd)
        ]

    def seen(self, path: str) -> list[int]:
        """Entries of tools and commands that looked at a path or named it."""
        name = path.strip().rstrip("/").rpartition("/")[2]
        found = [each.n for each in self.facts.looks if each.ok and name in each.target]
        found += [each.n for each in self.facts.looks if each.ok and name in each.output[:20_000]]
        found += [each.n for each in self.facts.commands if name and name in each.command]
        return sorted(set(found))


def is_document(path: str) -> bool:
    """Whether a file is documentation, which no test run depends on as a rule."""
    return bool(DOCUMENT.search(path))


PRODUCT = re.compile(
    r"(?:^|/)(?:dist|build|target|out|node_modules|coverage|htmlcov|__pycache__|\.[\w-]*_cache"
    r"|\.tox|\.nox|\.next|\.venv|venv|tmp|logs?)/|\.(?:pyc|egg-info|log|tmp|o|so|class|whl|gz|zip"
    r"|coverage|tsbuildinfo|cache|lock)$|(?:^|/)\.coverage",
    re.IGNORECASE,
)


def is_source(path: str) -> bool:
    """Whether a change of a file can make a test run stale: no documentation, nothing built."""
    return not is_document(path) and not PRODUCT.search(path)


def same_path(claimed: str, real: str, cwd: str) -> bool:
    """Whether a path as spelled in a message is one of the log's."""
    if not claimed or not real:
        return False
    one, other = claimed.strip().removeprefix("./").rstrip("/"), real.removeprefix("./")
    if cwd:
        one, other = one.removeprefix(f"{cwd}/"), other.removeprefix(f"{cwd}/")
    return one == other or other.endswith(f"/{one}") or one.endswith(f"/{other}")


NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w]*\d)")


def _numbers(text: str) -> Iterable[str]:
    for found in NUMBER.finditer(text[:400_000]):
        plain = found[0].replace(",", "").rstrip(".")
        yield plain
        if "." in plain:
            yield plain.rstrip("0").rstrip(".")


def _flat(text: str) -> str:
    return " ".join(text.split()).casefold()


def _parts(command: str) -> list[str]:
    return [word.strip("'\"`;|&()") for word in command.split() if word.strip("'\"`;|&()$")]


def _within(wanted: list[str], words: list[str]) -> bool:
    """Whether all words stand in a command in this order; the first may have a folder."""
    at = 0
    for word in words:
        if at < len(wanted) and (
            word == wanted[at] or (at == 0 and word.endswith(f"/{wanted[0]}"))
        ):
            at += 1
    return at == len(wanted)
