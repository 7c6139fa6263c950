"""`codex-py models test [NAME]`: a small real round trip, and what of it works."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import field, replace
from typing import Any

from codex_py.brain import Brain, choose
from codex_py.core import money
from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Reasoning,
    Sampled,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    User,
)
from codex_py.core.errors import ModelError
from codex_py.core.request import Request, ToolSpec
from codex_py.dataclass import dataclass
from codex_py.settings import load
from codex_py.ui.asjson import as_json
from codex_py.ui.text import duration, one_line

ANSWER = 7_519
TOOL = ToolSpec(
    "add",
    "Add two whole numbers.",
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
)
ASKED = "Use the tool `add` to add 4127 and 3392. Then tell me the sum and nothing else."
INSTRUCTIONS = "You are being tested. Call the tool once, wait for its result, then answer briefly."
MOST = 2_000
"""Tokens that each of the two answers may have."""


@dataclass(slots=True)
class Heard:
    """One answer, and when it came. Seconds."""

    entries: list[Entry] = field(default_factory=list)
    deltas: int = 0
    retries: int = 0
    first: float = 0.0
    whole: float = 0.0

    @property
    def usage(self) -> Usage:
        """Tokens as the server told them."""
        found = Usage()
        for entry in self.entries:
            if isinstance(entry, Sampled):
                found += entry.usage
        return found

    def of(self, kind: type[Any]) -> list[Any]:
        """The entries of a kind."""
        return [each for each in self.entries if isinstance(each, kind)]


@dataclass(slots=True)
class Report:
    """What works, in order: a word, whether, and in what way."""

    model: str
    checks: list[tuple[str, bool | None, str]] = field(default_factory=list)
    speed: dict[str, float | None] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    cost: str = ""
    error: str = ""

    @property
    def works(self) -> bool:
        """The agent can work with it."""
        return not self.error and all(ok is not False for _, ok, _ in self.checks)


def main(argv: Sequence[str]) -> int:
    """Test a model. Returns 0 when an agent can work with it, 1 when not."""
    parser = argparse.ArgumentParser(
        prog="codex-py models test",
        description="Two small requests with a tool: what works, and how quick it is.",
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", default="", help="as after -m; else the configured one")
    parser.add_argument("--oss", action="store_true", help="a server on this machine")
    parser.add_argument("--local", action="store_true", help="the embedded model")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("-c", "--config", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args(argv)
    settings = replace(load(os.environ, overrides=tuple(args.config)), web_search="disabled")
    if args.name:
        settings = replace(settings, model=args.name, model_given=True)
    if args.oss or args.local:
        settings = replace(settings, oss=args.oss, local=args.local)
    brain = choose(settings, os.environ, lambda line: _note(line))
    report = asyncio.run(tried(brain))
    clean = brain.clean
    if args.json:
        sys.stdout.write(clean.text(as_json(plain(report))) + "\n")
    else:
        sys.stdout.write(clean.text(spoken(report, brain)))
    return 0 if report.works else 1


def _note(line: str) -> None:
    sys.stderr.write(f"{line}\n")


async def tried(brain: Brain) -> Report:
    """Both requests, and what came of them."""
    report = Report(brain.label)
    prompt = User(n=0, parts=(Text(ASKED),))
    try:
        first = await _heard(brain, (prompt,))
        call = _called(report, first)
        second = Heard()
        if call is not None:
            result = ToolResult(n=9, call_id=call.call_id, ok=True, parts=(Text(str(ANSWER)),))
            said = [each for each in first.entries if not isinstance(each, Sampled)]
            second = await _heard(brain, (prompt, *said, result))
            text = " ".join(each.text for each in second.of(Assistant))
            right = str(ANSWER) in text.replace(",", "").replace(" ", "")
            how = "it used the tool's result" if right else f"it said: {one_line(text, 100)}"
            report.checks.append(("answer after the result", right, how))
        _measured(report, first, second, brain)
    except ModelError as error:
        report.error = str(error)
    finally:
        await brain.client.close()
    return report


async def _heard(brain: Brain, shown: tuple[Entry, ...]) -> Heard:
    settings = replace(brain.settings, max_output_tokens=MOST, search="")
    request = Request(INSTRUCTIONS, shown, (TOOL,), settings, lambda _: b"")
    found, began = Heard(), time.monotonic()
    async with aclosing(brain.client.stream(request)) as stream:  # type: ignore[type-var]
        async for event in stream:
            if not isinstance(event, Delta):
                found.entries.append(event)
            elif event.of == "retry":
                found.retries += 1
                found.deltas, found.first, began = 0, 0.0, time.monotonic()
                _note(event.text)
            elif event.of != "quiet":
                found.first = found.first or time.monotonic() - began
                found.deltas += 1
    found.whole = time.monotonic() - began
    return found


def _called(report: Report, heard: Heard) -> ToolCall | None:
    """The call of the tool, with what there is to say of it."""
    report.checks.append(("answers", True, "the server and the key are right"))
    pieces = f"{heard.deltas} pieces"
    report.checks.append(("streams", True if heard.deltas > 1 else None, pieces))
    calls: list[ToolCall] = heard.of(ToolCall)
    if not calls:
        text = " ".join(each.text for each in heard.of(Assistant))
        report.checks.append(("tool call", False, f"none; it said: {one_line(text, 100)}"))
        return None
    call = calls[0]
    try:
        given = json.loads(call.arguments)
        right = call.name == "add" and {given["a"], given["b"]} == {4127, 3392}
    except (ValueError, KeyError, TypeError):
        right = False
    how = "with the right arguments" if right else f"wrong: {one_line(call.arguments, 80)}"
    report.checks.append(("tool call", right, how))
    thought = bool(heard.of(Reasoning)) or heard.usage.reasoning > 0
    report.checks.append(("reasoning", True if thought else None, "seen" if thought else "none"))
    return call


def _measured(report: Report, first: Heard, second: Heard, brain: Brain) -> None:
    report.usage = first.usage + second.usage
    told = bool(report.usage.input or report.usage.output)
    report.checks.append(("tokens told", True if told else None, "yes" if told else "no"))
    writing = sum(each.whole - each.first for each in (first, second) if each.deltas)
    speed = report.usage.output / writing if told and writing > 0.05 else None
    report.speed = {
        "first_token": round(first.first or first.whole, 3),
        "whole": round(first.whole + second.whole, 3),
        "tokens_per_second": round(speed, 1) if speed else None,
    }
    if brain.price is not None and told:
        report.cost = money.written(brain.price.cost(report.usage))


MARKS = {True: "yes", False: "NO", None: "-"}


def spoken(report: Report, brain: Brain) -> str:
    """The report for people."""
    known = brain.model
    context = f", context {known.window:,} tokens" if known else ""
    lines = [f"{report.model}{context}"]
    if brain.warning:
        lines.append(f"  ! {one_line(brain.warning, 300)}")
    lines += [f"  {MARKS[ok].ljust(4)}{name}: {how}" for name, ok, how in report.checks]
    if report.error:
        lines.append(f"  NO  {one_line(report.error, 500)}")
    else:
        speed, rate = report.speed, report.speed["tokens_per_second"]
        told = f"first token after {duration(speed['first_token'] or 0)}"
        told += f", {rate:g} tokens a second" if rate else ""
        cost = money.spoken(money.read(report.cost)) if report.cost else "price unknown"
        used = f"{report.usage.input} tokens in, {report.usage.output} out, {cost}"
        lines += [f"  {told}", f"  {used}"]
    lines.append("an agent can work with it" if report.works else "an agent cannot work with it")
    return "".join(f"{line}\n" for line in lines)


def plain(report: Report) -> dict[str, Any]:
    """The report as data."""
    return {
        "model": report.model,
        "works": report.works,
        "checks": {name: {"ok": ok, "how": how} for name, ok, how in report.checks},
        **report.speed,
        "usage": {
            "input": report.usage.input,
            "cached": report.usage.cached,
            "output": report.usage.output,
            "reasoning": report.usage.reasoning,
        },
        "cost_usd": report.cost or None,
        "error": report.error or None,
    }
