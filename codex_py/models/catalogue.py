"""What is known of models and of the servers that have them; the data is catalogue.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from codex_py.core.entries import Usage
from codex_py.core.errors import UsageError
from codex_py.core.money import Price
from codex_py.core.request import ModelSettings
from codex_py.dataclass import dataclass
from codex_py.eyes import Eyes

DEFAULT = "o4-mini"
WINDOW = 128_000
"""Tokens taken for granted of a model that we do not know."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A server: where it is, what it speaks, which variables may hold its key."""

    name: str
    base_url: str
    wire: str
    """`responses`, `chat`, `embedded`, `scripted` or `recorded`."""
    keys: tuple[str, ...] = ()
    """Environment variables, the first that is set wins; none: it needs no key."""
    local: bool = False
    """It runs on the user's own machine; a key is sent when there is one."""
    pictures: bool = False
    """Its models that we do not know may be shown pictures."""
    url_env: str = ""
    """Environment variable with its address, `url_tail` added."""
    url_tail: str = ""
    key_header: str = ""
    """The header of the key, where it is not `Authorization: Bearer`."""
    quirks: Mapping[str, Any] = field(default_factory=dict)
    """What sets it apart on its wire, as the fields of that wire's Quirks."""
    label: str = ""
    """Its name for people."""
    keys_at: str = ""
    """Where a key is got."""
    kind: str = ""
    """How a server on this machine tells of its models: see servers.py."""
    start: str = ""
    get: str = ""
    widen: str = ""
    """Commands that start such a server, get it a model, give it more context."""
    asks: bool = False
    """Its list of models tells more than names, and is asked for models we do not know."""
    dated: Mapping[str, Any] = field(default_factory=dict)
    """Azure's older form: which variables name an API version, and what is different then."""
    unverified: tuple[str, ...] = ()
    """Facts here that could not be checked against the provider's own words."""


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a model. `slug` is the name its provider knows."""

    slug: str
    provider: str
    known: bool = True
    """It is in the catalogue; else these are careful guesses."""
    window: int = WINDOW
    """Tokens, input and output together."""
    max_output: int = 0
    """Tokens; 0 when not known."""
    efforts: tuple[str, ...] = ()
    """Reasoning efforts it takes; none listed: not known, any is passed on."""
    default_effort: str = ""
    reasoning: bool = False
    summaries: bool = False
    pictures: bool = False
    eyes: Eyes = field(default_factory=Eyes)
    """How pictures are scaled for it, and about what they cost."""
    verbosity: bool = False
    patch_style: str = "replace"
    """`patch-freeform`, `patch-function` or `replace`: how it edits best."""
    price: Price | None = None
    """None: not known, which is never the same as free."""
    unverified: tuple[str, ...] = ()
    """Facts here that could not be checked against the provider's own words."""
    own: bool = False
    """The user's models.toml has a say in it."""

    @property
    def name(self) -> str:
        """The name to choose it by."""
        return self.slug if self.provider == "openai" else f"{self.provider}/{self.slug}"

    @property
    def freeform(self) -> bool:
        """It takes freeform tools with a grammar."""
        return self.patch_style == "patch-freeform"

    def cost(self, usage: Usage) -> Decimal | None:
        """US dollars for some usage, exact; None when the price is not known."""
        return self.price.cost(usage) if self.price is not None else None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All models and providers."""

    models: tuple[Model, ...]
    providers: Mapping[str, Provider]
    priced: str
    """Year and month in which the prices were checked."""

    def find(self, name: str, provider: str = "") -> Model:
        """The model of that name: `model`, or `provider/model`.

        A dated version of a known model has its facts. A model we do not know gets careful
        guesses: no price, no pictures unless its provider's models mostly take them.
        """
        head, slash, tail = name.partition("/")
        if not provider and slash and head in self.providers:
            provider, name = head, tail
        wanted = provider or "openai"
        for model in self.models:
            if model.provider == wanted and _same(model.slug, name):
                return replace(model, slug=name)
        if not provider:
            for model in self.models:
                if model.slug == name:
                    return model
        server = self.providers.get(wanted)
        return Model(name, wanted, known=False, pictures=server is not None and server.pictures)


def load(home: Path | None = None) -> Catalogue:
    """Read the catalogue, and over it `models.toml` of the user's home; about a millisecond.

    Raises UsageError that says what is wrong with the user's file.
    """
    text = Path(__file__).with_name("catalogue.json").read_bytes()
    data = json.loads(text, parse_float=Decimal)
    providers = {
        name: Provider(
            **{
                **each,
                "name": name,
                "keys": tuple(each["keys"]),
                "unverified": tuple(each.get("unverified", ())),
            }
        )
        for name, each in data["providers"].items()
    }
    models = tuple(_model(each) for each in data["models"])
    path = home / "models.toml" if home is not None else None
    if path is not None and path.exists():
        from codex_py.models.overrides import laid_over  # late: few have such a file

        models = laid_over(models, providers, path)
    return Catalogue(models, providers, data["priced"])


def _model(data: Mapping[str, Any]) -> Model:
    given = dict(data)
    for name in ("efforts", "unverified"):
        given[name] = tuple(given.get(name, ()))
    if "eyes" in given:
        eyes = {**given["eyes"], "factor": float(given["eyes"].get("factor", 1))}
        given["eyes"] = Eyes(**eyes)
    if "price" in given:
        given["price"] = Price(*(Decimal(each) for each in given["price"]))
    return Model(**given)


def _same(slug: str, name: str) -> bool:
    """The name is the slug, or the slug with a date: `o3-2025-04-16`."""
    if not name.startswith(slug):
        return False
    rest = name[len(slug) :]
    return not rest or (rest[:3] == "-20" and rest[1:].replace("-", "").isdigit())


def sampling(
    model: Model, *, effort: str = "", summary: str = "", verbosity: str = "", tier: str = ""
) -> ModelSettings:
    """How to sample a model. Raises UsageError for an effort that it does not take.

    A summary or verbosity is a wish: a model that has none is not asked for it.
    """
    if effort and model.known:
        if not model.reasoning and effort != "none":
            raise UsageError(f"{model.name} does not reason: leave the effort out")
        if model.efforts and effort not in model.efforts:
            raise UsageError(
                f"{model.name} takes the efforts {', '.join(model.efforts)}: not {effort}"
            )
    return ModelSettings(
        model=model.slug,
        effort=effort if model.reasoning or not model.known else "",
        summary=summary if model.summaries else "",
        verbosity=verbosity if model.verbosity else "",
        service_tier=tier,
        reasoning=model.reasoning,
        freeform=model.freeform,
    )
