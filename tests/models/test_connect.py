"""From a model's name to its client: the right server, wire and key, or a clear refusal."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codex_py.core.entries import Image, User
from codex_py.core.errors import UsageError
from codex_py.models.catalogue import Provider, load
from codex_py.models.connect import Choice, Connected, connect, key_names
from tests.models.contract import heard, request, said
from tests.server import Server
from tests.turns import text

CATALOGUE = load()
KEYS = {"OPENAI_API_KEY": "sk-openai-1234567", "GROQ_API_KEY": "gsk-1234567"}


def made(environ: dict[str, str] | None = None, **choice: object) -> Connected:
    return connect(Choice(**choice), CATALOGUE, KEYS if environ is None else environ)  # type: ignore[arg-type]


def answer(found: Connected) -> str:
    """What the model says."""

    async def main() -> str:
        events = await heard(found.client, request(model=found.model.slug))
        await found.client.close()
        return said(events, "text")

    return asyncio.run(main())


def test_a_known_model_is_asked_at_the_given_address_with_its_own_key() -> None:
    with Server([text("hi")]) as server:
        assert answer(made(model="o4-mini", base_url=server.url)) == "hi"
        seen = server.requests[0]
    assert (seen.path, seen.body["model"]) == ("/v1/responses", "o4-mini")
    assert seen.headers["authorization"] == "Bearer sk-openai-1234567"


def test_another_provider_gets_its_own_wire_and_key_and_nobody_elses() -> None:
    with Server([text("hi")]) as server:
        assert answer(made(model="groq/llama-x", base_url=server.url)) == "hi"
        seen = server.requests[0]
    assert (seen.path, seen.body["model"]) == ("/v1/chat/completions", "llama-x")
    assert seen.headers["authorization"] == "Bearer gsk-1234567"
    assert "sk-openai" not in str(seen.headers)


def test_the_account_named_in_the_environment_is_told_to_openai_alone() -> None:
    code = (
        "import asyncio, os, sys\n"
        "from codex_py.models.catalogue import load\n"
        "from codex_py.models.connect import Choice, connect\n"
        "from tests.models.contract import heard, request\n"
        "made = connect(Choice('groq/x', base_url=sys.argv[1]), load(), os.environ)\n"
        "asyncio.run(heard(made.client, request()))\n"
    )
    env = {**os.environ, "GROQ_API_KEY": "gsk-1234567", "OPENAI_ORG_ID": "org-mine",
           "OPENAI_PROJECT_ID": "proj-mine", "OPENAI_ADMIN_KEY": "sk-admin-mine",
           "OPENAI_API_KEY": "sk-openai-mine", "http_proxy": "http://127.0.0.1:9"}  # fmt: skip
    with Server([text("hi")]) as server:
        top = Path(__file__).parent.parent.parent
        subprocess.run([sys.executable, "-c", code, server.url], cwd=top, env=env, check=True)
        assert "mine" not in str(server.requests[0].headers)


def test_a_server_of_the_users_own_wins_over_the_catalogues() -> None:
    with Server([text("hi")]) as server:
        own = Provider("ollama", server.url, "responses", ("MY_KEY",))
        found = made({"MY_KEY": "abc-123456"}, model="ollama/x", own=(own,), headers={"x-a": "b"})
        assert answer(found) == "hi"
        assert server.requests[0].path == "/v1/responses"
        assert server.requests[0].headers["x-a"] == "b"


def test_a_server_on_this_machine_needs_no_key() -> None:
    for choice in ({"model": "ollama/x"}, {"model": "o3", "base_url": "http://127.0.0.1:9/v1"}):
        assert not made({}, **choice).warning


def test_without_a_key_all_ways_are_told() -> None:
    with pytest.raises(UsageError) as told:
        made({}, model="o4-mini")
    for word in ("OPENAI_API_KEY", "ollama/", "--local"):
        assert word in str(told.value)
    with pytest.raises(UsageError, match="GEMINI_API_KEY or GOOGLE_API_KEY"):
        made({}, model="gemini/x")


@pytest.mark.parametrize("key", ["sk-ab\ncd", "sk-äbc", "sk ab", "sk-\x00"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(UsageError) as told:
        made({"OPENAI_API_KEY": key})
    assert "OPENAI_API_KEY" in str(told.value)
    assert key not in str(told.value)


@pytest.mark.parametrize(
    "url", ["api.openai.com/v1", "ftp://x/v1", "http://", "http://[", "https://user:pw@host/v1"]
)
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="base URL"):
        made(base_url=url)


def test_a_provider_nobody_knows_is_refused_with_those_known() -> None:
    with pytest.raises(UsageError, match="azure"):
        made(model="x", provider="opnai")


def test_azure_is_found_by_its_endpoint() -> None:
    environ = {"AZURE_OPENAI_API_KEY": "k" * 20, "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9/"}
    assert made(environ, model="azure/gpt-5").provider.wire == "responses"
    with pytest.raises(UsageError, match="AZURE_OPENAI_ENDPOINT"):
        made({"AZURE_OPENAI_API_KEY": "k" * 20}, model="azure/gpt-5")


def test_a_key_sent_in_clear_over_a_network_is_warned_of() -> None:
    assert "unencrypted" in made(base_url="http://models.example.invalid/v1").warning
    assert not made(base_url="https://models.example.invalid/v1").warning


def test_a_model_without_eyes_is_sent_no_picture() -> None:
    shown = request(User(n=0, parts=(Image("b", "image/png"),)), model="x", blob=lambda name: b"p")
    assert "image" in str(made(model="o3").body(shown))
    for blind in ("o3-mini", "ollama/x"):
        assert "data:image" not in str(made(model=blind).body(shown))


def test_a_script_can_stand_in_for_a_model(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('["played"]')
    found = made({}, model=f"scripted/{script}")
    assert answer(found) == "played"


def test_every_variable_that_may_hold_a_key_is_known() -> None:
    names = key_names(CATALOGUE, (Provider("mine", "https://x/v1", "chat", ("MY_KEY",)),))
    assert {"OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "MISTRAL_API_KEY", "MY_KEY"} <= names


def test_choosing_a_model_loads_nothing_slow() -> None:
    code = (
        "import sys\n"
        "from codex_py.models.catalogue import load\n"
        "from codex_py.models.connect import Choice, connect\n"
        "connect(Choice(), load(), {'OPENAI_API_KEY': 'sk-1234567'})\n"
        "print({'openai', 'pydantic', 'httpx2', 'anyio', 'tomllib'} & set(sys.modules))"
    )
    top = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=top, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
