"""The embedded model's client keeps the contract of all clients, with a server that says a script.

Its own server, for real, is in test_local_server.py. A sample of this model is one action, so the
checks of two calls in a sample, and of words before a call, have nothing to look at here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from codex_py.core.client import ModelClient
from codex_py.core.entries import Sampled, Spent, Text, User
from codex_py.models.local import LocalClient
from codex_py.models.local_running import Address, private
from codex_py.models.local_server import LocalServer, Serving
from tests.models import contract
from tests.server import Server
from tests.turns import Item, text, usage

SEVERAL = (
    contract.calls_keep_their_order_and_have_ids_of_their_own,
    contract.every_call_has_an_id,
    contract.words_before_a_call_come_before_it,
)
"""What more than one action in a sample must keep."""


class Running(LocalServer):
    """A server that is there already, at an address of the test's."""

    url = ""

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Address]:
        private(self.serving.run())
        self.cache.mkdir(exist_ok=True)
        yield Address(self.url, "key", 1)


def spoken(turn: Sequence[Item], n: int) -> list[Item]:
    """A turn of a script, in the words of the small model: the first action of it."""
    found: list[Item] = []
    for item in turn:
        acts = any("text" in each for each in found)
        if "text" in item and not acts:
            found.append({**item, "text": f"done {item['text']}"})
        elif "call" in item and not acts:
            # With its number: what was run already would be asked for again.
            found.append(text(f"run {item['arguments']['command']} # {n}"))
        elif "text" not in item and "call" not in item:
            found.append(item)
    return found


@asynccontextmanager
async def client(folder: Path, turns: Sequence[contract.Turn]) -> AsyncIterator[LocalClient]:
    """A client whose model says these turns, after it has read its examples."""
    (folder / "small.gguf").write_bytes(b"GGUF")
    played = [spoken(turn, n) for n, turn in enumerate(contract.served(turns))]
    with Server([text("."), *played]) as server:
        made = LocalClient(Serving(folder / "small.gguf", folder), {}, lambda _: None)
        made.server = Running(made.server.serving, {}, lambda _: None)
        made.server.url = server.url
        made.played = server  # type: ignore[attr-defined]
        yield made
        await made.close()


@pytest.mark.parametrize(
    "check", [each for each in contract.CHECKS if each not in SEVERAL], ids=lambda c: c.__name__
)
def test_it_keeps_the_contract(check: Any, tmp_path: Path) -> None:
    @asynccontextmanager
    async def play(turns: Sequence[contract.Turn]) -> AsyncIterator[ModelClient]:
        async with client(tmp_path, turns) as made:
            yield made

    contract.run(check, play)


def test_answers_that_were_not_taken_do_not_fill_the_window(tmp_path: Path) -> None:
    # Nothing has been changed: such last words are asked for again.
    asked = contract.request(User(parts=(Text("add a line to a.txt"),)))
    turns = [
        [text("Added."), usage(input=900, output=10)],
        [
            {"call": "shell", "arguments": {"command": "echo a >> a.txt"}},
            usage(input=901, output=11),
        ],
    ]

    async def go() -> list[Any]:
        async with client(tmp_path, turns) as made:
            return [each async for each in made.stream(asked)]

    spent, sampled = asyncio.run(go())[-2:]
    assert isinstance(spent, Spent) and isinstance(sampled, Sampled)
    assert (spent.usage.input, spent.usage.output) == (900, 10)
    assert (sampled.usage.input, sampled.usage.output) == (901, 11)


def test_no_request_goes_over_a_connection_that_may_have_ended(tmp_path: Path) -> None:
    async def go() -> list[str]:
        async with client(tmp_path, [[text("Hello.")]]) as made:
            assert [each async for each in made.stream(contract.request())]
            asked: Server = made.played  # type: ignore[attr-defined]
            chats = [each for each in asked.requests if each.path.endswith("/completions")]
            return [each.headers["connection"] for each in chats]

    assert set(asyncio.run(go())) == {"close"}
