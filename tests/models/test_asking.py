"""A window that was guessed: its server is asked once, when it first matters."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codex_py.models import asking
from codex_py.models.asking import Asking
from codex_py.models.servers import At
from tests.conftest import Program
from tests.models import imitations
from tests.server import Server
from tests.turns import call, text, usage

GUESS = 128_000


def asked(server: Server, name: str, times: int = 1) -> list[int]:
    question = Asking(lambda: At("", server.url), name, GUESS)

    async def story() -> list[int]:
        return [await question() for _ in range(times)]

    return asyncio.run(story())


def only(**row: Any) -> Server:
    return Server((), rows=[{"id": "some-model", "object": "model", **row}])


@pytest.mark.parametrize(
    ("make", "name", "window"),
    [
        (imitations.vllm, "Qwen/Qwen3-8B", 32_768),
        (imitations.llamacpp, "any-name", 24_576),
        (imitations.lmstudio, "qwen2-vl-7b-instruct", 4_096),
        (lambda: imitations.ollama(running=8_192), "qwen3:8b", 8_192),
        (lambda: imitations.ollama(num_ctx=6_000), "qwen3:8b", 6_000),
        (imitations.ollama, "qwen3:8b", 40_960),
        (imitations.ollama, "llama3.2", GUESS),  # it could take more: that is no promise
        (lambda: only(context_length=200_000), "some-model", 200_000),
        (lambda: only(context_window=16_384), "some-model", 16_384),
        (lambda: only(max_model_len=9_000), "some-model", 9_000),
        (lambda: only(), "some-model", 0),
        (lambda: only(context_length=9_000), "another-model", 0),
        (lambda: only(context_length=7), "some-model", 0),
        (lambda: only(context_length="many"), "some-model", 0),
        (lambda: only(context_length=-5, max_model_len=True), "some-model", 0),
    ],
)
def test_each_kind_of_server_is_understood_and_asked_once(
    make: Callable[[], Server], name: str, window: int
) -> None:
    with make() as server:
        assert asked(server, name, times=3) == [window] * 3
        paths = [each.path for each in server.requests]
        assert len(paths) == len(set(paths))


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def test_a_server_that_does_not_answer_holds_nothing_up(
    mute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LIMIT", 0.01)
    question = Asking(lambda: At("", mute, timeout=600), "x", GUESS)
    assert asyncio.run(question()) == 0
    assert asyncio.run(question()) == 0


def test_an_interrupted_question_is_asked_again() -> None:
    with only(context_length=9_000) as server:
        question = Asking(lambda: At("", server.url), "some-model", GUESS)

        async def story() -> int:
            first = asyncio.ensure_future(question())
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            return await question()

        assert asyncio.run(story()) == 9_000


def provider(program: Program, url: str, wire: str) -> tuple[str, ...]:
    state = program.home / "state"
    state.mkdir(exist_ok=True)
    (state / "config.toml").write_text(
        f'[model_providers.mine]\nbase_url = "{url}"\nwire_api = "{wire}"\n'
        'http_headers = { "X-Team" = "tools" }\nquery_params = { "v" = "1" }\n'
    )
    return ("-m", "mine/some-model", "--full-auto")


@pytest.mark.parametrize("wire", ["responses", "chat"])
def test_a_conversation_is_summed_up_at_the_window_that_the_server_tells(
    program: Program, wire: str
) -> None:
    working = [call("shell", {"command": "seq 3000 3900"}), usage(input=9_000)]
    turns = [working, [text("SUMMARY"), usage(input=9_100)], text("All done.")]
    with Server(turns, rows=[{"id": "some-model", "context_length": 10_000}]) as server:
        args = provider(program, server.url, wire)
        done = program.run("exec", *args, "go")
        methods = [each.method for each in server.requests]
        question = next(each for each in server.requests if each.method == "GET")
    assert (done.code, done.out) == (0, "All done.\n"), done.err
    assert methods == ["POST", "GET", "POST", "POST"], "asked once, after the first request"
    assert question.path.endswith("/models?v=1")
    assert question.headers["x-team"] == "tools"
    assert "mine/some-model has a context of only 10,000 tokens, as its server says" in done.err
    assert [each["kind"] for each in program.log()].count("compacted") == 1


@pytest.mark.parametrize("told", ["flag", "file", "known", "one answer"])
def test_a_window_that_is_known_or_does_not_matter_is_not_asked_for(
    program: Program, told: str
) -> None:
    turns = [[call("shell", {"command": "true"}), usage(input=9_000)], text("Done.")]
    with Server(
        turns[1:] if told == "one answer" else turns,
        rows=[{"id": "some-model", "context_length": 10_000}],
    ) as server:
        args = provider(program, server.url, "chat")
        if told == "flag":
            args = (*args, "-c", "model_context_window=50000")
        elif told == "known":
            args = ("-m", "o4-mini", "-c", f"openai_base_url={server.url}", "--full-auto")
        elif told == "file":
            (program.home / "state/models.toml").write_text(
                '[models."mine/some-model"]\nwindow = 50000\n'
            )
        done = program.run("exec", *args, "go", env={"OPENAI_API_KEY": "sk-test-1"})
        assert {each.method for each in server.requests} == {"POST"}
    assert (done.code, done.out) == (0, "Done.\n"), done.err


def test_a_session_that_goes_on_is_measured_before_its_first_request(
    program: Program, tmp_path: Path
) -> None:
    rows = [{"id": "some-model", "context_length": 10_000}]
    first = [text("One."), usage(input=9_000)]
    with Server([first, [text("SUMMARY"), usage(input=9_100)], text("Two.")], rows=rows) as server:
        args = provider(program, server.url, "responses")
        assert program.run("exec", *args, "go").code == 0
        done = program.run("exec", "resume", "--last", *args, "more")
        assert [each.method for each in server.requests] == ["POST", "GET", "POST", "POST"]
    assert (done.code, done.out) == (0, "Two.\n"), done.err
    assert "SUMMARY" in json.dumps(server.posts()[-1])
