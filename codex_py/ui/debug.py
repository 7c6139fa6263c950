"""`codex-py debug prompt`: exactly what would be sent, without sending it."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from codex_py.agent import open_agent
from codex_py.core.entries import Text, User
from codex_py.core.request import Request, project
from codex_py.ui.exec import nobody
from codex_py.ui.start import prepare


def prompt(args: argparse.Namespace) -> int:
    """Print the first request's body as JSON; nothing is sent and no session is kept."""
    settings, launch = prepare(args)
    scratch = Path(tempfile.mkdtemp(prefix="codex-py-debug-"))

    async def body() -> object:
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
            return agent.session.clean.json(agent.brain.body(request))
        finally:
            await agent.close()

    try:
        sent = asyncio.run(body())
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.stdout.write(json.dumps(sent, indent=2, ensure_ascii=False) + "\n")
    return 0
