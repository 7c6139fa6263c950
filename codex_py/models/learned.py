"""What is known of a model, with what its server says of it; and one line when it is not there."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from codex_py.core.errors import UsageError
from codex_py.core.money import Price, read, written
from codex_py.dataclass import dataclass
from codex_py.models.catalogue import Model, Provider
from codex_py.models.servers import At, Listed, Locked, Silent, about, listing, named

DAY = 86_400.0
"""Seconds for which a hosted server's list of models is believed."""
SMALL = 16_000
"""Tokens of context under which an agent soon runs out of room."""
SHOWN = 12
"""Names of models that an error lists."""


@dataclass(frozen=True, slots=True)
class Learned:
    """The model, and what the user should know of it; empty when all is well."""

    model: Model
    warning: str = ""


def learned(model: Model, provider: Provider, at: At, home: Path) -> Learned:
    """Ask the server of a model about it, where its server tells more than its name.

    A server on this machine is asked every time; a hosted one that is worth it once a day, and
    only for models that neither the catalogue nor the user's models.toml knows. Raises UsageError
    when a server on this machine does not answer or has no such model.
    """
    if provider.local:
        return _local(model, provider, at)
    if provider.asks and not model.known:
        found = named(_hosted(provider, at, home), model.slug)
        return Learned(_with(model, found) if found is not None else model)
    return Learned(model)


def _local(model: Model, provider: Provider, at: At) -> Learned:
    label = f"{provider.label or provider.name} at {at.base_url}"
    try:
        found, every = about(at, model.slug)
    except Locked:
        return Learned(model)  # the first request says which key is wrong
    except Silent:
        how = f": start it with `{provider.start}`" if provider.start else ""
        raise UsageError(f"nobody answers as {label}{how}") from None
    if not every:
        get = f": `{provider.get.format('NAME')}`" if provider.get else ""
        raise UsageError(f"{label} has no model yet{get}")
    if found is None:
        names = ", ".join(each.name for each in every[:SHOWN])
        more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
        get = f"; get it with `{provider.get.format(model.slug)}`" if provider.get else ""
        raise UsageError(f"{label} has no model {model.slug!r}. It has: {names}{more}{get}")
    return Learned(_with(model, found), _narrow(found, provider))


def _narrow(found: Listed, provider: Provider) -> str:
    """A warning about a context that is, or may be, too small for the work."""
    how = f" ({provider.widen})" if provider.widen else ""
    if found.window and found.window < SMALL:
        return f"{found.name} has a context of only {found.window:,} tokens here{how}"
    if not found.window and provider.kind == "ollama":
        told = f"Ollama does not say which context it will give {found.name}"
        return f"{told}; its default may be as little as 4,096 tokens{how}"
    return ""


def _with(model: Model, found: Listed) -> Model:
    """The model with what its server says, which wins over guesses and not over the user's file."""
    window = found.window or found.most
    if window and not model.own:
        model = replace(model, window=window)
    if found.pictures is not None and not model.own:
        model = replace(model, pictures=found.pictures)
    if found.price is not None and model.price is None:
        model = replace(model, price=found.price)
    return replace(model, slug=found.name)


def _hosted(provider: Provider, at: At, home: Path) -> tuple[Listed, ...]:
    """The models of a hosted server, from the cache of today or anew; none when it is silent."""
    path = home / "cache" / f"models-{provider.name}.json"
    kept = _kept(path, at)
    if kept is not None:
        return kept
    try:
        found = listing(replace(at, timeout=4.0))
    except Silent:
        return ()
    _keep(path, at, found)
    return found


def _kept(path: Path, at: At) -> tuple[Listed, ...] | None:
    try:
        if time.time() - path.stat().st_mtime > DAY:
            return None
        data = json.loads(path.read_bytes())
        if data["url"] != at.base_url:
            return None
        return tuple(_revived(each) for each in data["models"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _revived(row: dict[str, Any]) -> Listed:
    prices = [read(each) for each in row["price"] or ()]
    price = Price(*(each for each in prices if each is not None)) if len(prices) == 3 else None
    return Listed(
        row["name"], row["window"], row["window"], None, row["tools"], row["pictures"], price
    )


def _keep(path: Path, at: At, found: tuple[Listed, ...]) -> None:
    """Write the cache; one that cannot be written costs a question tomorrow."""
    rows = [
        {
            "name": each.name,
            "window": each.window,
            "tools": each.tools,
            "pictures": each.pictures,
            "price": [
                written(one) for one in (each.price.input, each.price.cached, each.price.output)
            ]
            if each.price
            else None,
        }
        for each in found
    ]
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.write_text(json.dumps({"url": at.base_url, "models": rows}), "utf-8")
        os.replace(fresh, path)
    except OSError:
        fresh.unlink(missing_ok=True)
