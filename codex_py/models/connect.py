"""From a model's name to its client: which server, which wire, whose key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from codex_py.core.client import ModelClient
from codex_py.core.entries import Json
from codex_py.core.errors import UsageError
from codex_py.core.request import Request
from codex_py.dataclass import dataclass
from codex_py.models.catalogue import DEFAULT, Catalogue, Model, Provider
from codex_py.models.door import Door, Timeouts, near
from codex_py.models.retrying import Retrying, Tries

WAYS = (
    "Ways to go on: set it, or keep it with `codex-py login PROVIDER`; or set OPENAI_API_KEY; or "
    "name a model of another provider whose key is set, for example -m openrouter/NAME; or a "
    "server on this machine, for example -m ollama/NAME; or --local for the small embedded model"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose. Empty fields: as the catalogue has it."""

    model: str = DEFAULT
    """`model` or `provider/model`."""
    provider: str = ""
    base_url: str = ""
    """Instead of the provider's own address."""
    own: tuple[Provider, ...] = ()
    """Servers of the user's own, beside or instead of the catalogue's."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    """Added to every address."""
    window: int = 0
    idle: float = 300.0
    """Seconds of silence after which a stream is given up."""
    retries: int = 5
    turn_retries: int = 30
    """Retries of all samples of one turn."""
    away: float = 600.0
    """Seconds that a network is waited for which was there and is gone."""
    pictures: str = ""
    """`yes` or `no`: whether the model may be shown pictures; empty: as the catalogue has it."""
    authority: str = ""
    """A file with certificates of authorities that are trusted beside the system's."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A client, and what is known of the model behind it."""

    client: ModelClient
    model: Model
    provider: Provider
    body: Callable[[Request], Json]
    """What would be sent for a request."""
    warm: Callable[[], None]
    """Does the slow imports now; call it early, from any thread."""
    warning: str = ""
    """What the user should know, empty when all is well."""
    searches: bool = False
    """The server has a web search of its own."""


@dataclass(frozen=True, slots=True)
class Located:
    """Which model on which server, and how it is reached."""

    model: Model
    provider: Provider
    url: str = ""
    key: str = field(default="", repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    known: Catalogue | None = field(default=None, repr=False)
    """The whole catalogue, for a recording of another model."""


PLAYED = ("scripted", "recorded")
"""Wires that lead nowhere: a script or a recording answers."""


def as_chosen(model: Model, choice: Choice) -> Model:
    """The model with what the user says of it."""
    if choice.window:
        model = replace(model, window=choice.window)
    if choice.pictures:
        model = replace(model, pictures=choice.pictures == "yes")
    return model


def locate(choice: Choice, catalogue: Catalogue, environ: Mapping[str, str]) -> Located:
    """Where a choice leads; nothing is sent and nothing slow is imported.

    Raises UsageError when there is no such provider, no address or no key.
    """
    known = replace(catalogue, providers={**catalogue.providers, **_named(choice.own)})
    model = known.find(choice.model, choice.provider)
    model = as_chosen(model, choice)
    provider = known.providers.get(model.provider)
    if provider is None:
        names = ", ".join(sorted(known.providers))
        raise UsageError(f"there is no provider {model.provider!r}; known: {names}")
    if provider.wire in PLAYED:
        return Located(model, provider, known=known)
    if provider.wire not in ("responses", "chat"):
        raise UsageError(f"{model.name}: choose it with --local")
    provider, query = _dated(provider, model, environ)
    url = _address(choice, provider, environ)
    key = _key(provider, environ, needed=not near(url))
    return Located(model, provider, url, key, {**query, **choice.query})


def connect(choice: Choice, catalogue: Catalogue, environ: Mapping[str, str]) -> Connected:
    """The client for a choice; nothing is sent and nothing slow is imported.

    Raises UsageError when there is no such provider, no address or no key.
    """
    return reach(choice, locate(choice, catalogue, environ))


def reach(choice: Choice, place: Located) -> Connected:
    """The client for a place that was found; nothing is sent and nothing slow is imported."""
    model, provider, url, key = place.model, place.provider, place.url, place.key
    if provider.wire == "scripted":
        return _scripted(model, provider)
    if provider.wire == "recorded":
        assert place.known is not None
        return _recorded(model, provider, place.known)
    times = Timeouts(idle=choice.idle)
    door = Door(
        url,
        key,
        choice.headers,
        timeouts=times,
        authority=choice.authority,
        query=place.query,
        key_header=provider.key_header,
    )
    client, body = _client(door, provider, model)
    tried = Retrying(client, Tries(choice.retries, choice.turn_retries, choice.away))
    searches = provider.wire == "responses" and provider.quirks.get("hosted", not provider.local)
    searches = bool(searches or provider.quirks.get("search"))
    return Connected(tried, model, provider, body, door.warm, _warning(url, key), searches)


def key_names(catalogue: Catalogue, own: tuple[Provider, ...] = ()) -> frozenset[str]:
    """Every environment variable that may hold a key of ours: no command may see them."""
    providers = [*catalogue.providers.values(), *own]
    return frozenset(name for provider in providers for name in provider.keys)


def has_key(provider: Provider, environ: Mapping[str, str]) -> bool:
    """Whether a key is set, or none is needed."""
    return provider.local or not provider.keys or any(environ.get(name) for name in provider.keys)


def _named(own: tuple[Provider, ...]) -> dict[str, Provider]:
    return {provider.name: provider for provider in own}


def _scripted(model: Model, provider: Provider) -> Connected:
    from codex_py.models.scripted import read  # late: hardly ever

    client = read(Path(model.slug))
    return Connected(client, model, provider, lambda _: {}, lambda: None)


def _recorded(model: Model, provider: Provider, known: Catalogue) -> Connected:
    from codex_py.models.recorded import Recorded  # late: hardly ever

    client = Recorded(Path(model.slug))
    first = client.started
    then = known.find(first.choice or first.model)
    style = "patch-freeform" if "apply_patch" in client.calls else then.patch_style
    if client.calls & {"edit_file", "write_file"}:
        style = "replace"
    model = replace(then, slug=model.slug, provider=provider.name, patch_style=style)
    return Connected(client, model, provider, lambda _: {}, lambda: None)


def _client(
    door: Door, provider: Provider, model: Model
) -> tuple[ModelClient, Callable[[Request], Json]]:
    quirks = dict(provider.quirks)
    if provider.wire == "responses":
        from codex_py.models.responses import ResponsesClient  # late: one of two wires
        from codex_py.models.responses_body import Quirks

        quirks.setdefault("pictures", model.pictures)
        client = ResponsesClient(door, _checked(Quirks, quirks, provider))
        return client, client.body
    from codex_py.models.chat import ChatClient  # late: one of two wires
    from codex_py.models.chat_body import Quirks as ChatQuirks
    from codex_py.models.chat_body import body

    quirks.setdefault("images", model.pictures)
    chat = ChatClient(door, _checked(ChatQuirks, quirks, provider))
    return chat, lambda request: body(request, chat.quirks)


def _checked(kind: Any, quirks: Mapping[str, Any], provider: Provider) -> Any:
    try:
        return kind(**quirks)
    except TypeError as error:
        raise UsageError(f"provider {provider.name}: {error}") from error


def _dated(
    provider: Provider, model: Model, environ: Mapping[str, str]
) -> tuple[Provider, Mapping[str, str]]:
    """The provider in its older form, when the environment names a version of its API."""
    names = provider.dated.get("versions", ())
    version = next((environ[name] for name in names if environ.get(name)), "")
    if not version or version in ("v1", "preview"):
        return provider, {}
    tail = provider.dated["url_tail"].format(model=quote(model.slug, safe=""))
    header, wire = provider.dated["key_header"], provider.dated["wire"]
    return replace(provider, url_tail=tail, key_header=header, wire=wire), {"api-version": version}


def _address(choice: Choice, provider: Provider, environ: Mapping[str, str]) -> str:
    url = choice.base_url
    if not url and provider.url_env:
        url = _given(environ.get(provider.url_env, ""), provider)
    url = url or provider.base_url
    if not url:
        where = f"set {provider.url_env}, or " if provider.url_env else ""
        raise UsageError(
            f"no address for {provider.name}: {where}[model_providers.{provider.name}] base_url"
        )
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{url!r} is no base URL: it must begin with https:// or http://")
    if parts.username or parts.password:
        raise UsageError("a base URL must not hold a name or password: use the key's variable")
    return url


def _given(text: str, provider: Provider) -> str:
    """An address from the environment; a local server's may be a mere host and port."""
    text = text.strip().rstrip("/")
    if not text:
        return ""
    if provider.local and "://" not in text:
        host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
        host = "127.0.0.1" if host in ("", "0.0.0.0") else host
        text = f"http://{host}:{port or urlsplit(provider.base_url).port}"
    return text if text.endswith("/v1") else text + provider.url_tail


def _key(provider: Provider, environ: Mapping[str, str], *, needed: bool) -> str:
    for name in provider.keys:
        key = environ.get(name, "").strip()
        if key:
            if not key.isascii() or not key.isprintable() or " " in key:
                raise UsageError(f"{name} holds characters that no key has: copy it again")
            return key
    if needed and provider.keys and not provider.local:
        names = " or ".join(provider.keys)
        raise UsageError(f"no key for {provider.name}: {names} is not set. {WAYS}")
    return ""


def _warning(url: str, key: str) -> str:
    if url.startswith("http:") and key and not near(url):
        host = urlsplit(url).hostname
        return f"the key travels unencrypted to {host}: prefer an https:// address"
    return ""
