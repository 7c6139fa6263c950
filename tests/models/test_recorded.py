"""Recorded: the answers of a log, given again as any client gives them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from codex_py.core import session as sessions
from codex_py.core.client import ModelClient
from codex_py.core.entries import Entry, Started, Text, ToolCall, ToolResult, TurnEnded, User
from codex_py.core.errors import ModelError
from codex_py.models.recorded import Recorded
from codex_py.models.scripted import Scripted
from tests.models import contract
from tests.models.contract import request


@asynccontextmanager
async def play(turns: Sequence[contract.Turn]) -> AsyncIterator[ModelClient]:
    """A session in which a scripted model said the turns, and its recording."""
    with tempfile.TemporaryDirectory() as folder:
        session = sessions.create(Path(folder))
        session.append(Started(session=session.id, cwd="/x", model="scripted"))
        model = Scripted(turns)
        for _ in turns:
            session.append(User(parts=(Text("hi"),)))
            try:
                events = [event async for event in model.stream(request())]
            except ModelError as error:
                session.append(TurnEnded(reason="failed", error=str(error), fault=error.fault))
                continue
            made = [session.append(each) for each in events if isinstance(each, Entry)]
            for each in made:
                if isinstance(each, ToolCall):
                    session.append(ToolResult(call_id=each.call_id, ok=True, parts=(Text("out"),)))
            session.append(TurnEnded(reason="done"))
        session.close()
        yield Recorded(session.path)


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Any) -> None:
    contract.run(check, play)
