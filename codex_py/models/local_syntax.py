"""Pure: what would be wrong with a file: it cannot be read, or has lost what it needs."""

from __future__ import annotations

import ast
import builtins
import json
import re
import tomllib
import warnings
from collections.abc import Sequence


def unreadable(path: str, content: str) -> str:
    """The first error of syntax in a Python, JSON or TOML file; empty for others."""
    try:
        if path.endswith(".py"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(content, path, "exec", dont_inherit=True)
        elif path.endswith(".json"):
            json.loads(content or "{}")
        elif path.endswith(".toml"):
            tomllib.loads(content)
    except SyntaxError as error:
        return f"But {path} is not right now: line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"But {path} is not right now: {error}"
    return ""


def lost(path: str, before: str, content: str) -> str:
    """A name that a Python file would use and that nothing makes; empty for none, or none new."""
    if not path.endswith(".py"):
        return ""
    try:
        new, old = _unmade(ast.parse(content)), _unmade(ast.parse(before))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return min(new - old, default="")


def _unmade(tree: ast.AST) -> set[str]:
    """Names that are used and made nowhere in a file."""
    names = [each for each in ast.walk(tree) if isinstance(each, ast.Name)]
    used = {each.id for each in names if isinstance(each.ctx, ast.Load)}
    every = any(isinstance(each, ast.alias) and each.name == "*" for each in ast.walk(tree))
    return set() if every else used - _bound(tree) - set(dir(builtins)) - {"__file__"}


def gone(path: str, before: str, content: str) -> str:
    """What adding something must not take away: a definition, a key, a line; empty for nothing."""
    suffix = path.rpartition(".")[2]
    try:
        if suffix == "py":
            return _first(_defined(ast.parse(before)), _defined(ast.parse(content)))
        if suffix == "json":
            return _first(_keys(json.loads(before)), _keys(json.loads(content)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if "." in path.lstrip(".") and suffix not in PROSE:
        return ""
    old = [each.strip() for each in before.splitlines()]
    new = [each for each in content.splitlines() if each.strip() not in old]
    return _first([each for each in old if not _longer(each, new)], content.splitlines())


def _longer(line: str, new: Sequence[str]) -> bool:
    """Whether a line of some words is there with more of them."""
    words = re.findall(r"[\w.*-]+", line)
    return len(words) > 1 and any(
        all(each in re.findall(r"[\w.*-]+", other) for each in words) for other in new
    )


def mute(path: str, before: str, content: str) -> str:
    """A Python function that returned something and no longer does; empty for none."""
    if not path.endswith(".py"):
        return ""
    try:
        old, new = _speaking(ast.parse(before)), _speaking(ast.parse(content))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return next((name for name, says in new.items() if not says and old.get(name)), "")


def _speaking(tree: ast.AST) -> dict[str, bool]:
    return {
        each.name: any(
            isinstance(inner, (ast.Return, ast.Yield)) and inner.value is not None
            for inner in ast.walk(each)
        )
        for each in ast.walk(tree)
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def doubled(path: str, before: str, content: str) -> str:
    """A definition that a Python file would have twice, and had not; empty for none."""
    if not path.endswith(".py"):
        return ""
    try:
        old, new = _defined(ast.parse(before)), _defined(ast.parse(content))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return next((each for each in new if new.count(each) > max(1, old.count(each))), "")


def late(path: str, before: str, content: str) -> bool:
    """Whether a program would take options after it has read them, and did not before."""
    if not path.endswith(".py"):
        return False

    def found(said: str) -> bool:
        return said.rfind(".add_argument(") > said.find(".parse_args(") >= 0

    return found(content) and not found(before)


def twice(path: str, before: str, content: str) -> str:
    """A statement that a Python block would have twice; empty for none, or none new."""
    if not path.endswith(".py"):
        return ""
    try:
        old, new = _repeated(ast.parse(before)), _repeated(ast.parse(content))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return min(new - old, default="")


def _repeated(tree: ast.AST) -> set[str]:
    """Assignments that a block makes twice, word for word, with a call in them."""
    found: set[str] = set()
    for each in ast.walk(tree):
        body = getattr(each, "body", None)
        told: set[str] = set()
        for line in body if isinstance(body, list) else ():
            if isinstance(line, ast.Assign) and isinstance(line.value, ast.Call):
                said = ast.unparse(line)
                found |= {said} & told
                told.add(said)
    return found


PROSE = ("txt", "md", "rst", "csv", "log", "ini", "cfg", "toml", "yaml", "yml", "env")
"""Files that are lines: what is added to them leaves the others alone."""


def _first(old: Sequence[str], new: Sequence[str]) -> str:
    there = {each.strip() for each in new}
    return next((each for each in old if each and each not in there), "")


def _defined(tree: ast.AST) -> list[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [each.name for each in ast.walk(tree) if isinstance(each, kinds)]


def _keys(value: object) -> list[str]:
    if isinstance(value, list):
        return [key for each in value for key in _keys(each)]
    if not isinstance(value, dict):
        return []
    return [*value, *(key for each in value.values() for key in _keys(each))]


def _bound(tree: ast.AST) -> set[str]:
    """Every name that some line of a program makes."""
    found: set[str] = set()
    for each in ast.walk(tree):
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(each.name)
        elif isinstance(each, ast.alias):
            found.add((each.asname or each.name).partition(".")[0])
        elif isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            found.add(each.id)
        elif isinstance(each, ast.arg):
            found.add(each.arg)
        elif isinstance(each, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and each.name:
            found.add(each.name)
        elif isinstance(each, ast.MatchMapping) and each.rest:
            found.add(each.rest)
    return found
