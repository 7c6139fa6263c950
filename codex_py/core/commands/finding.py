"""find: tests and actions, some of which write files or run programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from codex_py.core.commands.options import Refused, files
from codex_py.core.commands.verdict import Verdict, ask
from codex_py.core.commands.words import Word

Words = tuple[Word, ...]
Judge = Callable[..., Verdict]
ALONE = frozenset(
    """-H -P -print -print0 -ls -prune -quit -not ! -a -and -o -or ( ) , -empty -depth -d -xdev
    -mount -daystart -executable -readable -writable -nouser -nogroup -true -false -noleaf
    -ignore_readdir_race -nowarn -warn -help --help -version --version""".split()
)
VALUED = frozenset(
    """-name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype
    -size -mtime -atime -ctime -mmin -amin -cmin -used -maxdepth -mindepth -perm -user -group -uid
    -gid -links -inum -fstype -lname -ilname -printf -context -newermt -D""".split()
)
FILED = frozenset("-newer -anewer -cnewer -samefile".split())
TRAPS = {
    "-delete": "deletes files",
    "-execdir": "runs a program inside the folders it finds",
    "-ok": "asks on the terminal",
    "-okdir": "asks on the terminal",
    "-fprint": "writes a file",
    "-fprint0": "writes a file",
    "-fprintf": "writes a file",
    "-fls": "writes a file",
    "-files0-from": "takes names of files from a file",
    "-L": "follows links out of the folder",
    "-follow": "follows links out of the folder",
}


def find(words: Words, judge: Judge) -> Verdict:
    """Judge a find. Raises Refused."""
    starts, rest = _starts(words)
    reads = files(starts) or ["."]
    found = Verdict(reading=True, why="only looks for files")
    at = 0
    while at < len(rest):
        word = rest[at]
        if not word.plain:
            raise Refused(f"`{word.text}` could turn into an action of find")
        if word.text in ALONE or word.text.startswith("-O"):
            at += 1
        elif word.text in VALUED | FILED and at + 1 < len(rest):
            reads += _value(word.text, rest[at + 1])
            at += 2
        elif word.text == "-exec":
            length, ran = _executed(rest[at + 1 :], judge)
            found = _worse(found, ran)
            at += length + 1
        else:
            return ask(f"find {word.text} {TRAPS.get(word.text, 'is not looked into')}")
    return replace(found, reads=(*reads, *found.reads))


def _starts(words: Words) -> tuple[list[Word], Words]:
    """The folders to look in, and the words behind them."""
    starts: list[Word] = []
    at = 0
    while at < len(words) and words[at].plain and words[at].text in ("-H", "-P"):
        at += 1
    while at < len(words):
        word = words[at]
        first = word.text if word.plain else word.start
        if not first or first[0] in "-(!,":
            break
        if word.many and not word.glob:
            break
        starts.append(word)
        at += 1
    return starts, words[at:]


def _value(name: str, word: Word) -> list[str]:
    if word.many:
        raise Refused(f"`{word.text}` is not quoted, so file names take its place")
    if name not in FILED:
        return []
    if not word.plain:
        raise Refused(f"the file `{word.text}` is not known before it runs")
    return [word.text]


def _executed(words: Words, judge: Judge) -> tuple[int, Verdict]:
    """The command behind -exec, and how many words it takes with its end mark."""
    for number, word in enumerate(words):
        before = words[number - 1].text if number else ""
        if word.plain and (word.text == ";" or (word.text == "+" and before == "{}")):
            break
    else:
        raise Refused("find -exec does not end")
    named = Word("./{}")
    given = tuple(
        named
        if word.plain and word.text == "{}"
        else replace(word, known=False)
        if "{}" in word.text
        else word
        for word in words[:number]
    )
    if not given or given[0] is named:
        return number + 1, ask("find -exec runs the files that it finds")
    found: Verdict = judge(given, False)
    return number + 1, replace(found, reads=tuple(r for r in found.reads if r != "./{}"))


def _worse(one: Verdict, other: Verdict) -> Verdict:
    """Both verdicts as one: reading only when both are."""
    first = one if not one.reading else other
    return replace(
        first,
        reads=(*one.reads, *other.reads),
        writes=(*one.writes, *other.writes),
        programs=(*one.programs, *other.programs),
        scripts=(*one.scripts, *other.scripts),
        walled=one.walled or other.walled,
    )


RULES: dict[str, Callable[[Words, Judge], Verdict]] = {"find": find}
