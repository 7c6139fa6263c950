"""Reads one word of the syntax tree: what it will be, or how little is certain of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from codex_py.core.commands.parse import check, start_of, text_of
from codex_py.core.commands.scope import Folders, Puzzled, Scope
from codex_py.core.commands.words import (
    Piece,
    Word,
    compose,
    unescape,
    unescape_ansi,
    unescape_double,
)

if TYPE_CHECKING:
    from tree_sitter import Node

BARE = re.compile(r"(?:[^\\\s'\"`$()<>|&;]|\\[\s\S])+")
ACTIVE = re.compile(r"`|\$[\w{(\[@*#?$!-]", re.ASCII)
SIMPLE = re.compile(r"\$(?:\{([A-Za-z_]\w*|[?$#!0-9@*])\}|([A-Za-z_]\w*|[?$#!0-9@*]))", re.ASCII)
NUMBERS = re.compile(r"\$\(\([\d\s+*%()-]*\)\)", re.ASCII)
OPERATORS = frozenset({"=", "==", "=~", "+", "-", "!"})
HARMLESS = frozenset(
    """HOME PWD OLDPWD USER LOGNAME SHELL PATH LANG TERM HOSTNAME UID EUID PPID SECONDS RANDOM
    LINENO SHLVL TMPDIR VIRTUAL_ENV CONDA_PREFIX EDITOR PAGER GOPATH GOROOT JAVA_HOME COLUMNS
    LINES BASH_VERSION OSTYPE MACHTYPE XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME""".split()
)
"""Variables that may be shown to the model; any other may hold a secret."""


def words(node: Node, scope: Scope, folders: Folders) -> list[Word]:
    """The words that one word of the source becomes (braces can make several)."""
    if node.type == "process_substitution":
        return [substituted(node, scope, folders)]
    pieces = list(pieces_of(node, scope, folders))
    return compose(pieces, text_of(node, scope.source))


def quiet_words(node: Node, scope: Scope, folders: Folders) -> list[Word]:
    """The same, where a word that must be asked about makes the whole line one to ask about."""
    found = words(node, scope, folders)
    for word in found:
        if word.trouble:
            raise Puzzled(word.trouble)
    return found


def substituted(node: Node, scope: Scope, folders: Folders) -> Word:
    """`<( … )`: a pipe with a command behind it."""
    if scope.posix or text_of(node.children[0], scope.source) != "<(":
        raise Puzzled("a substitution that is written to is not looked into")
    scope.inside(node.children[1:-1], scope, folders)
    return Word(text_of(node, scope.source), known=False, start="/dev/fd/", pipe=True)


def pieces_of(node: Node, scope: Scope, folders: Folders) -> list[Piece]:
    """The pieces of a word, quoted or not."""
    text = text_of(node, scope.source)
    match node.type:
        case "word" | "number":
            if node.children or not BARE.fullmatch(text) or text.startswith("#"):
                raise Puzzled(f"`{text}` could not be read with certainty")
            return unescape(text)
        case "raw_string":
            return [Piece(text[1:-1], quoted=True)]
        case "ansi_c_string":
            return [ansi(text, scope)]
        case "string":
            return double_quoted(node, scope, folders)
        case "concatenation":
            return concatenated(node, scope, folders)
        case "simple_expansion" | "expansion":
            return [variable(text, scope)]
        case "command_substitution":
            inside(node, scope, folders)
            return [Piece(text, quoted=False, known=False)]
        case "arithmetic_expansion":
            if not NUMBERS.fullmatch(text):
                raise Puzzled("arithmetic with variables can run commands")
            return [Piece(text, quoted=True, known=False)]
        case "brace_expression":
            return [Piece(text, quoted=False, known=False)]
    raise Puzzled(f"`{node.type.replace('_', ' ')}` is not looked into")


def ansi(text: str, scope: Scope) -> Piece:
    """`$'…'`, where plain sh would read a dollar and a quoted text."""
    value = unescape_ansi(text[2:-1])
    if value is None or scope.posix:
        raise Puzzled("it holds `$'…'` with unusual escapes")
    return Piece(value, quoted=True)


def concatenated(node: Node, scope: Scope, folders: Folders) -> list[Piece]:
    """Several pieces in a row, nothing between them."""
    found: list[Piece] = []
    end = start_of(node, scope.source)
    for child in node.children:
        if start_of(child, scope.source) != end or not child.is_named:
            raise Puzzled(f"`{text_of(node, scope.source)}` could not be read with certainty")
        found += pieces_of(child, scope, folders)
        end = child.end_byte
    return found


def double_quoted(node: Node, scope: Scope, folders: Folders) -> list[Piece]:
    """A text between double quotes, with the expansions inside it."""
    found: list[Piece] = []
    at = start_of(node, scope.source) + 1
    for child in node.children:
        if child.type in ('"', "string_content", "$"):
            continue
        found.append(stretch(scope.source[at : start_of(child, scope.source)].decode()))
        check(child, scope.source)
        for piece in pieces_of(child, scope, folders):
            found.append(replace(piece, quoted=True))
        at = child.end_byte
    found.append(stretch(scope.source[at : node.end_byte - 1].decode()))
    return found


def stretch(text: str) -> Piece:
    """Plain text between double quotes; anything active left in it was misread."""
    bare = re.sub(r"\\[\s\S]", "", text)
    if ACTIVE.search(bare) or '"' in bare:
        raise Puzzled("a text in double quotes could not be read with certainty")
    return Piece(unescape_double(text), quoted=True)


def variable(text: str, scope: Scope) -> Piece:
    """`$NAME` or `${NAME}`; the other forms of `${…}` can run commands or assign."""
    found = SIMPLE.fullmatch(text)
    if not found:
        raise Puzzled(f"`{text}` is not looked into")
    name = found[1] or found[2]
    if name in ("HOME", "PWD"):
        return Piece("~" if name == "HOME" else ".", quoted=False, home=True)
    if name in ("?", "$", "#", "!"):
        return Piece(text, quoted=True, known=False)
    if name in scope.variables or name in HARMLESS or name[0] in "0123456789@*":
        return Piece(text, quoted=False, known=False)
    return Piece(text, quoted=False, known=False, trouble=f"{text} may hold a secret")


def inside(node: Node, scope: Scope, folders: Folders) -> None:
    """Walk the commands of `$( … )` or of backquotes."""
    opening = text_of(node.children[0], scope.source)
    if opening not in ("$(", "`") or len(node.children) < 2:
        raise Puzzled(f"`{opening}` is not looked into")
    if opening == "`" and "\\" in text_of(node, scope.source):
        raise Puzzled("backquotes with backslashes inside could not be read with certainty")
    scope.inside(node.children[1:-1], scope, folders)
