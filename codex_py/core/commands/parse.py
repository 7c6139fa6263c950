"""Turns a command line into a syntax tree, or says why it cannot be read with certainty.

The grammar is more lenient than bash in places, so a tree without errors is not enough: every byte
of the line must belong to a leaf, or be a blank between leaves.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from codex_py.core.commands.scope import DEEPEST, Puzzled

if TYPE_CHECKING:
    from tree_sitter import Node

LONGEST = 10_000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
BLANK = re.compile(rb"(?:[ \t\n]|\\\n)*")
SPACE = re.compile(rb"(?:[ \t]|\\\n)*")
BEFORE_COMMENT = (b"", *(bytes([letter]) for letter in b" \t\n;&|()"))
INCOMPLETE = "it does not read as a complete shell command"
OPAQUE = frozenset({"string", "heredoc_redirect"})
"""Kinds of node that are checked by whoever reads them, not leaf by leaf."""
ONE_LINE = frozenset(
    """command redirected_statement file_redirect herestring_redirect variable_assignment
    variable_assignments concatenation test_command unary_expression binary_expression""".split()
)
"""Kinds of node that a line break ends for bash, whatever the grammar thinks."""


def parse(command: str) -> tuple[Node, bytes]:
    """The syntax tree and the bytes it speaks of. Raises Puzzled."""
    import tree_sitter  # late: loads the shell grammar
    import tree_sitter_bash

    if len(command) > LONGEST:
        raise Puzzled("the line is too long to be read with certainty")
    refuse_strange(command)
    source = command.encode()
    language = tree_sitter.Language(tree_sitter_bash.language())
    root = tree_sitter.Parser(language).parse(source).root_node
    if root.has_error:
        raise Puzzled(INCOMPLETE)
    check(root, source)
    return root, source


def refuse_strange(command: str) -> None:
    """Raise Puzzled at letters that two programs could read in two ways."""
    found = CONTROL.search(command)
    if found:
        raise Puzzled(f"it holds a control character ({found[0]!a})")
    for letter in command if not command.isascii() else "":
        if not letter.isprintable() or letter.isspace():
            raise Puzzled(f"it holds an invisible character ({letter!a})")


def check(root: Node, source: bytes) -> None:
    """Make sure that the leaves cover the node, in order, but for blanks between them."""
    at = root.start_byte if root.parent else 0
    waiting: list[tuple[Node, int]] = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            raise Puzzled("it is nested too deeply")
        if node.is_missing or node.is_error:
            raise Puzzled(INCOMPLETE)
        if node.children and node.type not in OPAQUE:
            if node.type in ONE_LINE and broken(node, source):
                raise Puzzled("a line break in it could not be read with certainty")
            waiting.extend((child, depth + 1) for child in reversed(node.children))
            continue
        blank = BLANK.fullmatch(source, at, max(at, start_of(node, source)))
        if not blank or set(blank[0]) == {0x5C, 0x0A}:
            raise Puzzled("part of it could not be read with certainty")
        if node.type == "comment" and source[: node.start_byte][-1:] not in BEFORE_COMMENT:
            raise Puzzled("a `#` in the middle of a word could not be read with certainty")
        if node.start_byte < at:
            raise Puzzled("part of it was read twice")
        at = node.end_byte
    if not BLANK.fullmatch(source, at, root.end_byte if root.parent else len(source)):
        raise Puzzled("part of it could not be read")


def broken(node: Node, source: bytes) -> bool:
    """True when a line break stands between two parts of the node."""
    return any(
        not SPACE.fullmatch(source, one.end_byte, max(one.end_byte, other.start_byte))
        for one, other in pairwise(node.children)
    )


def text_of(node: Node, source: bytes) -> str:
    """The source of a node, without the blanks the grammar may count in."""
    return source[start_of(node, source) : node.end_byte].decode()


def start_of(node: Node, source: bytes) -> int:
    """Where a node really starts: the grammar counts blanks before some tokens in."""
    found = SPACE.match(source, node.start_byte, node.end_byte)
    return found.end() if found else node.start_byte
