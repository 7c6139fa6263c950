"""The scripted model: it says its turns, and fails loudly beyond them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from codex_py.core.client import ModelClient
from codex_py.core.entries import Sampled, ToolCall, Usage
from codex_py.core.errors import UsageError
from codex_py.models.scripted import Scripted, read
from tests.models import contract
from tests.models.contract import entries, failure, heard, request, said


@asynccontextmanager
async def play(turns: Sequence[contract.Turn]) -> AsyncIterator[ModelClient]:
    yield Scripted(turns)


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Any) -> None:
    contract.run(check, play)


def test_asked_beyond_its_script_it_fails_and_says_so() -> None:
    model = Scripted(["one"])
    assert model.left == 1
    asyncio.run(heard(model, request()))
    assert model.left == 0
    error, events = asyncio.run(failure(model, request()))
    assert (error.fault, error.retry, events) == ("request", False, [])
    assert "1 turns" in str(error)
    assert len(model.requests) == 2


def test_a_failing_turn_gives_its_deltas_and_no_entry() -> None:
    script: Any = [
        [{"text": "half"}, {"error": "busy", "fault": "rate", "retry": True, "after": 2}]
    ]
    error, events = asyncio.run(failure(Scripted(script), request()))
    assert said(events, "text") == "half"
    assert entries(events) == []
    assert (str(error), error.fault, error.retry, error.after) == ("busy", "rate", True, 2)


def test_a_script_file_may_be_json_or_toml(tmp_path: Path) -> None:
    json_file, toml_file = tmp_path / "a.json", tmp_path / "a.toml"
    json_file.write_text(
        '[[{"custom": "apply_patch", "input": "*** Begin Patch"}, {"usage": {"input": 3}}], "bye"]'
    )
    toml_file.write_text(
        'turns = [[{custom = "apply_patch", input = "*** Begin Patch"}, {usage = {input = 3}}], "bye"]'
    )
    for path in (json_file, toml_file):
        model = read(path)
        call, sampled = entries(asyncio.run(heard(model, request())))
        assert isinstance(call, ToolCall)
        assert (call.freeform, call.arguments) == (True, "*** Begin Patch")
        assert isinstance(sampled, Sampled)
        assert sampled.usage == Usage(input=3)
        assert said(asyncio.run(heard(model, request())), "text") == "bye"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "cannot be read"),
        ('{"turn": []}', "list of turns"),
        ('[{"tekst": "x"}]', "turn 1"),
        ('["ok", [3]]', "turn 2"),
    ],
)
def test_a_wrong_script_says_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=told):
        read(path)


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json"):
        read(tmp_path / "nowhere.json")
