"""`codex-py replay`: a session shown again, or run again from its recording."""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codex_py.core import logfile
from codex_py.core.entries import Delta, Entry, Sampled, ToolCall, ToolResult, User, words
from codex_py.core.errors import UsageError
from codex_py.settings import load
from codex_py.ui.text import one_line
from codex_py.ui.which import Parser, asked, meant

if TYPE_CHECKING:
    from codex_py.ui.render import Renderer
    from codex_py.ui.rerun import Rerun

LONGEST = 2.0
"""Seconds that no pause is longer than."""
SHOWN = 12
"""Lines of a difference that are shown."""
DIFFERS = 1
"""Exit code when a tool did not do the same again."""


def main(argv: Sequence[str]) -> int:
    """Run one replay. Returns 0, or 1 when a tool did something else than it did then."""
    parser = Parser(prog="codex-py replay", allow_abbrev=False, description=__doc__)
    add = parser.add_argument
    asked(parser)
    add("--speed", type=float, default=None, metavar="N", help="N times as fast; 0: at once")
    add("--step", action="store_true", help="wait for Enter before each step; q leaves")
    add("--tools", action="store_true", help="run its tool calls again and say what differs")
    add("--model", choices=("recorded",), help="run all of it on the recorded model's answers")
    add("-C", "--cd", default="", metavar="DIR", help="the repository that has the commit")
    add("--color", choices=("auto", "always", "never"), default="auto")
    args = parser.parse_args(list(argv))
    if args.speed is not None and not args.speed >= 0:
        raise UsageError("--speed is a number, 0 or more")
    path = meant(args)
    if args.tools or args.model:
        return _again(args, path)
    _shown(args, path)
    return 0


def _renderer(args: argparse.Namespace) -> Renderer:
    from codex_py.ui.render import Renderer  # late: only where something is drawn

    colour = args.color == "always" or (
        args.color == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    )
    unicode = "utf" in (sys.stdout.encoding or "").lower()
    return Renderer(min(shutil.get_terminal_size().columns, 120), colour, unicode)


def _shown(args: argparse.Namespace, path: Path) -> None:
    renderer = _renderer(args)
    speed = args.speed if args.speed is not None else (10.0 if sys.stdout.isatty() else 0.0)
    before = 0.0
    for entry in logfile.entries(logfile.lines(path)):
        if args.step and isinstance(entry, (User, Sampled)) and not _next():
            return
        if speed and not args.step and before:
            time.sleep(max(0.0, min(LONGEST, (entry.at - before) / speed)))
        before = entry.at
        text = renderer.entry(entry)
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()


def _next() -> bool:
    """Wait for Enter; False when the person leaves."""
    line = sys.stdin.readline()
    return bool(line) and line.strip().lower() != "q"


def _again(args: argparse.Namespace, path: Path) -> int:
    from codex_py.ui.rerun import rerun  # late: the whole agent

    renderer = _renderer(args)

    def show(event: Entry | Delta) -> None:
        if args.model and not isinstance(event, Delta):
            sys.stdout.write(renderer.entry(event) or "")
            sys.stdout.flush()

    repository = os.path.abspath(os.path.expanduser(args.cd)) if args.cd else ""
    found = rerun(path, load(os.environ), repository, show)
    sys.stdout.write(one_line(f"run again in {found.place}", 400) + "\n")
    for line in found.missing:
        sys.stdout.write(one_line(f"not there: {line}", 400) + "\n")
    differing = list(differences(found))
    for line in (line for lines in differing for line in lines):
        sys.stdout.write(line + "\n")
    kept = len(found.kept)
    calls = len(found.then.keys() | found.kept.keys())
    same = calls - len(differing) - kept
    told = f"{calls} call{'s' * (calls != 1)}: {same} did the same, {len(differing)} did not"
    sys.stdout.write(
        told + (f", {kept} {'was' if kept == 1 else 'were'} not run again" if kept else "") + "\n"
    )
    for call_id, why in found.kept.items():
        sys.stdout.write(one_line(f"not run again: {_named(found, call_id)}: {why}", 400) + "\n")
    return DIFFERS if differing else 0


def differences(found: Rerun) -> Iterator[list[str]]:
    """For each call that did something else than it did then: what, in lines for people."""
    for call_id, then in found.then.items():
        if call_id in found.kept:
            continue
        now = found.now.get(call_id)
        head = f"#{then.n} {_named(found, call_id)}"
        if now is None:
            yield [one_line(f"{head}: was not reached", 400)]
            continue
        told = list(_unlike(then, now))
        if told:
            yield [one_line(f"{head}: {told[0]}", 400), *told[1:]]


def _unlike(then: ToolResult, now: ToolResult) -> Iterator[str]:
    facts = []
    if then.data.get("exit_code") != now.data.get("exit_code"):
        facts.append(f"exit code {now.data.get('exit_code')}, was {then.data.get('exit_code')}")
    elif then.ok != now.ok:
        facts.append("it works now" if now.ok else "it does not work now")
    if _changes(then) != _changes(now):
        facts.append("it changes other files")
    before, after = words(then.parts), words(now.parts)
    if before != after:
        facts.append("its output differs")
    if not facts:
        return
    yield ", ".join(facts)
    lines = list(difflib.unified_diff(before.split("\n"), after.split("\n"), "", "", n=1))[2:]
    for line in lines[:SHOWN]:
        yield "    " + one_line(line, 160) if line.strip() else "    "
    if len(lines) > SHOWN:
        yield f"    … {len(lines) - SHOWN} more lines"


def _changes(result: ToolResult) -> list[tuple[object, ...]]:
    found = result.data.get("changes")
    keys = ("path", "kind", "added", "removed")
    listed = found if isinstance(found, list) else []
    return [tuple(each.get(key) for key in keys) for each in listed if isinstance(each, dict)]


def _named(found: Rerun, call_id: str) -> str:
    call = found.calls.get(call_id)
    return f"{call.name} {_short(call)}" if call else "call"


def _short(call: ToolCall) -> str:
    import json  # late: a few calls a run

    try:
        given = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return one_line(call.arguments, 80)
    if not isinstance(given, dict):
        return one_line(call.arguments, 80)
    value = next((given[key] for key in ("command", "path") if key in given), call.arguments)
    return f"`{one_line(str(value), 80)}`"
