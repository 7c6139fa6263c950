"""Settings become a brain: a model client with all that is known of its model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from codex_py.core.client import ModelClient
from codex_py.core.entries import Context, Entry
from codex_py.core.errors import UsageError
from codex_py.core.kit import silent
from codex_py.core.money import FREE, Price
from codex_py.core.request import ModelSettings
from codex_py.dataclass import dataclass
from codex_py.eyes import Eyes
from codex_py.redact import Redactor
from codex_py.settings import Settings
from codex_py.settings.keys import headers_of, places, redactor, stored

if TYPE_CHECKING:
    from codex_py.models.asking import Asking
    from codex_py.models.catalogue import Catalogue, Model
    from codex_py.models.catalogue import Provider as Server
    from codex_py.models.connect import Choice, Located
    from codex_py.models.learned import Learned
    from codex_py.models.servers import At


def idle() -> None:
    """Does nothing."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A model that needs its own small set of tools and words."""

    instructions: str
    tools: tuple[str, ...]
    max_steps: int = 0
    nudge: Callable[[Sequence[Entry]], str] = silent
    files: Callable[[Sequence[tuple[str, int]]], Context] | None = None
    """Tells the model the workspace's files and their sizes, where it needs them."""


@dataclass(frozen=True, slots=True)
class Brain:
    """A client and what the agent must know of the model behind it."""

    client: ModelClient
    label: str
    settings: ModelSettings
    patch_style: str
    vision: bool
    key_names: frozenset[str]
    """Environment variables that hold our own keys: no command sees them."""
    clean: Redactor
    """Takes every secret known at this start out of what leaves."""
    body: Callable[..., object]
    """What the client would send for a request, as JSON data."""
    profile: Profile | None = None
    model: Model | None = None
    """What the catalogue knows of it: window, price, efforts."""
    price: Price | None = None
    """What its tokens cost as it is asked here; None when not known."""
    asking: Asking | None = None
    """Asks its server how much it holds, where that is only guessed."""
    warning: str = ""
    """What the user should know, empty when all is well."""
    warm: Callable[[], None] = idle
    """Does the slow imports now; call it early, from any thread."""

    def sampling(self, session: str) -> ModelSettings:
        """How to sample in one session: its id keys the provider's prompt cache."""
        return replace(self.settings, cache_key=session)

    @property
    def window(self) -> int:
        """Tokens it can hold; 0 when not known."""
        if self.model is not None:
            return (self.asking.found if self.asking else 0) or self.model.window
        from codex_py.models.local_server import CONTEXT  # late: only for the embedded model

        return CONTEXT

    def eyes(self, detail: str = "") -> Eyes:
        """How it looks at pictures, `detail` being the user's own word on how closely."""
        found = self.model.eyes if self.model else Eyes()
        return replace(found, detail=detail) if detail else found

    @property
    def max_steps(self) -> int:
        """The model's own limit of steps; 0 for none."""
        return self.profile.max_steps if self.profile else 0

    @property
    def nudge(self) -> Callable[[Sequence[Entry]], str]:
        """Reminders for a model that stops early."""
        return self.profile.nudge if self.profile else silent


Tell = Callable[[str], None]
"""Is given a line when something takes its time."""


def choose(settings: Settings, environ: Mapping[str, str], tell: Tell) -> Brain:
    """The brain that the settings name. Raises UsageError with all the ways when there is none.

    Nothing slow is imported. Only a server on this machine, and a hosted one for a model nobody
    knows, is asked what it says of the model (models/learned.py).
    """
    from codex_py.models import catalogue  # late: --help knows no models
    from codex_py.models.connect import as_chosen, has_key, key_names, locate, reach

    known = catalogue.load(settings.home)
    own = _own(settings)
    hidden = key_names(known, own)
    clean = redactor(settings, environ, hidden)
    if settings.local:
        return _local(settings, environ, tell, hidden, clean)
    environ = keyed(settings, environ, known, own)
    chosen = _choice(settings, own, environ, known, tell)
    model = known.find(chosen.model, chosen.provider)
    server = known.providers.get(model.provider)
    unset = server is not None and not has_key(server, environ)
    if model.provider == "openai" and unset and not settings.openai_base_url:
        raise UsageError(_no_key(settings))
    place = locate(chosen, known, environ)
    told = _told(settings, place) if place.url else None
    if told is not None:
        place = replace(place, model=as_chosen(told.model, chosen))
    found = reach(chosen, place)
    sampling = catalogue.sampling(
        found.model,
        effort=settings.model_reasoning_effort,
        summary=settings.model_reasoning_summary,
        verbosity=settings.model_verbosity,
        tier=settings.service_tier,
    )
    wanted = "" if settings.web_search == "disabled" else settings.web_search
    blind = bool(wanted) and not found.searches
    lacking = f"{found.model.name} has no web search of its own: it stays off" if blind else ""
    return Brain(
        client=found.client,
        label=found.model.name,
        settings=replace(sampling, search="" if blind else wanted),
        patch_style=found.model.patch_style,
        vision=found.model.pictures,
        key_names=hidden,
        clean=clean,
        body=found.body,
        warm=found.warm,
        warning="; ".join(filter(None, (found.warning, told.warning if told else "", lacking))),
        model=found.model,
        asking=_asking(chosen, place),
        price=found.model.price if settings.service_tier in STANDARD else None,
    )


def _told(settings: Settings, place: Located) -> Learned | None:
    """What the model's server says of it, where it is worth asking."""
    provider = place.provider
    if not (provider.local or (provider.asks and not place.model.known)):
        return None
    from codex_py.models.learned import learned  # late: asks a server
    from codex_py.models.servers import At

    at = At(provider.kind, place.url, place.key, provider.key_header, _authority(settings))
    return learned(place.model, provider, at, settings.home)


def _asking(chosen: Choice, place: Located) -> Asking | None:
    """The question how much a model holds, where that is guessed and its server may tell."""
    from codex_py.models.catalogue import WINDOW

    model, provider = place.model, place.provider
    guessed = not model.known and not model.own and model.window == WINDOW and not chosen.window
    silent = provider.name in ("openai", "azure") and not chosen.base_url  # known not to tell
    if not place.url or not guessed or silent:
        return None
    from codex_py.models.asking import Asking  # late: only for models nobody knows

    def at() -> At:
        from codex_py.models.servers import At  # late: nothing of it at the start

        found = At(provider.kind, place.url, place.key, provider.key_header, chosen.authority)
        return replace(found, headers=chosen.headers, query=place.query)

    return Asking(at, model.slug, WINDOW)


STANDARD = ("", "auto", "default")
"""Service tiers at the catalogue's price."""


def _own(settings: Settings) -> tuple[Server, ...]:
    from codex_py.models.catalogue import Provider as Server  # late: --help knows no models

    kept = places(settings.home)
    return tuple(
        Server(
            name=name,
            label=each.name,
            base_url=each.base_url,
            wire=each.wire_api,
            keys=(each.env_key,) if each.env_key else (f"login {name}",) if name in kept else (),
            kind=each.kind,
            local=bool(each.kind),
        )
        for name, each in settings.model_providers.items()
    )


def keyed(
    settings: Settings,
    environ: Mapping[str, str],
    known: Catalogue,
    own: Sequence[Server] = (),
) -> Mapping[str, str]:
    """The environment with the kept keys of providers that have none there."""
    found = dict(environ)
    servers = {**known.providers, **{each.name: each for each in own}}
    for name, key in stored(settings.home).items():
        names = servers[name].keys if name in servers else ()
        if names and not any(environ.get(each) for each in names):
            found[names[0]] = key
    return found


def _choice(
    settings: Settings,
    own: tuple[Server, ...],
    environ: Mapping[str, str],
    known: Catalogue,
    tell: Tell,
) -> Choice:
    from codex_py.models.connect import Choice  # late: --help knows no models

    model, provider, url = settings.model, settings.model_provider, ""
    head = model.partition("/")[0]
    if settings.oss:
        from codex_py.models.oss import choose as there  # late: asks ports of this machine

        named = settings.model if settings.model_given else ""
        model, provider, url = there(environ, known, named, tell)
    elif not provider and any(each.name == head for each in own):
        provider, model = head, model.partition("/")[2]
    if not url and provider in ("", "openai") and head in ("openai", model):
        url = settings.openai_base_url
    elif not url and not provider and settings.openai_base_url and "/" in model:
        # A server of the user's own may name its models with a slash.
        provider, url = "openai", settings.openai_base_url
    mine = settings.model_providers.get(provider)
    return Choice(
        model=model,
        provider=provider,
        base_url=url,
        own=own,
        headers={**mine.http_headers, **headers_of(mine.env_http_headers, environ)} if mine else {},
        query=mine.query_params if mine else {},
        window=settings.model_context_window,
        pictures=settings.model_pictures,
        idle=settings.stream_idle_timeout_ms / 1000,
        retries=settings.request_max_retries,
        turn_retries=settings.turn_max_retries,
        away=settings.network_wait,
        authority=_authority(settings),
    )


def _authority(settings: Settings) -> str:
    """The file of certificates, found to be one now rather than at the first request."""
    if not settings.ca_certificate:
        return ""
    path = Path(settings.ca_certificate).expanduser()
    if not path.is_file():
        raise UsageError(f"ca_certificate: there is no file {path}")
    return str(path)


def _no_key(settings: Settings) -> str:
    from codex_py.models.advice import find_servers, no_key  # late: asks ports of this machine
    from codex_py.models.local import missing

    return no_key(find_servers(), installed=not missing(settings.home))


NO_SEARCH = "the embedded model has no web search: it stays off"


def _local(
    settings: Settings,
    environ: Mapping[str, str],
    tell: Tell,
    hidden: frozenset[str],
    clean: Redactor,
) -> Brain:
    from codex_py.models import local_profile as profile  # late: the small model's own words
    from codex_py.models.local import missing, open_local
    from codex_py.models.local_dialect import body
    from codex_py.models.retrying import Retrying

    own = settings.local_model
    lacking = missing(settings.home, own=own)
    if lacking:
        raise UsageError(f"--local: {lacking}")
    idle = settings.local_idle_minutes * 60.0
    client = open_local(settings.home, environ, tell, own=own, idle=idle)
    name = os.path.basename(own).removesuffix(".gguf") if own else "Qwen2.5-Coder-1.5B"
    return Brain(
        client=Retrying(client, 2),
        label=f"local {name}",
        settings=ModelSettings(name.lower(), parallel=False),
        warning=NO_SEARCH if settings.web_search != "disabled" else "",
        patch_style="replace",
        vision=False,
        key_names=hidden,
        clean=clean,
        price=FREE,
        body=body,
        profile=Profile(
            profile.INSTRUCTIONS,
            profile.TOOLS,
            profile.MAX_STEPS,
            profile.nudge,
            profile.files,
        ),
    )
