"""What servers say of their models, and what comes of it when one is chosen."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from codex_py.brain import Brain, choose
from codex_py.core.errors import UsageError
from codex_py.core.money import Price
from codex_py.models.catalogue import load
from codex_py.models.oss import here, ports
from codex_py.models.servers import At, Listed, Locked, Silent, about, listing
from codex_py.settings import Provider, Settings
from tests.models import imitations
from tests.server import Server


def at(server: Server, kind: str = "") -> At:
    return At(kind, server.url, timeout=5)


def brain(home: Path, server: Server, model: str, **environ: str) -> Brain:
    """The brain for a model of a local server that listens somewhere else than usual."""
    host = server.url.removeprefix("http://").removesuffix("/v1")
    told: list[str] = []
    return choose(
        Settings(home, model=model, model_given=True), {"OLLAMA_HOST": host, **environ}, told.append
    )


def test_ollama_tells_context_tools_and_pictures() -> None:
    with imitations.ollama(running=8_192) as server:
        found, every = about(at(server, "ollama"), "qwen3:8b")
        assert [each.name for each in every] == ["qwen3:8b", "llama3.2:latest"]
        assert found == Listed("qwen3:8b", 8_192, 40_960, True, True, False)
        found, _ = about(at(server, "ollama"), "llama3.2")
        assert found == Listed("llama3.2:latest", 0, 131_072, False, False, True)
    with imitations.ollama(num_ctx=16_384) as server:
        found, _ = about(at(server, "ollama"), "qwen3:8b")
        assert found is not None and (found.window, found.most) == (16_384, 40_960)


def test_lmstudio_tells_what_is_loaded_and_with_which_context() -> None:
    with imitations.lmstudio() as server:
        assert listing(at(server, "lmstudio")) == listing(at(server)) == (
            Listed("qwen2-vl-7b-instruct", 4_096, 131_072, True, None, True),
            Listed("qwen2.5-coder-7b-instruct", 0, 32_768, False, True, False),
        )  # fmt: skip


def test_llamacpp_tells_the_context_of_one_slot_and_answers_to_any_name() -> None:
    with imitations.llamacpp() as server:
        found, _ = about(at(server, "llamacpp"), "anything")
        assert found == Listed("anything", 24_576, 131_072, True, None, True)


def test_vllm_and_openrouter_tell_in_their_lists() -> None:
    with imitations.vllm() as server:
        assert listing(at(server)) == (Listed("Qwen/Qwen3-8B", 32_768, 32_768),)
    with imitations.openrouter() as server:
        coder, auto = listing(at(server))
    price = Price(Decimal("0.22"), Decimal("0.055"), Decimal("0.95"))
    assert coder == Listed("qwen/qwen3-coder", 262_144, 262_144, None, True, False, price)
    assert (auto.price, auto.tools, auto.pictures) == (None, False, True)


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": 5}, {"name": "x"}, {}],
        [{"id": "a", "context_length": "many", "pricing": [1], "architecture": "x"}],
        [{"id": "a", "capabilities": {"vision": "perhaps"}, "max_model_len": True}],
        [{"id": "a", "pricing": {"prompt": "NaN", "completion": "1e400"}, "context_length": -1}],
    ],
)
def test_odd_lists_are_read_as_far_as_they_can_be(rows: list[dict[str, object]]) -> None:
    with Server(
        [], rows=rows, routes={"/props": [], "/api/ps": 3, "/api/v0/models": None}
    ) as server:
        for kind in ("", "ollama", "lmstudio", "llamacpp"):
            found = listing(at(server, kind))
            assert all(each.window == 0 and each.price is None for each in found)


def test_a_server_that_wants_a_key_or_is_none_is_told_apart() -> None:
    with pytest.raises(Silent):
        listing(At("", "http://127.0.0.1:9/v1", timeout=1))
    with Server([], routes={"/v1/models": {"error": "x"}}) as server, pytest.raises(Silent):
        listing(at(server))
    assert issubclass(Locked, Silent)


def test_a_local_model_has_the_context_its_server_gives_it(tmp_path: Path) -> None:
    with imitations.ollama(running=20_000) as server:
        found = brain(tmp_path, server, "ollama/qwen3:8b")
        assert found.model is not None and found.model.window == 20_000
        assert not found.vision and not found.warning and found.price is None
        assert brain(tmp_path, server, "ollama/llama3.2").vision


@pytest.mark.parametrize(("running", "told"), [(4_096, "only 4,096 tokens"), (0, "as little as")])
def test_a_context_that_is_too_small_is_warned_of(tmp_path: Path, running: int, told: str) -> None:
    with imitations.ollama(running=running) as server:
        found = brain(tmp_path, server, "ollama/qwen3:8b")
        assert told in found.warning and "OLLAMA_CONTEXT_LENGTH" in found.warning
    with imitations.ollama(num_ctx=32_768) as server:
        assert not brain(tmp_path, server, "ollama/qwen3:8b").warning


def test_the_users_own_window_wins(tmp_path: Path) -> None:
    with imitations.ollama(running=20_000) as server:
        host = server.url.removeprefix("http://").removesuffix("/v1")
        wanted = Settings(tmp_path, model="ollama/qwen3:8b", model_context_window=9_000)
        found = choose(wanted, {"OLLAMA_HOST": host}, print)
        assert found.model is not None and found.model.window == 9_000
        (tmp_path / "models.toml").write_text('[models."ollama/qwen3:8b"]\nwindow = 7000\n')
        found = brain(tmp_path, server, "ollama/qwen3:8b")
        assert found.model is not None and found.model.window == 7_000


def test_a_model_that_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    with imitations.ollama() as server, pytest.raises(UsageError) as told:
        brain(tmp_path, server, "ollama/qwen3:32b")
    for word in (
        "Ollama at",
        "'qwen3:32b'",
        "qwen3:8b",
        "llama3.2:latest",
        "ollama pull qwen3:32b",
    ):
        assert word in str(told.value)
    assert "embed" not in str(told.value)


def test_a_server_that_is_not_there_is_told_with_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ollama serve"):
        choose(Settings(tmp_path, model="ollama/x"), {"OLLAMA_HOST": "127.0.0.1:9"}, print)
    empty = Server([], routes={"/v1/models": {"data": []}})
    with empty as server, pytest.raises(UsageError, match=r"has no model yet.*ollama pull"):
        brain(tmp_path, server, "ollama/x")


def test_openrouter_is_asked_once_a_day_and_only_for_models_nobody_knows(tmp_path: Path) -> None:
    with imitations.openrouter() as server:
        known = load()
        provider = known.providers["openrouter"]
        from codex_py.models.learned import learned

        where = At("", server.url, "sk-or-123456789")
        for _ in range(2):
            found = learned(known.find("openrouter/qwen/qwen3-coder"), provider, where, tmp_path)
            assert found.model.window == 262_144 and found.model.price is not None
            assert found.model.price.output == Decimal("0.95")
        assert len(server.requests) == 1
        assert server.requests[0].headers["authorization"] == "Bearer sk-or-123456789"
        (tmp_path / "models.toml").write_text('[models."openrouter/a/b"]\nprice = [1, 1, 2]\n')
        mine = load(tmp_path).find("openrouter/a/b")
        assert learned(mine, provider, where, tmp_path / "other").model == mine
        assert len(server.requests) == 1
        gone = learned(known.find("openrouter/gone"), provider, where, tmp_path).model
        assert not gone.known and gone.price is None
        cache = tmp_path / "cache" / "models-openrouter.json"
        os.utime(cache, (1, 1))
        learned(known.find("openrouter/x"), provider, where, tmp_path)
        assert len(server.requests) == 2


def test_azure_in_both_forms(tmp_path: Path) -> None:
    """The v1 form takes the deployment as the model; the dated one has it in the address."""
    from codex_py.models.connect import Choice, locate

    environ = {
        "AZURE_OPENAI_API_KEY": "k" * 20,
        "AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com/",
    }
    new = locate(Choice("azure/my-gpt"), load(), environ)
    assert (new.url, new.provider.wire, new.query) == (
        "https://me.openai.azure.com/openai/v1", "responses", {})  # fmt: skip
    for name in ("AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"):
        old = locate(Choice("azure/my gpt"), load(), {**environ, name: "2024-10-21"})
        assert old.url == "https://me.openai.azure.com/openai/deployments/my%20gpt"
        assert (old.provider.wire, old.query) == ("chat", {"api-version": "2024-10-21"})
    same = locate(Choice("azure/my-gpt"), load(), {**environ, "OPENAI_API_VERSION": "preview"})
    assert same.url == new.url


def test_only_ports_of_this_machine_are_looked_at() -> None:
    assert dict(ports({"OLLAMA_HOST": "0.0.0.0:4321"}))["Ollama"] == 4321
    for elsewhere in ("http://example.com:80", "10.0.0.5:11434", "x:notaport", ""):
        assert dict(ports({"OLLAMA_HOST": elsewhere}))["Ollama"] == 11434
    with imitations.ollama(running=9_000) as server:
        host = server.url.removeprefix("http://").removesuffix("/v1")
        found = [each for each in here({"OLLAMA_HOST": host}, load()) if each.label == "Ollama"]
    assert [each.name for each in found[0].models] == ["qwen3:8b", "llama3.2:latest"]


def test_a_server_elsewhere_is_asked_when_its_kind_is_told(tmp_path: Path) -> None:
    with imitations.llamacpp() as server:
        url = server.url
        own = {"box": Provider("the box", url, wire_api="chat", kind="llamacpp")}
        wanted = Settings(tmp_path, model="box/any", model_providers=own)
        found = choose(wanted, {}, print)
        assert found.model is not None and found.model.window == 24_576 and found.vision
        assert [each.path for each in server.requests] == ["/v1/models", "/props"]
    with pytest.raises(UsageError, match="nobody answers as the box"):
        choose(wanted, {}, print)
    plain = {"box": Provider("the box", url, wire_api="chat")}
    assert choose(Settings(tmp_path, model="box/any", model_providers=plain), {}, print).model
