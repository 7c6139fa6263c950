"""Names what in a command line could destroy work, in plain words, for questions."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from codex_py.core.commands.line import Line, Part

Argv = tuple[str, ...]
SHELLS = frozenset("sh bash dash zsh ksh fish python python3 perl ruby node eval source .".split())
FETCH = re.compile(r"\b(?:curl|wget|fetch)\b")
THROUGH = frozenset(
    "sudo doas env nice nohup timeout time command builtin stdbuf xargs exec ionice setsid".split()
)
MAKES = re.compile(r"mkfs(?:\..*)?|fdisk|parted|wipefs|sgdisk|blkdiscard|mkswap")
DEVICE = re.compile(r"/dev/(?!null$|zero$|stdout$|stderr$|tty$)")


def dangers(line: Line) -> tuple[str, ...]:
    """What in the line could destroy work, each thing once."""
    found: list[str] = []
    fetched = False
    for part in line.parts:
        for argv in _each(part):
            found += _known(argv)
            if (_base(argv[0]) in SHELLS and FETCH.search(part.text)) or (
                _base(argv[0]) in SHELLS and part.fed and fetched
            ):
                found.append("runs what it fetches from the network, unseen")
        fetched = fetched or bool(FETCH.search(part.text))
        found += [f"writes straight to {to}" for to in part.writes if DEVICE.match(to)]
    return tuple(dict.fromkeys(found))


def _each(part: Part) -> list[Argv]:
    """The commands of a part: itself, what it runs, and a rough cut where nothing was read."""
    if part.argv:
        return _through(part.argv)
    cut: list[Argv] = []
    for piece in re.split(r"[;&|\n(){}`]+", part.text[:20_000]):
        try:
            words = tuple(shlex.split(piece))
        except ValueError:
            words = tuple(piece.split())
        cut += _through(words) if words else []
    return cut


def _through(argv: Argv) -> list[Argv]:
    """The command, and every tail of it that a wrapper may run."""
    found = [argv]
    wraps = _base(argv[0]) in THROUGH or _base(argv[0]) == "find"
    for number, word in enumerate(argv[1:], 1):
        if wraps and _base(word) in RULES | MADE:
            found.append(argv[number:])
    return found


def _base(program: str) -> str:
    return program.rpartition("/")[2]


def _known(argv: Argv) -> list[str]:
    name, words = _base(argv[0]), argv[1:]
    if MAKES.fullmatch(name):
        return [f"{name} overwrites a whole disk or partition"]
    return CHECKS[name](words) if name in CHECKS else []


def _flags(words: Argv) -> set[str]:
    """Every short flag as a letter and every long one as written, before `--`."""
    found: set[str] = set()
    for word in words:
        if word == "--":
            break
        if word.startswith("--"):
            found.add(word.partition("=")[0])
        elif word.startswith("-"):
            found |= set(word[1:])
    return found


def _rm(words: Argv) -> list[str]:
    flags = _flags(words)
    if not flags & {"r", "R", "--recursive", "f", "--force"}:
        return []
    recursive = bool(flags & {"r", "R", "--recursive"})
    found = []
    for word in (word for word in words if not word.startswith("-")):
        bare = word.rstrip("/*") or "/"
        if recursive and (bare in ("/", "~", "$HOME", ".", "..", "") or word.startswith("*")):
            found.append(f"deletes everything in {word}")
        elif word.startswith(("/", "~", "..", "$")) or "/../" in word or "$" in word:
            found.append(f"deletes {word}, which may lie outside the workspace")
    return found or (["deletes without asking, whole folders too"] if recursive else [])


def _git(words: Argv) -> list[str]:
    rest = list(words)
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in ("-C", "-c") else rest[1:]
    if not rest:
        return []
    verb, flags = rest[0], _flags(tuple(rest[1:]))
    if verb == "reset" and "--hard" in flags:
        return ["git reset --hard throws uncommitted changes away"]
    if verb == "clean" and flags & {"f", "--force"}:
        return ["git clean deletes files git does not know, for good"]
    if verb == "push" and (
        flags & {"f", "--force", "--force-with-lease", "--mirror", "--delete", "d"}
        or any(word.startswith(("+", ":")) for word in rest[2:])
    ):
        return ["git push can overwrite or delete what others see"]
    if verb in ("checkout", "restore") and (
        "." in rest or "--" in rest or flags & {"f", "--force"}
    ):
        return [f"git {verb} throws uncommitted changes away"]
    if verb == "stash" and rest[1:2] in (["drop"], ["clear"]):
        return ["git stash drops saved changes"]
    if verb == "branch" and "D" in flags:
        return ["git branch -D deletes a branch that may not be merged"]
    if verb in ("filter-branch", "filter-repo"):
        return [f"git {verb} rewrites the whole history"]
    return []


def _dd(words: Argv) -> list[str]:
    return [f"dd overwrites {w[3:]}" for w in words if w.startswith("of=") and DEVICE.match(w[3:])]


def _find(words: Argv) -> list[str]:
    return ["find -delete deletes every file it finds"] if "-delete" in words else []


def _modes(words: Argv) -> list[str]:
    if _flags(words) & {"R", "--recursive"} and {"/", "~", "/*"} & set(words):
        return ["changes rights or owners of everything"]
    return []


def _shred(_words: Argv) -> list[str]:
    return ["overwrites files so that nothing brings them back"]


CHECKS: dict[str, Callable[[Argv], list[str]]] = {
    "rm": _rm,
    "git": _git,
    "dd": _dd,
    "find": _find,
    "chmod": _modes,
    "chown": _modes,
    "shred": _shred,
}
RULES = frozenset(CHECKS)
MADE = frozenset({"mkfs", "fdisk", "parted", "wipefs"}) | SHELLS
