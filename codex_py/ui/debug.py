"""`codex-py debug prompt`: exactly what would be sent, without sending it, and what it weighs."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from codex_py.agent import Agent, open_agent
from codex_py.core import tokens
from codex_py.core.entries import Context, Text, User
from codex_py.core.request import Request, project
from codex_py.ui.asjson import as_json
from codex_py.ui.exec import nobody
from codex_py.ui.start import prepare
from codex_py.ui.text import visible


def prompt(args: argparse.Namespace) -> int:
    """Print the first request's body, or where its tokens go; nothing is sent or kept."""
    settings, launch = prepare(args)
    scratch = Path(tempfile.mkdtemp(prefix="codex-py-debug-"))

    async def looked() -> Any:
        agent = open_agent(settings, replace(launch, scratch=str(scratch)), nobody)
        try:
            words = args.prompt or "(your prompt)"
            agent.session.append(User(parts=(Text(words),)))
            kit = agent.kit
            request = Request(
                kit.instructions,
                project(agent.session.entries),
                kit.specs,
                kit.settings,
                agent.session.blob,
            )
            body = agent.brain.body(request)
            found = weights(agent, request, body) if args.tokens else body
            return agent.session.clean.json(found)
        finally:
            await agent.close()

    try:
        found = asyncio.run(looked())
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if args.tokens and not args.json:
        sys.stdout.write(table(found))
    else:
        sys.stdout.write(as_json(found, indent=2) + "\n")
    return 0


def weights(agent: Agent, request: Request, body: Any) -> dict[str, Any]:
    """Tokens of each part of a request, estimated: UTF-8 bytes divided by four.

    Tools are weighed as they are sent on this wire.
    """
    sent = body.get("tools", []) if isinstance(body, dict) else []
    tools = {_name(each): tokens.estimate(_compact(each)) for each in sent}
    shown: dict[str, int] = {}
    for entry in request.input:
        name = entry.source or entry.name if isinstance(entry, Context) else "your prompt"
        shown[name] = shown.get(name, 0) + tokens.of_entry(entry)
    fixed = tokens.estimate(request.instructions) + sum(tools.values())
    return {
        "model": agent.brain.label,
        "instructions": tokens.estimate(request.instructions),
        "tools": tools,
        "shown": shown,
        "fixed": fixed,
        "total": fixed + sum(shown.values()),
    }


def _name(tool: dict[str, Any]) -> str:
    inner = tool.get("function")
    return str((inner if isinstance(inner, dict) else tool).get("name") or tool.get("type"))


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def table(found: dict[str, Any]) -> str:
    """The weights for people."""
    rows = [("instructions", found["instructions"])]
    rows += [(f"tool {name}", size) for name, size in found["tools"].items()]
    rows += [("instructions and tools", found["fixed"])]
    rows += [(visible(name), size) for name, size in found["shown"].items()]
    rows += [("in all", found["total"])]
    wide = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(wide)}  {size:>7,}" for name, size in rows]
    head = f"tokens of the first request to {found['model']}, estimated at four bytes each"
    return "\n".join([head, *lines]) + "\n"
