"""Pure: where a Python program broke, by what it printed."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from codex_py.dataclass import dataclass

FRAME = re.compile(
    r'^ *File "(?P<path>[^"]+)", line (?P<line>\d+)|^(?P<short>\S+\.py):(?P<at>\d+): ', re.M
)
TEST = re.compile(r"(^|/)(test_\w+|\w+_test)\.py$")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, and the lines of the function that it is in, counted from 1."""

    path: str
    line: int
    text: str
    first: int
    last: int


def broke(printed: str, views: Mapping[str, str]) -> Place | None:
    """The innermost line of a traceback, if it is in a file that was read and is no test."""
    found: Place | None = None
    for match in FRAME.finditer(printed):
        told, number = match["path"] or match["short"], int(match["line"] or match["at"])
        path = next((each for each in views if told == each or told.endswith(f"/{each}")), "")
        lines = views.get(path, "").splitlines()
        found = None
        if path.endswith(".py") and 0 < number <= len(lines):
            first, last = _function(views[path], number, len(lines))
            found = Place(path, number, lines[number - 1].strip(), first, last)
    return None if found is None or TEST.search(found.path) else found


def _function(content: str, line: int, end: int) -> tuple[int, int]:
    """The lines of the innermost function around a line; of the whole file, outside of any."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 1, end
    around = [
        (each.lineno, each.end_lineno or end)
        for each in ast.walk(tree)
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))
        and each.lineno <= line <= (each.end_lineno or end)
    ]
    return max(around, default=(1, end))
