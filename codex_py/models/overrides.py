"""The user's own models.toml: prices, windows and efforts laid over the catalogue's."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from codex_py.core.errors import UsageError
from codex_py.core.money import Price
from codex_py.models.catalogue import Model, Provider

KINDS: dict[str, type] = {
    "window": int,
    "max_output": int,
    "efforts": list,
    "default_effort": str,
    "reasoning": bool,
    "summaries": bool,
    "pictures": bool,
    "verbosity": bool,
    "patch_style": str,
    "price": list,
}
"""What can be set of a model, and as what."""
SPOKEN = {int: "a whole number", list: "a list", str: "a string", bool: "true or false"}
STYLES = ("patch-freeform", "patch-function", "replace")


def laid_over(
    models: tuple[Model, ...], providers: Mapping[str, Provider], path: Path
) -> tuple[Model, ...]:
    """The models with what the file says of them; models it alone names are added.

    A table is `[models.NAME]` or `[models."provider/NAME"]`. Raises UsageError that names the
    file, the table and what is wrong.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    tables = data.get("models", {})
    extra = [key for key in data if key != "models"]
    if extra or not isinstance(tables, Mapping):
        raise UsageError(f"{path}: expected tables [models.NAME], not {(extra or ['models'])[0]!r}")
    found = {(each.provider, each.slug): each for each in models}
    for name, table in tables.items():
        where = f"{path}: models.{name}"
        if not isinstance(table, Mapping):
            raise UsageError(f"{where} must be a table")
        head, slash, tail = name.partition("/")
        # The first part is a provider, of the catalogue's or of the user's own settings.
        key = (head, tail) if slash else ("openai", name)
        old = found.get(key) or Model(key[1], key[0], pictures=_sees(providers.get(key[0])))
        found[key] = replace(old, **_facts(table, where), own=True)
    return tuple(found.values())


def _sees(provider: Provider | None) -> bool:
    return provider is not None and provider.pictures


def _facts(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        kind = KINDS.get(key)
        if kind is None:
            raise UsageError(f"{where}: unknown key {key!r}; known: {', '.join(KINDS)}")
        whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
        if not isinstance(value, kind) or (kind is int and not whole):
            raise UsageError(f"{where}.{key} must be {SPOKEN[kind]}, not {value!r}")
        found[key] = value
    if "price" in found:
        found["price"] = _price(found["price"], where)
    if "efforts" in found:
        if not all(isinstance(each, str) for each in found["efforts"]):
            raise UsageError(f"{where}.efforts must be a list of strings")
        found["efforts"] = tuple(found["efforts"])
        found.setdefault("reasoning", bool(found["efforts"]))
    if found.get("patch_style", STYLES[0]) not in STYLES:
        raise UsageError(f"{where}.patch_style must be one of {', '.join(STYLES)}")
    return found


def _price(value: list[Any], where: str) -> Price:
    numbers = [Decimal(each) for each in value if type(each) in (int, Decimal)]
    wrong = len(numbers) != 3 or len(value) != 3
    if wrong or any(not each.is_finite() or each < 0 for each in numbers):
        raise UsageError(
            f"{where}.price must be three numbers, US dollars per million tokens: "
            "[input, cached input, output]"
        )
    return Price(*numbers)
