"""Pure: the grammar that an answer of the small model must have, for llama.cpp (GBNF)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from codex_py.models.local_scene import Scene
from codex_py.models.local_traces import Place

LINES = 200
"""Longest file whose lines are spelled out, so that an edit's old text is always in it."""
KINDS = ("read", "run", "write", "edit", "done")

CONTENT = r"""line ::= "\n"{0,3} ([^`\n] | "`" "`"? [^`\n]) [^\n]* "\n"
new ::= "\n"{0,3} ([^>\n] [^\n]* | ">" ([^>\n] [^\n]*)?) "\n"
"""
"""What a file may be written of; no row of empty lines, which a small model would not end."""
CHANGED = r'"=======\n" new*'
"""The new text of an edit."""
COMMON = r"""run ::= "run " [^ \n`] [^\n]{0,300}
write ::= "write " path "\n```" [a-z]* "\n" line* "\n"? "```"
path ::= [a-zA-Z0-9_./-]+
done ::= "done " said ("\n" said){0,15}
said ::= text{1,400} "`"?
text ::= [^`\n] | "`" [^`\n]
"""


def grammar(
    scene: Scene,
    barred: Collection[str] = (),
    *,
    insert: bool = False,
    spared: Collection[str] = (),
    within: Place | None = None,
    holding: str = "",
) -> str:
    """One action: of the kinds that make sense now, reading and editing what there is.

    With `insert` it can only put lines after a line that is there, or write a whole file. Files
    that are `spared` are not edited. An edit puts the words `holding` into its file.
    """
    if insert:
        barred = ("read", "run", "done")
    rules = [COMMON + CONTENT]
    kinds = [each for each in ("run", "write", "done") if each not in barred]
    unread = [each for each in scene.known if each not in scene.views]
    if (unread or scene.more) and "read" not in barred:
        names = " | ".join(quoted(each) for each in unread)
        free = "path" if scene.more or not names else ""
        rules.append(f'read ::= "read " ({" | ".join(filter(None, (names, free)))})')
        kinds.append("read")
    if "edit" not in barred:
        edits = []
        for number, (path, text) in enumerate(scene.views.items()):
            if path in spared:
                continue
            if within is not None and path != within.path:
                continue
            edits += (_insert if insert else _edit)(number, path, text, rules, within)
        if edits and holding and not insert:
            new = f'new? [^>\\n]? [^\\n]{{0,200}} {quoted(holding)} [^\\n]{{0,200}} "\\n" new*'
            rules = [each.replace(CHANGED, f'"=======\\n" {new}') for each in rules]
        if edits:
            rules.append(f"edit ::= {' | '.join(edits)}")
            kinds.append("edit")
    kinds = kinds or ["run", "write", "done"]
    return "\n".join([f"root ::= {' | '.join(kinds)}", *rules])


def _edit(
    number: int, path: str, text: str, rules: list[str], within: Place | None = None
) -> list[str]:
    """Rules for one file; its lines are the only old text there can be."""
    lines = text.removesuffix("\n").split("\n")
    if not text.strip():
        return []
    name = f"e{number}"
    if len(lines) > LINES:
        old = "new+"
    else:
        for place, line in enumerate(lines):
            more = f" {name}l{place + 1}?" if place + 1 < len(lines) else ""
            rules.append(f"{name}l{place} ::= {quoted(line + chr(10))}{more}")
        first, last = (within.first - 1, within.last) if within else (0, len(lines))
        starts = [f"{name}l{place}" for place in range(first, last) if lines[place].strip()]
        old = f"({' | '.join(starts)})"
    head = quoted(f"edit {path}\n<<<<<<< old\n")
    rules.append(f'{name} ::= {head} {old} {CHANGED} "\\n"? ">>>>>>> new"')
    return [name]


def _insert(
    number: int, path: str, text: str, rules: list[str], within: Place | None = None
) -> list[str]:
    """Rules for adding to one file: a line, the same line again, and what comes after it."""
    lines = text.removesuffix("\n").split("\n")
    name = f"e{number}"
    ways = [
        f'{quoted(line + chr(10))} "=======\\n" {quoted(line + chr(10))}'
        for place, line in enumerate(lines[:LINES])
        if line.strip()
        and lines.count(line) == 1
        and not _opens(lines, place)
        and (within is None or within.first <= place + 1 <= within.last)
    ]
    if not ways:
        return []
    head = quoted(f"edit {path}\n<<<<<<< old\n")
    rules.append(f'{name} ::= {head} ({" | ".join(ways)}) new+ ">>>>>>> new"')
    return [name]


def _opens(lines: Sequence[str], place: int) -> bool:
    """Whether what follows a line belongs to it, by how far it is set in."""
    after = next((each for each in lines[place + 1 :] if each.strip()), "")
    return _depth(after) > _depth(lines[place])


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def quoted(text: str) -> str:
    """A GBNF literal."""
    return '"' + "".join(_escaped(each) for each in text) + '"'


def _escaped(letter: str) -> str:
    if letter in NAMED:
        return NAMED[letter]
    return letter if letter >= " " else f"\\x{ord(letter):02X}"


NAMED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
