"""Pure: commands that show whether a task is done, made of the task's own words."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from collections.abc import Mapping

CALL = r"`?\b(?P<call>[A-Za-z_]\w*\((?:[^()]|\(\))*\))`?"
VALUE = (
    r"`?(?P<value>-?\d+(?:\.\d+)?(?![\w.]*\w)|'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\([^()]*\)|\{[^}]*\}"
    r"|True|False|None)`?"
)
OF = r"(?: (?:in|of|from) \S+)?"
GIVES = r"(?:gives?|returns?|is|are|yields?|prints?|be|equals?|computes?)"
MUST = r"(?:should|must|has to|needs to|ought to)(?: \w+ly)?"
SHOWN = tuple(
    re.compile(form)
    for form in (
        rf"{CALL}{OF} {MUST} {GIVES} {VALUE}",
        rf"{CALL}{OF} {GIVES} [^,;.\s]\S*?,?(?: \w+){{0,2}} {MUST} {GIVES} {VALUE}",
        rf"{CALL}{OF} {GIVES} \S+ instead of {VALUE}",
        rf"{CALL} (?:==|=|->|→|=>) {VALUE}",
        rf"(?:so that|such that|for example|e\.g\.|like) {CALL} {GIVES} {VALUE}",
    )
)
"""How a task tells of a call and what it is to give."""
QUOTED = re.compile(r"`((?:python3?|sh|bash|\./)[^`\n|;&<>$]*)`")
"""A command that a task tells in whole."""
PLAIN = re.compile(r"\b(python3? \S+\.py(?: [\w./-]+\.\w+)*)")
FAILS = re.compile(
    r"\b(crash\w*|fail\w*|break\w*|dies|error|exception|traceback|raises|"
    r"\w+Error|blows up|stops with)\b",
    re.I,
)
RAISES = re.compile(r"\b(raise|throw|refuse|reject)\b", re.I)
EMPTY = (
    (r"\bempty (list|sequence|input|array|data|values?)\b|\b(list|input) is empty\b", "[]"),
    (r"\bempty (string|text|word|name|line)\b|\b(string|text|word) is empty\b", "''"),
    (r"\bempty dict\w*\b", "{}"),
    (r"\b(for|on|with|is|given) None\b", "None"),
    (r"\b(for|on|with|is|given) (0|zero)\b", "0"),
)  # fmt: skip
"""Inputs that a program is said to fail on."""
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def shown(asked: str, views: Mapping[str, str]) -> str:
    """A command that tries what a task says of a call; empty where it says nothing of one.

    Only calls of functions in the Python files that were read, with values written out.
    """
    for form in SHOWN:
        for match in form.finditer(asked):
            call, value = match["call"], match["value"]
            wanted = _literal(value)
            if wanted is not None and (found := _module(call.partition("(")[0], views, call)):
                return _command(found, call, wanted)
    for match in re.finditer(rf"{CALL}{OF},? (?:\w+ )?{FAILS.pattern}", asked, re.I):
        if found := _module(match["call"].partition("(")[0], views, match["call"]):
            return _command(found, match["call"], None)
    return _empty(asked, views)


def given(asked: str, known: Mapping[str, object]) -> str:
    """A command that stands in a task and runs a file that is there; empty for none."""
    for form in (QUOTED, PLAIN):
        for match in form.finditer(asked):
            command = match[1].strip().replace("python ", "python3 ", 1)
            if any(posixpath.normpath(each) in known for each in command.split()):
                return command
    return ""


def helped(asked: str, views: Mapping[str, str]) -> str:
    """A command that finds a new option in a program's help; empty where it is not known to be."""
    options = [each for each in OPTION.findall(asked) if each != "--help"]
    scripts = [path for path, content in views.items() if "argparse" in content]
    scripts = [each for each in scripts if "parse_args" in views[each]]
    if not options or len(scripts) != 1 or options[0] not in views[scripts[0]]:
        return ""
    return f"python3 {shlex.quote(scripts[0])} --help | grep -e {options[0]}"


def idle(asked: str, views: Mapping[str, str]) -> tuple[str, str]:
    """An option that a program takes and makes no use of, and the words that would; or nothing."""
    for option in OPTION.findall(asked):
        name = option.strip("-").replace("-", "_")
        for content in views.values():
            taken = re.search(rf"add_argument\([^\n]*['\"]{option}['\"]", content)
            read = re.search(r"(\w+) = \w+\.parse_args\(", content)
            if taken and read and not re.search(rf"\.{name}\b|vars\(|getattr\(|dest=", content):
                return option, f"{read[1]}.{name}"
    return "", ""


def _empty(asked: str, views: Mapping[str, str]) -> str:
    """A call with what a function is said to fail on."""
    if FAILS.search(asked) is None or RAISES.search(asked):
        return ""
    value = next((value for form, value in EMPTY if re.search(form, asked, re.I)), "")
    for path, content in views.items():
        for name, takes in _functions(path, content).items():
            if value and takes == 1 and re.search(rf"\b{name}\b", asked):
                call = f"{name}({value})"
                wants = re.search(rf"\b(?:return|give|be|print)s? {VALUE}", asked)
                wanted = _literal(wants["value"]) if wants else None
                return _command(_module(name, views, call), call, wanted)
    return ""


def _command(module: str, call: str, wanted: str | None) -> str:
    name = call.partition("(")[0]
    if wanted is None:
        test = f"print({call})"
    elif re.fullmatch(r"-?[\d.]+", wanted):
        test = f"assert abs({call} - {wanted}) < 1e-6, {call}"
    else:
        test = f"assert {call} == {wanted}, {call}"
    return f"python3 -c {shlex.quote(f'from {module} import {name}; {test}')}"


def _literal(said: str) -> str | None:
    """A value as Python writes it; None for what is none."""
    try:
        return repr(ast.literal_eval(said.strip()))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _module(name: str, views: Mapping[str, str], call: str) -> str:
    """The module that makes a function which can be called so; empty for none."""
    try:
        parsed = ast.parse(call, mode="eval").body
        if not isinstance(parsed, ast.Call):
            return ""
        for each in (*parsed.args, *(word.value for word in parsed.keywords)):
            ast.literal_eval(each)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ""
    for path, content in views.items():
        module = path.removesuffix(".py")
        if module.isidentifier() and name in _functions(path, content):
            return module
    return ""


def _functions(path: str, content: str) -> dict[str, int]:
    """The functions of a Python file, each with how many values it needs."""
    if not path.endswith(".py"):
        return {}
    try:
        tree = ast.parse(content)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return {}
    return {
        each.name: len(each.args.args) - len(each.args.defaults)
        for each in tree.body
        if isinstance(each, ast.FunctionDef)
    }


def acts(path: str, content: str) -> bool:
    """Whether a Python file does anything when it is run, beyond making names."""
    if not path.endswith(".py"):
        return False
    try:
        body = ast.parse(content).body
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return True
    quiet = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    done = [each for each in body if not isinstance(each, (*quiet, ast.Assign, ast.AnnAssign))]
    return any(not (isinstance(e, ast.Expr) and isinstance(e.value, ast.Constant)) for e in done)
