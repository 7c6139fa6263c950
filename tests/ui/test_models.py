"""`codex-py models` and `models test`, and --oss, as a user runs them."""

from __future__ import annotations

import json

from tests.conftest import Program
from tests.models import imitations
from tests.server import Server
from tests.turns import call, custom, fault, reasoning, refuse, text, usage


def host(server: Server) -> str:
    return server.url.removeprefix("http://").removesuffix("/v1")


def test_the_catalogue_is_listed_with_prices_keys_and_servers(program: Program) -> None:
    state = program.home / "state"
    state.mkdir()
    (state / "models.toml").write_text("[models.o3]\nprice = [1, 0.5, 4]\n")
    program.run("login", "groq", stdin="gsk_0123456789abcdef")
    with imitations.ollama(running=8_192) as server:
        env = {"OLLAMA_HOST": host(server)}
        done = program.run("models", url="http://127.0.0.1:9/v1", env=env)
        assert done.code == 0, done.err
        rows = {line.split("  ")[0]: line for line in done.out.splitlines() if line}
        assert "200.0k" in rows["o4-mini"] and "1.10 / 0.275 / 4.40" in rows["o4-mini"]
        assert rows["o4-mini"].endswith("set") and "low medium high" in rows["o4-mini"]
        assert "1.00 / 0.50 / 4.00" in rows["o3†"]
        assert "unknown" in rows["gpt-5.5"] and "free" in rows["local/qwen2.5-coder-1.5b"]
        assert "8.2k (loaded)" in rows["ollama/qwen3:8b"]
        assert f"Ollama answers at {server.url}" in done.out
        assert "codex-py login mistral" in done.out and "codex-py login groq" not in done.out
        assert "sk-test" not in done.out and "gsk_" not in done.out
        told = program.run("models", "--json", env=env)
        rows_ = {row["name"]: row for row in map(json.loads, told.out.splitlines())}
        assert rows_["o3"]["price"] == {"input": "1", "cached": "0.5", "output": "4"}
        assert rows_["o3"]["yours"] and rows_["o3"]["key"] is False
        assert rows_["gpt-5.5"]["price"] is None
        assert rows_["ollama/llama3.2:latest"]["context"] == 131_072
        assert rows_["ollama/llama3.2:latest"]["context_now"] is None
        only = program.run("models", "ollama", "--json", env=env)
        assert {json.loads(line)["provider"] for line in only.out.splitlines()} == {"ollama"}
    assert program.run("models", "nobody").code == 2


def test_a_round_trip_reports_what_works(program: Program) -> None:
    turns = [
        [
            reasoning("adding"),
            call("add", {"a": 4127, "b": 3392}),
            usage(input=100, cached=0, output=20),
        ],
        [text("The sum is 7,519."), usage(input=150, cached=0, output=10)],
    ]
    with Server(turns) as server:
        done = program.run("models", "test", "o4-mini", url=server.url)
        assert done.code == 0, done.out
        for word in ("tool call: with the right", "answer after the result", "reasoning: seen",
                     "first token after", "250 tokens in, 30 out", "$0.0004",
                     "an agent can work with it"):  # fmt: skip
            assert word in done.out
        sent = server.posts()
        assert [tool["name"] for tool in sent[0]["tools"]] == ["add"]
        assert sent[1]["input"][-1]["output"] == "7519"
    with Server(turns) as server:
        told = json.loads(program.run("models", "test", "o3", "--json", url=server.url).out)
        assert told["works"] and told["checks"]["tool call"]["ok"] and told["cost_usd"]


def test_a_round_trip_that_fails_says_where(program: Program) -> None:
    key = "sk-test-0123456789abcdef"
    cases = [
        ([text("I cannot add.")], "NO  tool call: none"),
        ([call("add", {"a": 1, "b": 2}), text("3")], "NO  tool call: wrong"),
        ([call("add", {"a": 4127, "b": 3392}), text("It is 12.")], "NO  answer after the result"),
        ([refuse(401, f"bad key {key}", code="invalid_api_key")], "401"),
        ([custom("x", "y"), text("z")], "NO  tool call"),
    ]
    for turns, told in cases:
        with Server(turns) as server:
            done = program.run("models", "test", url=server.url)
        assert done.code == 1 and told in done.out and key not in done.out + done.err, done.out
        assert "cannot work" in done.out
    done = program.run("models", "test", "o4-mini")
    assert done.code == 2 and "OPENAI_API_KEY" in done.err


def test_oss_takes_what_is_loaded_and_says_what_else_there_is(program: Program) -> None:
    with imitations.ollama([text("hi"), text("hi")], running=20_000) as server:
        env = {"OLLAMA_HOST": host(server)}
        done = program.run("exec", "--oss", "go", env=env)
        assert done.code == 0, done.err
        assert "using qwen3:8b of Ollama" in done.err and "llama3.2:latest" in done.err
        assert server.posts()[-1]["model"] == "qwen3:8b"
        done = program.run("exec", "--oss", "-m", "llama3.2", "go", env=env)
        assert done.code == 0 and server.posts()[-1]["model"] == "llama3.2:latest"
        done = program.run("exec", "--oss", "-m", "gone", "go", env=env)
        assert done.code == 2 and "no server here has 'gone'" in done.err
        assert "qwen3:8b" in done.err


def test_a_dated_azure_deployment_is_asked_in_its_own_way(program: Program) -> None:
    key = "0123456789abcdef0123456789abcdef"
    with Server([text("hi"), fault("hangup")]) as server:
        env = {
            "AZURE_OPENAI_API_KEY": key,
            "AZURE_OPENAI_ENDPOINT": server.url.removesuffix("/v1"),
            "AZURE_OPENAI_API_VERSION": "2024-10-21",
        }
        done = program.run("exec", "-m", "azure/my-gpt", "go", env=env)
        assert done.code == 0, done.err
        seen = server.requests[0]
    assert seen.path == "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
    assert seen.headers["api-key"] == key and "authorization" not in seen.headers
