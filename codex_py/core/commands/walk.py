"""Walks the statements of a command line and finds every simple command in it.

A kind of statement that is not listed here is not understood, and then somebody is asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codex_py.core.commands import expand
from codex_py.core.commands.condition import pattern as case_pattern
from codex_py.core.commands.condition import test
from codex_py.core.commands.line import Line, Part
from codex_py.core.commands.parse import parse, text_of
from codex_py.core.commands.redirect import of_group
from codex_py.core.commands.scope import Folders, Puzzled, Scope, both
from codex_py.core.commands.simple import assignment, command, set_variable

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_SCRIPTS = 4
LOOSE = frozenset({";", "\n", ";;", "comment"})


def read(line: str) -> Line:
    """Take a command line apart. Never raises."""
    parts: list[Part] = []
    try:
        root, source = parse(line)
        walk(root.children, Scope(source, parts, inside=walk, script=script), ("",))
    except Puzzled as puzzle:
        if not parts:
            parts = [Part(text=line, argv=(), reading=False, why=str(puzzle))]
        return Line(parts=tuple(parts), understood=False, why=str(puzzle))
    return Line(parts=tuple(parts), understood=True)


def script(text: str, scope: Scope, folders: Folders, posix: bool) -> None:
    """Walk a script that is a word of a command."""
    if scope.scripts >= MOST_SCRIPTS:
        raise Puzzled("too many scripts inside each other")
    root, source = parse(text)
    inner = Scope(
        source,
        scope.parts,
        inside=walk,
        script=script,
        scripts=scope.scripts + 1,
        posix=posix or scope.posix,
    )
    walk(root.children, inner, folders)


def walk(nodes: list[Node], scope: Scope, folders: Folders) -> Folders:
    """Statements one after the other; gives the folders the script can end in."""
    for node in nodes:
        if node.type in LOOSE:
            continue
        if node.type == "&":
            raise Puzzled("`&` leaves a program running in the background")
        done, failed = statement(node, scope, folders)
        folders = both(done, failed)
    return folders


def statement(node: Node, scope: Scope, folders: Folders) -> tuple[Folders, Folders]:
    """One statement; gives the folders after it went well, and after it failed."""
    match node.type:
        case "command":
            return command(node, (), scope, folders)
        case "list":
            return joined(node, scope, folders)
        case "negated_command":
            done, failed = statement(node.children[-1], scope, folders)
            return failed, done
        case "redirected_statement":
            return redirected(node, scope, folders)
        case "compound_statement" | "if_statement":
            return grouped(node, scope, folders)
        case "test_command":
            test(node, (), scope, folders)
            return folders, folders
        case "variable_assignment" | "variable_assignments":
            assignment(node, scope, folders)
            return folders, folders
    if node.type not in APART:
        raise Puzzled(UNREAD.get(node.type, f"`{node.type.replace('_', ' ')}` is not looked into"))
    APART[node.type](node, scope, folders)
    return folders, folders


UNREAD = {
    "function_definition": "it defines a function, which can stand in for any command",
    "declaration_command": "it declares variables, which can change what later commands do",
    "unset_command": "it removes variables or functions, which can change what later commands do",
    "c_style_for_statement": "arithmetic with variables can run commands",
}


def joined(node: Node, scope: Scope, folders: Folders) -> tuple[Folders, Folders]:
    """`a && b` and `a || b`."""
    if len(node.children) != 3 or node.children[1].type not in ("&&", "||"):
        raise Puzzled("it joins commands in a way that is not looked into")
    left, joiner, right = node.children
    done, failed = statement(left, scope, folders)
    if joiner.type == "&&":
        then, broke = statement(right, scope, done)
        return then, both(failed, broke)
    then, broke = statement(right, scope, failed)
    return both(done, then), broke


def redirected(node: Node, scope: Scope, folders: Folders) -> tuple[Folders, Folders]:
    """A statement whose input or output goes elsewhere."""
    body, *others = node.children
    if body.type.endswith("_redirect"):
        raise Puzzled("it sends output somewhere without a command")
    if body.type == "command":
        return command(body, tuple(others), scope, folders)
    if body.type == "test_command":
        test(body, tuple(others), scope, folders)
        return folders, folders
    of_group(others, scope, folders)
    return statement(body, scope, folders)


KEYWORDS = frozenset({"{", "}", "if", "then", "fi", "elif", "else", ";", "\n", "comment"})


def grouped(node: Node, scope: Scope, folders: Folders) -> tuple[Folders, Folders]:
    """`{ … }` and `if … fi`: any of it may run, in this very shell."""
    for child in node.children:
        if child.type in KEYWORDS:
            continue
        if child.type in ("elif_clause", "else_clause"):
            done, failed = grouped(child, scope, folders)
        elif child.is_named:
            done, failed = statement(child, scope, folders)
        elif child.type in ("((", "))"):
            raise Puzzled("arithmetic with variables can run commands")
        else:
            raise Puzzled(f"`{child.type}` was not expected here")
        folders = both(folders, both(done, failed))
    return folders, folders


def pipeline(node: Node, scope: Scope, folders: Folders) -> None:
    """Commands fed by each other; each in a shell of its own."""
    fed = False
    for child in node.children:
        if child.type in ("|", "|&"):
            fed = True
            continue
        before = len(scope.parts)
        if child.type != "comment":
            statement(child, scope, folders)
        if fed:
            scope.parts[before:] = [replace(part, fed=True) for part in scope.parts[before:]]


def subshell(node: Node, scope: Scope, folders: Folders) -> None:
    """`( … )`: whatever it changes, it changes for itself."""
    if node.children[0].type != "(" or node.children[-1].type != ")":
        raise Puzzled("a bracket is not where it was expected")
    walk(node.children[1:-1], scope, folders)


def loop(node: Node, scope: Scope, folders: Folders) -> None:
    """`while`, `until` and `for`: the body may run any number of times."""
    if node.children[0].type not in ("while", "until", "for"):
        raise Puzzled(f"`{node.children[0].type}` is not looked into")
    reached = folders
    for child in node.children:
        if child.type == "do_group":
            reached = both(reached, walk(child.children[1:-1], scope, folders))
        elif child.type == "variable_name":
            set_variable(text_of(child, scope.source), scope)
        elif node.type == "for_statement" and child.is_named:
            expand.quiet_words(child, scope, folders)
        elif child.is_named and child.type != "comment":
            done, failed = statement(child, scope, folders)
            reached = both(reached, both(done, failed))
    if reached != folders:
        raise Puzzled("a `cd` in a loop is not followed")


def choice(node: Node, scope: Scope, folders: Folders) -> None:
    """`case … esac`: any branch may run."""
    reached = folders
    for child in node.children:
        if child.type == "case_item":
            closing = [part.type for part in child.children].index(")")
            for pattern in child.children[:closing]:
                case_pattern(pattern, scope, folders)
            reached = both(reached, walk(child.children[closing + 1 :], scope, folders))
        elif child.is_named and child.type != "comment":
            expand.quiet_words(child, scope, folders)
    if reached != folders:
        raise Puzzled("a `cd` in a branch is not followed")


APART = {
    "pipeline": pipeline,
    "subshell": subshell,
    "while_statement": loop,
    "for_statement": loop,
    "case_statement": choice,
}
