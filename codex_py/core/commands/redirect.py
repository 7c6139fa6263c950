"""Where input comes from and output goes: `< file`, `> file`, `2>&1` and here-documents."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from codex_py.core.commands import expand
from codex_py.core.commands.line import Part
from codex_py.core.commands.parse import text_of
from codex_py.core.commands.scope import Folders, Puzzled, Scope, placed
from codex_py.dataclass import dataclass

if TYPE_CHECKING:
    from tree_sitter import Node
from codex_py.core.commands.words import Word

INPUT = frozenset({"<", "<&"})
OUTPUT = frozenset({">", ">>", ">|", "&>", "&>>", ">&"})
BASH_ONLY = frozenset({"&>", "&>>"})
NOWHERE = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"})
SOCKETS = ("/dev/tcp/", "/dev/udp/")


@dataclass(frozen=True, slots=True)
class Redirect:
    """One redirection, read."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    trouble: str = ""
    extra: tuple[Word, ...] = ()
    """Words that the grammar counts in but that are arguments of the command."""


def read(node: Node, scope: Scope, folders: Folders) -> Redirect:
    """Read one redirection."""
    if node.type == "heredoc_redirect":
        return heredoc(node, scope)
    if node.type == "herestring_redirect":
        if scope.posix:
            raise Puzzled("plain sh does not know `<<<`")
        for child in node.children[1:]:
            expand.quiet_words(child, scope, folders)
        return Redirect()
    if node.type != "file_redirect":
        raise Puzzled(f"`{node.type.replace('_', ' ')}` is not looked into")
    parts = [child for child in node.children if child.type != "file_descriptor"]
    for child in node.children:
        number = text_of(child, scope.source)
        if child.type == "file_descriptor" and not re.fullmatch(r"[0-9]", number, re.ASCII):
            raise Puzzled(f"`{number}` in front of a redirection is not looked into")
    operator, targets = text_of(parts[0], scope.source), parts[1:]
    if operator not in INPUT | OUTPUT or (scope.posix and operator in BASH_ONLY):
        raise Puzzled(f"`{operator}` is not looked into")
    if not targets:
        raise Puzzled(f"`{operator}` without a target is not looked into")
    apart(targets, scope)
    found = [expand.words(target, scope, folders) for target in targets]
    extra = tuple(word for words in found[1:] for word in words)
    return directed(operator, found[0], extra, scope)


def apart(targets: list[Node], scope: Scope) -> None:
    """Raise Puzzled when two words touch: bash would have read one."""
    for one, other in pairwise(targets):
        if scope.source[one.end_byte : one.end_byte + 1] not in (b" ", b"\t"):
            raise Puzzled(f"`{text_of(other, scope.source)}` could not be read with certainty")


def directed(operator: str, target: list[Word], extra: tuple[Word, ...], scope: Scope) -> Redirect:
    """What one redirection to or from a file does."""
    word = target[0] if len(target) == 1 else Word("", known=False)
    if word.pipe and operator == "<":
        return Redirect(extra=extra)
    if not word.plain:
        return Redirect(trouble="a redirection goes where is not known before it runs", extra=extra)
    if operator in ("<&", ">&") and re.fullmatch(r"[0-9]-?|-", word.text):
        return Redirect(extra=extra)
    if word.text.startswith(SOCKETS):
        return Redirect(trouble=f"{word.text} opens a network connection", extra=extra)
    if operator == "<":
        return Redirect(reads=(word.text,), extra=extra)
    if operator == "<&" or (operator == ">&" and scope.posix):
        raise Puzzled(f"`{operator}{word.text}` is not looked into")
    if word.text in NOWHERE:
        return Redirect(extra=extra)
    return Redirect(writes=(word.text,), trouble=f"it writes {word.text}", extra=extra)


HEREDOC = re.compile(rb"<<-?[ \t]*(?:(\w+)|'(\w+)'|\"(\w+)\")[ \t]*\n", re.ASCII)


def heredoc(node: Node, scope: Scope) -> Redirect:
    """A text given in place, read by hand: it must be the last thing on the line."""
    text = scope.source[node.start_byte : node.end_byte]
    found = HEREDOC.match(text)
    kinds = {child.type for child in node.children}
    if not found or not kinds <= {"<<", "<<-", "heredoc_start", "heredoc_body", "heredoc_end"}:
        raise Puzzled("a here-document of this form is not looked into")
    name = found[1] or found[2] or found[3]
    lines = text[found.end() :].split(b"\n")
    ends = [number for number, line in enumerate(lines) if line.strip(b"\t") == name]
    if ends != [len(lines) - 1] or scope.source[node.end_byte :].strip(b" \t\n"):
        raise Puzzled("a here-document does not end where it should")
    if found[1] and re.search(rb"[$`\\]", text[found.end() :]):
        raise Puzzled("a here-document with `$`, backquotes or backslashes is not looked into")
    return Redirect()


def of_group(nodes: list[Node], scope: Scope, folders: Folders) -> None:
    """Redirections of a whole group, as a part of their own."""
    for node in nodes:
        found = read(node, scope, folders)
        if found.extra:
            raise Puzzled("a word after a group could not be read with certainty")
        if found.trouble or found.reads:
            scope.note(
                Part(
                    text=text_of(node, scope.source),
                    argv=(),
                    reading=not found.trouble,
                    why=found.trouble or f"reads {found.reads[0]}",
                    reads=placed(folders, found.reads),
                    writes=placed(folders, found.writes),
                )
            )
