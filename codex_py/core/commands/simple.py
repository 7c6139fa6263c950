"""One simple command: its assignments, words and redirections, judged together."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from codex_py.core.commands import expand, redirect
from codex_py.core.commands.judge import judge
from codex_py.core.commands.line import Part
from codex_py.core.commands.parse import start_of, text_of
from codex_py.core.commands.redirect import Redirect
from codex_py.core.commands.scope import Folders, Puzzled, Scope, enter, placed
from codex_py.core.commands.settings import unsettling
from codex_py.core.commands.verdict import Verdict
from codex_py.core.commands.words import Word

if TYPE_CHECKING:
    from tree_sitter import Node

OWN = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
"""Names a line may set for itself: programs and bash listen to names in capitals."""
HEARD = re.compile(r"_|histchars|auto_resume|.*_proxy", re.ASCII)
"""Names in small letters that somebody listens to all the same."""


def command(
    node: Node, others: tuple[Node, ...], scope: Scope, folders: Folders
) -> tuple[Folders, Folders]:
    """Note the part; gives the folders after it went well, and after it failed."""
    troubles: list[str] = []
    found: list[Word] = []
    redirects: list[Redirect] = []
    nodes = [*node.children, *others]
    touching(nodes, scope)
    for child in nodes:
        if child.type == "variable_assignment":
            troubles.append(setting(child, scope, folders))
        elif child.type.endswith("_redirect"):
            one = redirect.read(child, scope, folders)
            redirects.append(one)
            found += one.extra
        else:
            found += argument(child, scope, folders)
    if not any(child.type == "command_name" for child in node.children):
        raise Puzzled("a redirection without a command is not looked into")
    troubles += [one.trouble for one in redirects]
    verdict = judge(tuple(found))
    note(nodes, found, verdict, [one for one in troubles if one], redirects, scope, folders)
    for text, posix in verdict.scripts:
        scope.script(text, scope, folders, posix)
    for name in verdict.sets:
        set_variable(name, scope)
    if verdict.cwd_change is None:
        return folders, folders
    return enter(folders, verdict.cwd_change), folders


def touching(nodes: list[Node], scope: Scope) -> None:
    """Raise Puzzled when two words touch: bash would have read one."""
    for one, other in pairwise(nodes):
        if start_of(other, scope.source) > one.end_byte:
            continue
        starts = other.children[0].type if other.children else ""
        if not other.type.endswith("_redirect") or starts == "file_descriptor":
            raise Puzzled(f"`{text_of(other, scope.source)}` could not be read with certainty")


def argument(node: Node, scope: Scope, folders: Folders) -> list[Word]:
    """The words of one argument, or of the command's name."""
    if node.type == "command_name":
        return expand.words(node.children[0], scope, folders)
    if not node.is_named and node.type in expand.OPERATORS:
        return [Word(node.type)]
    return expand.words(node, scope, folders)


def note(
    nodes: list[Node],
    found: list[Word],
    verdict: Verdict,
    troubles: list[str],
    redirects: list[Redirect],
    scope: Scope,
    folders: Folders,
) -> None:
    """Add the part to what was found."""
    reads = verdict.reads + tuple(path for one in redirects for path in one.reads)
    writes = verdict.writes + tuple(path for one in redirects for path in one.writes)
    first = start_of(nodes[0], scope.source)
    scope.note(
        Part(
            text=scope.source[first : nodes[-1].end_byte].decode(),
            argv=tuple(word.text for word in found),
            reading=verdict.reading and not troubles,
            why=", ".join(([] if verdict.reading and troubles else [verdict.why]) + troubles),
            reads=placed(folders, reads),
            writes=placed(folders, writes),
            cwd_change=verdict.cwd_change,
            walled=verdict.walled,
            programs=verdict.programs,
        )
    )


def setting(node: Node, scope: Scope, folders: Folders) -> str:
    """An assignment in front of a command; gives why it must be asked about, or nothing."""
    name, value = assigned(node, scope, folders)
    return unsettling(name, value)


def assigned(node: Node, scope: Scope, folders: Folders) -> tuple[str, Word]:
    """The name and the value of `NAME=value`."""
    children = list(node.children)
    if len(children) < 2 or children[0].type != "variable_name" or children[1].type != "=":
        raise Puzzled("an assignment of this form is not looked into")
    name = text_of(children[0], scope.source)
    touching(children, scope) if len(children) > 3 else None
    found = [word for child in children[2:] for word in expand.quiet_words(child, scope, folders)]
    return name, found[0] if len(found) == 1 else Word("", known=not found)


def assignment(node: Node, scope: Scope, folders: Folders) -> None:
    """Assignments that stand alone: harmless for names that nobody else listens to."""
    each = node.children if node.type == "variable_assignments" else [node]
    for one in each:
        name, _ = assigned(one, scope, folders)
        own = bool(OWN.fullmatch(name)) and not HEARD.fullmatch(name)
        why = "sets a variable of the line's own" if own else f"{name} may change other programs"
        text = text_of(one, scope.source)
        scope.note(Part(text=text, argv=(), reading=own, why=why))
        set_variable(name, scope)


def set_variable(name: str, scope: Scope) -> None:
    """Remember that the line itself gives this variable its value."""
    if not OWN.fullmatch(name) or HEARD.fullmatch(name):
        raise Puzzled(f"{name} may change other programs")
    scope.variables.add(name)
