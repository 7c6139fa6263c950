"""`codex-py models`: every model we know, and what the servers on this machine have."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from codex_py.brain import keyed
from codex_py.core.errors import UsageError
from codex_py.core.money import FREE, Price, written
from codex_py.models.catalogue import Catalogue, Model, Provider, load
from codex_py.models.connect import has_key
from codex_py.models.oss import Here, here
from codex_py.models.servers import At, Listed, detailed
from codex_py.settings import Settings
from codex_py.settings import load as read_settings
from codex_py.ui.asjson import as_json
from codex_py.ui.text import count, visible

ABOUT = """\
List the models of the catalogue (and of models.toml) with context, efforts, price, pictures and
whether a key is set; then what the model servers on this machine have. A server that is not in
the list of providers is set up under [model_providers.NAME] in config.toml.
"""
HEAD = ("MODEL", "CONTEXT", "EFFORTS", "$ IN / CACHED / OUT", "PICTURES", "KEY")


def main(argv: Sequence[str]) -> int:
    """List, or `test` one. Returns the exit code."""
    if argv[:1] == ["test"]:
        from codex_py.ui.model_test import main as test  # late: opens a client

        return test(argv[1:])
    parser = argparse.ArgumentParser(
        prog="codex-py models",
        description=ABOUT,
        epilog="codex-py models test [NAME]: a small real round trip with a tool call",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("provider", nargs="?", default="", help="only this provider's")
    parser.add_argument("--json", action="store_true", help="one object a line")
    args = parser.parse_args(argv)
    settings = read_settings(os.environ)
    known = load(settings.home)
    if args.provider and args.provider not in known.providers:
        names = ", ".join(known.providers)
        raise UsageError(f"there is no provider {args.provider!r}; known: {names}")
    environ = keyed(settings, os.environ, known)
    rows = catalogued(known, environ, args.provider)
    servers = [
        each for each in here(environ, known) if not args.provider or each.provider == args.provider
    ]
    rows += [row for each in servers for row in serving(each, known)]
    if args.json:
        for row in rows:
            sys.stdout.write(as_json(row) + "\n")
        return 0
    sys.stdout.write(table(rows))
    sys.stdout.write(footer(known, servers, settings, args.provider))
    return 0


def catalogued(
    known: Catalogue, environ: Mapping[str, str], provider: str = ""
) -> list[dict[str, Any]]:
    """The catalogue's models as plain data."""
    found = []
    for model in known.models:
        server = known.providers.get(model.provider)
        if provider and model.provider != provider:
            continue
        found.append(row_of(model, server, environ))
    return found


def row_of(model: Model, server: Provider | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """One model as plain data; null where a fact is not known."""
    keys = server.keys if server else ()
    return {
        "name": model.name,
        "provider": model.provider,
        "context": model.window,
        "max_output": model.max_output or None,
        "efforts": list(model.efforts),
        "default_effort": model.default_effort or None,
        "reasoning": model.reasoning,
        "price": priced(FREE if model.provider == "local" else model.price),
        "pictures": model.pictures,
        "key": not keys or (server is not None and any(environ.get(each) for each in keys)),
        "key_from": list(keys),
        "yours": model.own,
        "unverified": list(model.unverified),
    }


def priced(price: Price | None) -> dict[str, str] | None:
    """A price as exact text, US dollars per million tokens."""
    if price is None:
        return None
    parts = {"input": price.input, "cached": price.cached, "output": price.output}
    return {name: written(each) for name, each in parts.items()}


def serving(server: Here, known: Catalogue) -> list[dict[str, Any]]:
    """What a server on this machine has, as plain data."""
    at = At(known.providers[server.provider].kind, server.base_url)
    return [listed(each, server) for each in detailed(at, server.models)]


def listed(model: Listed, server: Here) -> dict[str, Any]:
    """A server's own word about one of its models, as plain data."""
    return {
        "name": f"{server.provider}/{model.name}",
        "provider": server.provider,
        "server": server.base_url,
        "context": model.window or model.most or None,
        "context_now": model.window or None,
        "loaded": model.loaded,
        "tools": model.tools,
        "price": priced(model.price),
        "pictures": model.pictures,
        "key": True,
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows for people, columns aligned."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    wide = [max(len(row[at]) for row in cells) for at in range(len(HEAD))]
    lines = [
        "  ".join(cell.ljust(size) for cell, size in zip(row, wide, strict=True)) for row in cells
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    sees = row["pictures"]
    marks = "".join(("*" if row.get("unverified") else "", "†" if row.get("yours") else ""))
    context = count(row["context"]) if row["context"] else "?"
    if row.get("loaded"):
        context += " (loaded)"
    key = ("set" if row["key"] else "no key") if row.get("key_from") else "not needed"
    return (
        visible(str(row["name"])) + marks,
        context,
        " ".join(row.get("efforts", ())) or ("any" if row.get("reasoning") else "-"),
        _cost(row["price"]),
        "?" if sees is None else "yes" if sees else "no",
        key,
    )


def _cost(price: Mapping[str, str] | None) -> str:
    if price is None:
        return "unknown"
    numbers = [price[each] for each in ("input", "cached", "output")]
    if all(each == "0" for each in numbers):
        return "free"
    return " / ".join(_padded(each) for each in numbers)


def _padded(number: str) -> str:
    whole, _, rest = number.partition(".")
    return f"{whole}.{rest.ljust(2, '0')}"


def footer(known: Catalogue, servers: Sequence[Here], settings: Settings, provider: str) -> str:
    """What the marks mean, which servers answered, and where a missing key is got."""
    own = settings.home / "models.toml"
    lines = [f"prices of {known.priced}, US dollars per million tokens; yours win: {own}"]
    for server in servers:
        key = " (it wants a key)" if server.locked else ""
        lines.append(f"{server.label} answers at {server.base_url}{key}")
    if not servers:
        lines.append("no model server answers on this machine")
    environ = keyed(settings, os.environ, known)
    for name, each in known.providers.items() if not provider else ():
        if each.keys and each.keys_at and not has_key(each, environ):
            how = f"set {each.keys[0]} or `codex-py login {name}`"
            lines.append(f"{each.label}: {how} ({each.keys_at})")
    return "\n" + "".join(f"{line}\n" for line in lines)
