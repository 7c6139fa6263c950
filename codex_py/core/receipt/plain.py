"""A receipt as JSON data: the form that `--receipt FILE` writes."""

from __future__ import annotations

from collections.abc import Sequence

from codex_py.core.entries import Json
from codex_py.core.receipt import Receipt
from codex_py.core.receipt.log.facts import Command, Facts, File
from codex_py.core.receipt.log.testing import Tests


def plain(receipt: Receipt, *, session: str = "", ended: str = "") -> Json:
    """The whole receipt; `entry` and `evidence` are numbers of entries in the session's log."""
    return {
        "version": 1,
        "session": session,
        "ended": ended,
        "facts": plain_facts(receipt.facts),
        "claims": [each.plain() for each in receipt.claims],
    }


def plain_facts(facts: Facts) -> Json:
    """Commands, test runs, files, refusals, network and pictures."""
    return {
        "commands": [_command(each) for each in facts.commands],
        "tests": [
            {"entry": each.n, "command": each.command, **_tests(one)} for each, one in facts.tests
        ],
        "changed_after_tests": list(facts.stale),
        "files": [_file(some) for some in grouped(facts.files)],
        "denied": [
            {"entry": each.n, "what": each.what, "by": each.by, "why": each.why}
            for each in facts.denied
        ],
        "network": facts.network,
        "pictures": [{"entry": n, "name": name} for n, name in facts.pictures],
        "read": [
            {"entry": each.n, "tool": each.tool, "target": each.target, "ok": each.ok}
            for each in facts.looks
        ],
    }


def _command(each: Command) -> Json:
    return {
        "entry": each.n,
        "command": each.command,
        "cwd": each.cwd,
        "exit_code": each.exit_code,
        "signal": each.signal,
        "timed_out": each.timed_out,
        "seconds": each.seconds,
        "confined": each.confined,
        "background": each.running,
        "by": "harness" if each.harness else "model",
        "tests": [_tests(one) for one in each.tests],
    }


def _tests(each: Tests) -> Json:
    return {
        "runner": each.runner,
        "whole_suite": each.whole,
        "selected": list(each.selected),
        "outcome": each.outcome,
        "exit_code_known": each.code != "hidden",
        "passed": each.passed,
        "failed": each.failed,
        "skipped": each.skipped,
    }


def grouped(files: Sequence[File]) -> list[list[File]]:
    """Changes of the same file together, in the order of its first change."""
    found: dict[str, list[File]] = {}
    for each in files:
        before = found.pop(each.moved_from, []) if each.moved_from else []
        found[each.path] = [*before, *found.get(each.path, []), each]
    return list(found.values())


def net_kind(changes: Sequence[File]) -> str:
    """What became of a file over several changes: add, update, delete, or nothing."""
    first, last = changes[0].kind, changes[-1].kind
    if last == "delete":
        return "none" if first == "add" else "delete"
    return "add" if first == "add" else "update"


def _file(changes: Sequence[File]) -> Json:
    last = changes[-1]
    found: Json = {
        "path": last.path,
        "kind": net_kind(changes),
        "added": total(changes, "added"),
        "removed": total(changes, "removed"),
        "entries": [each.n for each in changes],
        "by": "command" if any(each.by == "command" for each in changes) else "edit",
    }
    moved = next((each.moved_from for each in changes if each.moved_from), "")
    return {**found, "from": moved} if moved else found


def total(changes: Sequence[File], name: str) -> int | None:
    """Lines over several changes; None where none of them is known."""
    known = [value for each in changes if (value := getattr(each, name)) is not None]
    return sum(known) if known else None
