"""The catalogue: what is known of models, and what is taken for granted of others."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from codex_py.core.entries import Usage
from codex_py.core.errors import UsageError
from codex_py.core.money import Price
from codex_py.core.request import Request
from codex_py.models.catalogue import DEFAULT, WINDOW, Catalogue, Model, load, sampling
from codex_py.models.chat_body import Quirks as ChatQuirks
from codex_py.models.chat_body import body
from codex_py.models.responses_body import Quirks, head_of

CATALOGUE = load()
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
WIRES = {"responses": Quirks, "chat": ChatQuirks}


def test_every_entry_makes_sense() -> None:
    names = [(model.provider, model.slug) for model in CATALOGUE.models]
    assert len(names) == len(set(names))
    for model in CATALOGUE.models:
        assert model.provider in CATALOGUE.providers
        assert model.window >= 16_000
        assert model.max_output < model.window
        assert model.patch_style in ("patch-freeform", "patch-function", "replace")
        assert set(model.efforts) <= set(EFFORTS)
        assert not model.efforts or model.reasoning
        assert model.default_effort in ("", *model.efforts)
        if model.price:
            assert 0 < model.price.cached <= model.price.input < model.price.output


def test_every_provider_can_be_spoken_to() -> None:
    for provider in CATALOGUE.providers.values():
        if provider.wire in WIRES:
            assert provider.base_url.startswith("http") or provider.url_env
            assert provider.local or provider.base_url.startswith("https://") or provider.url_env
            WIRES[provider.wire](**provider.quirks)


def test_the_default_is_in_it() -> None:
    model = CATALOGUE.find(DEFAULT)
    assert (model.slug, model.provider, model.window) == ("o4-mini", "openai", 200_000)
    assert model.known
    assert model.reasoning


def test_a_dated_version_has_the_facts_of_its_model_and_keeps_its_name() -> None:
    model = CATALOGUE.find("o3-2025-04-16")
    assert model.known
    assert model.slug == "o3-2025-04-16"
    assert model.price == CATALOGUE.find("o3").price


def test_a_name_that_only_begins_like_a_model_is_not_that_model() -> None:
    assert not CATALOGUE.find("gpt-5-pro").known
    assert not CATALOGUE.find("o3-deep-research").known


def test_a_model_we_do_not_know_gets_careful_guesses() -> None:
    model = CATALOGUE.find("ollama/llama3:8b")
    assert (model.provider, model.slug, model.name) == ("ollama", "llama3:8b", "ollama/llama3:8b")
    assert (model.window, model.price, model.patch_style) == (WINDOW, None, "replace")
    assert not model.pictures
    assert model.cost(Usage(input=10)) is None


def test_only_the_first_part_of_a_name_is_a_provider() -> None:
    model = CATALOGUE.find("openrouter/openai/gpt-5")
    assert (model.provider, model.slug) == ("openrouter", "openai/gpt-5")
    assert CATALOGUE.find("meta/llama", "groq").slug == "meta/llama"


def test_the_embedded_model_is_found_by_either_name() -> None:
    assert CATALOGUE.find("qwen2.5-coder-1.5b") == CATALOGUE.find("local/qwen2.5-coder-1.5b")


def test_cost_counts_cached_input_at_its_own_price() -> None:
    model = CATALOGUE.find("o4-mini")
    usage = Usage(input=1_000_000, cached=400_000, output=100_000, reasoning=50_000)
    assert model.cost(usage) == Decimal("1.21")


def test_an_effort_that_a_model_does_not_take_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="low, medium, high"):
        sampling(CATALOGUE.find("o4-mini"), effort="xhigh")
    with pytest.raises(UsageError, match="does not reason"):
        sampling(CATALOGUE.find("gpt-4.1"), effort="low")
    assert sampling(CATALOGUE.find("mystery"), effort="max").effort == "max"


def test_a_model_is_asked_only_for_what_it_has() -> None:
    plain = sampling(CATALOGUE.find("gpt-4.1"), summary="auto", verbosity="low")
    assert (plain.summary, plain.verbosity, plain.reasoning, plain.freeform) == (
        "",
        "",
        False,
        False,
    )
    rich = sampling(CATALOGUE.find("gpt-5"), summary="auto", verbosity="low", effort="minimal")
    assert (rich.summary, rich.verbosity, rich.effort) == ("auto", "low", "minimal")
    assert rich.reasoning
    assert rich.freeform


def overridden(home: Path, text: str) -> Catalogue:
    (home / "models.toml").write_text(text)
    return load(home)


def test_the_users_own_file_wins_and_adds(tmp_path: Path) -> None:
    found = overridden(
        tmp_path,
        """
[models.o3]
price = [1, 0.1, 2.000000001]
[models."openai/gpt-9"]
window = 500000
efforts = ["low", "max"]
[models."openrouter/qwen/qwen3-coder"]
price = [0.1, 0.1, 0.3]
[models."house/big"]
pictures = true
""",
    )
    o3 = found.find("o3")
    assert o3.price == Price(Decimal(1), Decimal("0.1"), Decimal("2.000000001"))
    assert (o3.window, o3.efforts, o3.own) == (200_000, ("low", "medium", "high"), True)
    assert found.find("o3-2025-04-16").price == o3.price
    new = found.find("gpt-9")
    assert (new.window, new.reasoning, new.price, new.known) == (500_000, True, None, True)
    assert found.find("openrouter/qwen/qwen3-coder").cost(Usage(output=10)) == Decimal("0.000003")
    assert found.find("big", "house").pictures
    assert load(tmp_path / "nowhere").find("o3").price == CATALOGUE.find("o3").price


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[models.o3]\nprice = [1, 2]", r"models.o3.price must be three numbers"),
        ("[models.o3]\nprice = [1, -2, 3]", r"three numbers"),
        ("[models.o3]\nprice = [1, nan, 3]", r"three numbers"),
        ("[models.o3]\nprice = [1, true, 3]", r"three numbers"),
        ("[models.o3]\nwindow = true", r"window must be a whole number"),
        ("[models.o3]\nwindw = 5", r"unknown key 'windw'"),
        ("[models.o3]\npatch_style = 'x'", r"patch_style must be one of"),
        ("models = 3", r"expected tables"),
        ("[o3]\nwindow = 5", r"expected tables"),
        ("[models.o3", r"models.toml"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        overridden(tmp_path, text)


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda model: model.name)
def test_every_model_is_sent_an_effort_it_takes_or_none_is_sent(model: Model, effort: str) -> None:
    try:
        asked = sampling(model, effort=effort, summary="auto")
    except UsageError as error:
        assert model.name in str(error)
        assert not model.reasoning or effort not in model.efforts
        return
    assert not model.efforts or effort in model.efforts
    reasoning = {"effort": effort, **({"summary": "auto"} if model.summaries else {})}
    reasoning = {"effort": "none"} if effort == "none" else reasoning
    sent = head_of(Request("", (), (), asked, lambda _: b""), Quirks())
    assert sent.get("reasoning") == (reasoning if model.reasoning else None)
    assert ("include" in sent) == model.reasoning
    chat = body(Request("", (), (), asked, lambda _: b""), ChatQuirks())
    assert chat.get("reasoning_effort") == (effort if model.reasoning else None)
