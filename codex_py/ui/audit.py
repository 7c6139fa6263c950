"""`codex-py audit`: every permission a session used, who gave it, and whether its log is whole."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from codex_py.core import logfile
from codex_py.core.chain import Verdict, verify
from codex_py.core.entries import (
    Changed,
    Checked,
    Decision,
    Entry,
    Resumed,
    Started,
    ToolCall,
    ToolResult,
    Undone,
)
from codex_py.ui.asjson import as_json
from codex_py.ui.text import one_line
from codex_py.ui.which import Parser, asked, meant

CHANGED = 1
"""Exit code when the log is not what was written."""
WHO = {
    "policy": "policy",
    "rule": "a rule",
    "user": "the user",
    "headless": "nobody to ask",
    "reviewer": "the reviewer",
}


def main(argv: Sequence[str]) -> int:
    """Print the audit of one session. Returns 1 when its log was changed, else 0."""
    parser = Parser(prog="codex-py audit", allow_abbrev=False, description=__doc__)
    asked(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args: argparse.Namespace = parser.parse_args(list(argv))
    path = meant(args)
    told = verify(logfile.lines(path))
    facts = list(permissions(logfile.entries(logfile.lines(path))))
    if args.json:
        chain = {"lines": told.lines, "unchained": told.unchained, "whole": told.whole}
        breaks = [{"line": each.line, "why": each.why} for each in told.breaks]
        for data in (*facts, {"kind": "chain", **chain, "breaks": breaks}):
            sys.stdout.write(as_json(data) + "\n")
    else:
        for line in [*spoken(facts), *_chain(told)]:
            sys.stdout.write(line + "\n")
    return 0 if told.whole else CHANGED


def permissions(entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    """The facts of an audit, in the order of the log; `n` is the line they stand on."""
    calls: dict[str, ToolCall] = {}
    for entry in entries:
        base = {"kind": entry.kind, "n": entry.n, "at": entry.at}
        if isinstance(entry, (Started, Resumed)):
            yield {**base, "cwd": entry.cwd, "mode": entry.mode, "model": entry.model}
        elif isinstance(entry, ToolCall):
            calls[entry.call_id] = entry
        elif isinstance(entry, Changed):
            yield {**base, "setting": entry.setting, "value": entry.value}
        elif isinstance(entry, Checked):
            what = {"command": entry.command, "exit_code": entry.exit_code}
            yield {**base, **what, "confined": entry.confined}
        elif isinstance(entry, Undone):
            yield {**base, "redo": entry.redo, "total": entry.total}
        elif isinstance(entry, Decision):
            call = calls.get(entry.call_id)
            yield {
                **base,
                "tool": call.name if call else "",
                "call": call.n if call else None,
                "what": _what(entry, call),
                "verdict": entry.verdict,
                "by": entry.by,
                "reason": entry.reason,
                "confined": entry.confined,
                "remember": "; ".join(filter(None, (entry.remember, *entry.opened))),
                "effects": entry.effects,
            }
        elif isinstance(entry, ToolResult):
            for each in entry.data.get("denied", ()):
                if isinstance(each, dict):
                    yield {**base, "kind": "refused", "what": each}


def _what(entry: Decision, call: ToolCall | None) -> str:
    effects = entry.effects
    if effects.get("command"):
        return str(effects["command"])
    for verb, key in (("write", "writes"), ("read", "reads")):
        paths = effects.get(key)
        if isinstance(paths, list) and paths:
            return f"{verb} {', '.join(str(each) for each in paths)}"
    return call.arguments if call else ""


def spoken(facts: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The same for people."""
    by: Counter[str] = Counter()
    for fact in facts:
        head = f"#{fact['n']:<5} {time.strftime('%H:%M:%S', time.gmtime(fact['at']))}"
        kind = fact["kind"]
        if kind in ("started", "resumed"):
            day = time.strftime("%Y-%m-%d", time.gmtime(fact["at"]))
            told = f"{kind} {day}, UTC: {fact['mode']} mode, {fact['model']}, in {fact['cwd']}"
            yield one_line(f"{head} {told}", 400)
        elif kind == "changed" and fact["setting"] == "opened":
            told = f"{head} opened by settings and options: {fact['value']}"
            yield one_line(told, 2_000)
            by["opened by settings and options"] += fact["value"].count("; ") + 1
        elif kind == "changed":
            yield one_line(f"{head} {fact['setting']} is now {fact['value']}", 400)
        elif kind == "checked":
            where = f"confined {fact['confined']}" if fact["confined"] else "NOT confined"
            yield one_line(f"{head} a required command ran, {where}: {fact['command']}", 400)
            by["required commands"] += 1
        elif kind == "undone":
            verb = "redone" if fact["redo"] else "undone"
            files = f"{fact['total']} changed file{'' if fact['total'] == 1 else 's'}"
            yield f"{head} {files} {verb} by the user"
        elif kind == "refused":
            what = " ".join(str(fact["what"].get(key, "")) for key in ("kind", "target", "why"))
            yield one_line(f"{head} the sandbox refused {what}", 400)
            by["refused by the sandbox"] += 1
        else:
            yield from _decided(head, fact)
            word = {"allow": "allowed", "deny": "refused"}.get(fact["verdict"], "asked")
            by[f"{word} by {WHO.get(fact['by'], fact['by'])}"] += 1
    yield ""
    counted = ", ".join(f"{count} {what}" for what, count in by.most_common())
    yield one_line(counted, 400) or "no permission was used"


def _decided(head: str, fact: dict[str, Any]) -> Iterator[str]:
    where = ""
    if "command" in fact["effects"] and fact["verdict"] == "allow":
        confined = fact["confined"]
        where = f", confined {confined}" if confined else ", NOT confined"
    who = WHO.get(fact["by"], fact["by"])
    yield one_line(f"{head} {fact['verdict']} by {who}{where}: {fact['tool']} {fact['what']}", 400)
    kept = f"; from then on also {fact['remember']}" if fact["remember"] else ""
    if fact["reason"] or kept:
        yield one_line(f"                 {fact['reason'] or 'allowed'}{kept}", 400)


def _chain(told: Verdict) -> Iterator[str]:
    chained = told.lines - told.unchained
    if not chained:
        yield f"the log is not chained: an older version wrote its {told.lines} lines"
    elif told.whole:
        first = f" (lines 1 to {told.unchained} are older and unchained)" if told.unchained else ""
        yield f"the log is whole: {chained} chained lines{first}"
    for each in told.breaks:
        yield f"THE LOG WAS CHANGED at line {each.line}: {each.why}"
