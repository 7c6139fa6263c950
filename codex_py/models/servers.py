"""What a model server says of its own models: names, context, tools, pictures, prices.

Each kind of server answers in its own way; what none of them says is left out, never guessed.
docs/guide/models.md has the sources.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from decimal import Decimal
from typing import Any

from codex_py.core.money import Price, read
from codex_py.dataclass import dataclass
from codex_py.models.door import near

LONGEST = 8 << 20
"""Bytes of an answer that are read."""
ASKED = 40
"""Models of one server that are asked about one by one."""
EMBEDS = ("embed", "rerank", "bge-", "whisper", "tts")
"""Words in names of models that do not converse."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One model as its server tells it. None: it does not say."""

    name: str
    window: int = 0
    """Tokens it will really take now; 0: not told."""
    most: int = 0
    """Tokens it could take, when the server were started so; 0: not told."""
    loaded: bool | None = None
    tools: bool | None = None
    pictures: bool | None = None
    price: Price | None = None
    """US dollars per million tokens."""


@dataclass(frozen=True, slots=True)
class At:
    """Where a server is and how it is asked."""

    kind: str
    base_url: str
    key: str = field(default="", repr=False)
    key_header: str = ""
    authority: str = ""
    timeout: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    """Added to every address."""

    @property
    def root(self) -> str:
        """The address without `/v1`: where a server's own interface is."""
        return self.base_url.rstrip("/").removesuffix("/v1")


class Silent(Exception):
    """Nobody answers there, or not in a way that we understand."""


class Locked(Silent):
    """It wants another key."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """No redirect takes the key elsewhere."""

    def redirect_request(self, *_: object) -> None:
        return None


def ask(at: At, url: str, body: object = None) -> Any:
    """One JSON answer. Raises Silent or Locked; nothing is tried again."""
    headers = {"Accept": "application/json", "User-Agent": "codex-py", **at.headers}
    if at.query:
        url = f"{url}?{urllib.parse.urlencode(at.query)}"
    if at.key:
        name, value = (
            (at.key_header, at.key) if at.key_header else ("Authorization", f"Bearer {at.key}")
        )
        headers[name] = value
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    handlers: list[Any] = [_Stay()]
    if near(url):
        handlers.append(urllib.request.ProxyHandler({}))
    if at.authority:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=at.authority)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    try:
        request = urllib.request.Request(url, data, headers)
        with urllib.request.build_opener(*handlers).open(request, timeout=at.timeout) as answer:
            return json.loads(answer.read(LONGEST), parse_float=Decimal)
    except urllib.error.HTTPError as error:
        with error:
            kind = Locked if error.code in (401, 403) else Silent
        raise kind(str(error.code)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise Silent(type(error).__name__) from None


def listing(at: At) -> tuple[Listed, ...]:
    """Every model that a server has and that converses. Raises Silent or Locked."""
    return _kind_and_all(at)[1]


def _kind_and_all(at: At) -> tuple[str, tuple[Listed, ...]]:
    told = ask(at, f"{at.base_url.rstrip('/')}/models")
    rows = _rows(told.get("data") if isinstance(told, dict) else told)
    if not rows and not (isinstance(told, dict) and isinstance(told.get("data"), list)):
        raise Silent("no list of models")
    found = tuple(_listed(each) for each in rows if _name(each))
    kind = at.kind or kind_of(rows)
    try:
        if kind == "lmstudio":
            found = _lmstudio(at, found)
        elif kind == "llamacpp":
            found = _llamacpp(at, found)
        elif kind == "ollama":
            found = _ollama(at, found)
    except Silent:
        pass  # an older version without this interface: what it listed stands
    return kind, tuple(
        each for each in found if not any(word in each.name.lower() for word in EMBEDS)
    )


def about(at: At, name: str) -> tuple[Listed | None, tuple[Listed, ...]]:
    """What a server says of one model, None when it has none of that name; and all it has."""
    every = listing(at)
    return _of(at, every, name), every


def detected(at: At, name: str) -> Listed | None:
    """The same of one model at a server that shows by its list what kind it is. Raises Silent."""
    kind, every = _kind_and_all(at)
    return _of(replace(at, kind=kind), every, name)


def _of(at: At, every: tuple[Listed, ...], name: str) -> Listed | None:
    found = named(every, name)
    if found is not None and at.kind == "ollama":
        found = _shown(at, found)
    if found is None and at.kind == "llamacpp" and len(every) == 1:
        found = replace(every[0], name=name)  # it answers to any name
    return found


def named(every: Iterable[Listed], name: str) -> Listed | None:
    """The model of that name; Ollama's `:latest` may be left out."""
    names = {each.name: each for each in every}
    return names.get(name) or names.get(f"{name}:latest")


def kind_of(rows: Iterable[dict[str, Any]]) -> str:
    """What kind of server lists its models so; empty when that cannot be told."""
    owners = {str(each.get("owned_by", "")) for each in rows}
    for owner, kind in (("llamacpp", "llamacpp"), ("vllm", "vllm"), ("library", "ollama"),
                        ("organization_owner", "lmstudio")):  # fmt: skip
        if owner in owners:
            return kind
    return ""


def _rows(told: object) -> list[dict[str, Any]]:
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []


def _name(row: dict[str, Any]) -> str:
    name = row.get("id")
    return (
        "".join(each for each in name if each.isprintable())[:200] if isinstance(name, str) else ""
    )


def _listed(row: dict[str, Any]) -> Listed:
    """A row of `GET /models`, with what hosted servers add to OpenAI's fields."""
    names = ("context_length", "context_window", "max_model_len", "max_context_length")
    window = next((_count(row.get(each)) for each in names if _count(row.get(each))), 0)
    inputs = _part(row, "architecture").get("input_modalities")
    wanted = row.get("supported_parameters")
    able = _part(row, "capabilities")
    pictures: bool | None = "image" in inputs if isinstance(inputs, list) else able.get("vision")
    tools: bool | None = (
        "tools" in wanted if isinstance(wanted, list) else able.get("function_calling")
    )
    return Listed(
        name=_name(row),
        window=window,
        most=window or _count(_part(row, "meta").get("n_ctx_train")),
        tools=tools if isinstance(tools, bool) else None,
        pictures=pictures if isinstance(pictures, bool) else None,
        price=_price(_part(row, "pricing")),
    )


def _price(told: dict[str, Any]) -> Price | None:
    """OpenRouter's dollars a token; negative ones stand for a price that depends."""
    prices = [read(str(told.get(each, ""))) for each in ("prompt", "completion")]
    if any(each is None or each < 0 for each in prices):
        return None
    fresh, output = (each or Decimal(0) for each in prices)
    cached = read(str(told.get("input_cache_read", "")))
    cached = fresh if cached is None or cached < 0 else cached
    return Price(*(each.scaleb(6) for each in (fresh, cached, output)))


def _lmstudio(at: At, found: tuple[Listed, ...]) -> tuple[Listed, ...]:
    rows = _rows(_part({"": ask(at, f"{at.root}/api/v0/models")}, "").get("data"))
    told = {_name(each): each for each in rows}
    better: list[Listed] = []
    for each in found:
        row = told.get(each.name, {})
        if row.get("type") == "embeddings":
            continue
        able = row.get("capabilities")
        loaded = row.get("state") == "loaded" if "state" in row else None
        most = _count(row.get("max_context_length"))
        better.append(
            replace(
                each,
                window=_count(row.get("loaded_context_length")) if loaded else 0,
                most=most,
                loaded=loaded,
                pictures=row["type"] == "vlm" if "type" in row else None,
                tools="tool_use" in able if isinstance(able, list) else None,
            )
        )
    return tuple(sorted(better, key=lambda each: not each.loaded))


def _llamacpp(at: At, found: tuple[Listed, ...]) -> tuple[Listed, ...]:
    told = ask(at, f"{at.root}/props")
    settings = _part(told if isinstance(told, dict) else {}, "default_generation_settings")
    window = _count(settings.get("n_ctx"))
    sees = _part(told, "modalities").get("vision") if isinstance(told, dict) else None
    pictures = sees if isinstance(sees, bool) else None
    return tuple(replace(each, window=window, loaded=True, pictures=pictures) for each in found)


def _ollama(at: At, found: tuple[Listed, ...]) -> tuple[Listed, ...]:
    """What runs comes first, with the context it was given."""
    rows = _rows(_part({"": ask(at, f"{at.root}/api/ps")}, "").get("models"))
    running = {str(each.get("name")): _count(each.get("context_length")) for each in rows}
    found = tuple(
        replace(each, loaded=each.name in running, window=running.get(each.name, 0))
        for each in found
    )
    return tuple(sorted(found, key=lambda each: not each.loaded))


def _shown(at: At, model: Listed) -> Listed:
    """An Ollama model with what `/api/show` says of it."""
    try:
        told = ask(at, f"{at.root}/api/show", {"model": model.name})
    except Silent:
        return model
    if not isinstance(told, dict):
        return model
    facts = _part(told, "model_info")
    most = next((_count(facts[key]) for key in facts if key.endswith(".context_length")), 0)
    set_to = 0
    for line in str(told.get("parameters") or "").splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and value.strip().isdigit():
            set_to = int(value.strip())
    able = told.get("capabilities")
    return replace(
        model,
        window=model.window or set_to,
        most=most,
        tools="tools" in able if isinstance(able, list) else None,
        pictures="vision" in able if isinstance(able, list) else None,
    )


def detailed(at: At, every: tuple[Listed, ...]) -> tuple[Listed, ...]:
    """The same models with all that can be asked of each, for a list that people read."""
    if at.kind != "ollama":
        return every
    return (*(_shown(at, each) for each in every[:ASKED]), *every[ASKED:])


def _part(row: dict[str, Any], name: str) -> dict[str, Any]:
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
