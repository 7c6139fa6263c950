"""What the log holds as evidence: outputs, numbers, programs and paths, by entry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from functools import cached_property

from codex_py.core.receipt import UNKNOWN, Workspace
from codex_py.core.receipt.log.facts import Command, Facts, File
from codex_py.core.receipt.message.language import Kind
from codex_py.dataclass import dataclass

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


@dataclass()
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
    def everything(self) -> str:
        """All that was run, read, printed, written or named by a path, in small letters."""
        parts = [f"{each.command} {each.output}" for each in self.facts.commands]
        parts += [f"{each.target} {each.output}" for each in self.facts.looks]
        parts += [str(each.path) for each in self.facts.files]
        return " ".join([*parts, self.facts.written]).casefold().replace("\\", "")

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

    def measured(self, number: str, unit: str) -> list[int]:
        """Entries whose output holds a figure that this one is, rounded or in another unit."""
        value = _value(number)
        if value is None or value == 0:
            return []
        wanted = {value * size for size in _sizes(unit)} or {value}
        digits = len(number.partition(".")[2]) if "." in number else 0
        slack = max(0.5 * 10**-digits / abs(value), 0.004 if digits or value >= 100 else 0.0)
        found = []
        for n, text in self.outputs:
            for each in MEASURE.finditer(CLOCKED.sub(_seconds, text[:200_000])):
                held = _value(each[1])
                if held is None:
                    continue
                sizes = _sizes(each[2] or "")
                exact = not sizes and not unit
                scaled = {held * size for size in sizes} if sizes else {held}
                if not unit:
                    scaled |= {held}
                if not sizes and unit and held >= 1000:
                    scaled |= {held * 1e-3, held * 1e-6, held * 1e3}
                near = slack if "." in each[1] or not exact else 0.0
                if any(abs(a - b) <= near * abs(b) for a in wanted for b in scaled):
                    found.append(n)
                    break
        return found

    def commanded(self, number: str) -> list[int]:
        """Entries whose command names a number."""
        plain = number.replace(",", "")
        return [
            each.n
            for each in self.facts.commands
            if plain in {found.replace("_", "") for found in re.findall(r"\d[\d_.]*", each.command)}
        ]

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
            if each.exit_code == 127:
                continue  # there is no such program
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


MEASURE = re.compile(
    r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)\s?"
    r"((?:[nuµm]s|s|secs?|seconds?|min|minutes?|[kKMGT]i?B|[kMG]|bytes|B)(?![\w]))?"
)
CLOCKED = re.compile(r"\b(?:(\d+)h)?(\d+)m([\d.]+)s\b")


def _seconds(found: re.Match[str]) -> str:
    """`0m6.412s`, as `time` prints it, in seconds."""
    hours, minutes, rest = found[1] or "0", found[2], found[3].strip(".") or "0"
    return (
        f"{3600 * int(hours) + 60 * int(minutes) + float(rest):g} s" if rest.count(".") < 2 else ""
    )


_SIZES: dict[str, tuple[float, ...]] = {
    "ns": (1e-9,), "us": (1e-6,), "µs": (1e-6,), "ms": (1e-3,), "s": (1.0,), "min": (60.0,),
    "m": (60.0,), "h": (3600.0,), "b": (1.0,), "bytes": (1.0,), "kb": (1e3, 1024.0),
    "kib": (1024.0,), "mb": (1e6, 2.0**20), "mib": (2.0**20,), "gb": (1e9, 2.0**30),
    "gib": (2.0**30,), "k": (1e3, 1024.0), "mg": (1e6,), "g": (1e9, 2.0**30),
    "毫秒": (1e-3,), "秒": (1.0,), "分": (60.0,), "微秒": (1e-6,), "小时": (3600.0,),
}  # fmt: skip


def _sizes(unit: str) -> tuple[float, ...]:
    """What a unit may stand for, in seconds or bytes."""
    plain = unit.casefold().replace("\u03bc", "u")  # what case folding makes of µ
    for form in (plain, plain.rstrip("s"), plain[:3], plain[:2], plain[:1]):
        if form in _SIZES and (form == plain or form in ("s", "min", "h", "ms", "us", "分", "秒")):
            return _SIZES[form]
    return {"sec": (1.0,), "mil": (1e-3,), "mic": (1e-6,), "hou": (3600.0,)}.get(plain[:3], ())


def _value(number: str) -> float | None:
    try:
        return float(number.replace(",", ""))
    except ValueError:
        return None


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
