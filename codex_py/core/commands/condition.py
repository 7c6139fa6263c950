"""Conditions: `[ … ]`, `[[ … ]]` and the patterns of a case.

Some of their operators evaluate their operands, and evaluating `a[$(cmd)]` runs cmd. So only
operators from a list are let through, and words not known before they run only in their places.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codex_py.core.commands import expand, redirect
from codex_py.core.commands.line import Part
from codex_py.core.commands.parse import start_of, text_of
from codex_py.core.commands.scope import Folders, Puzzled, Scope, placed
from codex_py.core.commands.verdict import Verdict, ask
from codex_py.core.commands.words import Word

if TYPE_CHECKING:
    from tree_sitter import Node

FILES = frozenset("-b -c -d -e -f -g -h -k -L -N -O -p -r -s -S -u -w -x -G".split())
TEXTS = frozenset("-n -z -t".split())
COMPARE = frozenset("= == != -nt -ot -ef".split())
NUMERIC = frozenset("-eq -ne -lt -le -gt -ge".split())
JOIN = frozenset({"!", "-a", "-o", "(", ")", "&&", "||"})
INNER = frozenset({"unary_expression", "binary_expression", "parenthesized_expression"})


def test(node: Node, others: tuple[Node, ...], scope: Scope, folders: Folders) -> None:
    """Note the part for `[ … ]` or `[[ … ]]`."""
    opening, closing = node.children[0].type, node.children[-1].type
    if (opening, closing) not in (("[", "]"), ("[[", "]]")) or (scope.posix and opening == "[["):
        raise Puzzled(f"`{opening}` is not looked into")
    if opening == "[" and any(leaf.type in ("<", ">") for leaf in leaves(node)):
        raise Puzzled("`<` and `>` between single brackets open files")
    found: list[Word] = []
    for child in node.children[1:-1]:
        found += flat(child, scope, folders)
    apart(node, scope)
    verdict = judged(found, double=opening == "[[")
    redirects = [redirect.read(other, scope, folders) for other in others]
    if any(one.extra for one in redirects):
        raise Puzzled("a word after a condition could not be read with certainty")
    troubles = [one.trouble for one in redirects if one.trouble]
    reads = verdict.reads + tuple(path for one in redirects for path in one.reads)
    writes = tuple(path for one in redirects for path in one.writes)
    scope.note(
        Part(
            text=text_of(node, scope.source),
            argv=(opening, *(word.text for word in found), closing),
            reading=verdict.reading and not troubles,
            why=", ".join([verdict.why, *troubles]),
            reads=placed(folders, reads),
            writes=placed(folders, writes),
        )
    )


def flat(node: Node, scope: Scope, folders: Folders) -> list[Word]:
    """The words of a condition in order; operators are words like others."""
    if node.type in INNER:
        return [word for child in node.children for word in flat(child, scope, folders)]
    if node.type in ("extglob_pattern", "regex"):
        return [literal_pattern(node, scope)]
    if node.type == "test_operator" or not node.is_named:
        return [Word(text_of(node, scope.source))]
    return expand.words(node, scope, folders)


def apart(node: Node, scope: Scope) -> None:
    """Raise Puzzled when two words of a condition touch."""
    end = node.start_byte
    for leaf in leaves(node):
        start = start_of(leaf, scope.source)
        touching = start == end and start > start_of(node, scope.source)
        if touching and leaf.type not in "()" and scope.source[end - 1 : end] != b"(":
            raise Puzzled("a condition could not be read with certainty")
        end = leaf.end_byte


def leaves(node: Node) -> list[Node]:
    """The words of a condition as nodes."""
    if node.type in INNER or node.type == "test_command":
        return [leaf for child in node.children for leaf in leaves(child)]
    return [node]


def literal_pattern(node: Node, scope: Scope) -> Word:
    """A pattern in which nothing is expanded."""
    text = text_of(node, scope.source)
    if re.search(r"[$`<>&;\"'\\\s]", text):
        raise Puzzled(f"the pattern `{text}` is not looked into")
    return Word(text)


def pattern(node: Node, scope: Scope, folders: Folders) -> None:
    """One pattern of a case branch."""
    if node.type == "extglob_pattern":
        literal_pattern(node, scope)
    elif node.is_named:
        expand.quiet_words(node, scope, folders)
    elif node.type not in ("|", "("):
        raise Puzzled(f"`{node.type}` was not expected here")


def judged(words: list[Word], double: bool) -> Verdict:
    """Whether a condition is harmless: every operator known, every operand in its place."""
    reads: list[str] = []
    at = 0
    while at < len(words):
        here, rest = words[at], words[at + 1 :]
        if here.trouble:
            return ask(here.trouble)
        if here.plain and here.text in JOIN and here.text not in (word.text for word in rest[1:2]):
            at += 1
        elif here.plain and here.text in FILES | TEXTS and rest and not _compares(rest):
            if not _operand(rest[0], double):
                return ask(f"{rest[0].text} is not known before it runs")
            reads += [rest[0].text] if here.text in FILES and rest[0].plain else []
            at += 2
        elif _compares(words[at:]):
            wrong = _compared(words[at], words[at + 1], words[at + 2], double)
            if wrong:
                return ask(wrong)
            at += 3
        elif (
            here.plain and not here.text.startswith("-") and (at == 0 or words[at - 1].text in JOIN)
        ):
            at += 1
        else:
            return ask(f"`{here.text}` in a condition is not looked into")
    return Verdict(reading=True, why="only tests a condition", reads=tuple(reads))


def _compares(words: list[Word]) -> bool:
    known = COMPARE | NUMERIC | {"<", ">", "=~"}
    return len(words) >= 3 and words[1].plain and words[1].text in known


def _compared(left: Word, operator: Word, right: Word, double: bool) -> str:
    if left.trouble or right.trouble:
        return left.trouble or right.trouble
    if operator.text in ("<", ">", "=~") and not double:
        return f"`{operator.text}` in a condition can write a file"
    if operator.text in NUMERIC and double:
        sure = all(re.fullmatch(r"-?\d+", word.text) for word in (left, right))
        return "" if sure else "arithmetic with variables can run commands"
    if not (_operand(left, double) and _operand(right, double)):
        return "a condition holds a word not known before it runs"
    return ""


def _operand(word: Word, double: bool) -> bool:
    """True for a word that stays one word and cannot be taken for an operator."""
    if word.trouble:
        return False
    return double or not word.many
