"""Reading settings: overrides over profile over user file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

from codex_py.core.errors import UsageError
from codex_py.core.modes import MODES
from codex_py.settings.amounts import money, span
from codex_py.settings.values import EFFORTS, Provider, Settings


def home(environ: Mapping[str, str]) -> Path:
    """The folder of everything we keep."""
    given = environ.get("CODEX_PY_HOME")
    return Path(given).expanduser().absolute() if given else Path.home() / ".codex-py"


def load(
    environ: Mapping[str, str],
    *,
    profile: str = "",
    overrides: tuple[str, ...] = (),
) -> Settings:
    """Read `config.toml`, then `PROFILE.config.toml`, then `-c key=value` pairs.

    Raises UsageError that names the file or the option, the key and what is wrong.
    """
    folder = home(environ)
    data: dict[str, Any] = {}
    path = folder / "config.toml"
    if path.exists():
        data = _table(path)
    if profile:
        layer = folder / f"{profile}.config.toml"
        if layer.is_file():
            data = merged(data, _table(layer))
        elif isinstance(data.get("profiles"), dict) and profile in data["profiles"]:
            data = merged(data, data["profiles"][profile])
        else:
            raise UsageError(f"no profile {profile!r}: make {layer} or [profiles.{profile}]")
    whole = data
    for each in overrides:
        whole = merged(whole, override(each))
    try:
        found = _settings(folder, whole, str(path))
    except UsageError:
        _settings(folder, data, str(path))  # the file's own fault is told as the file's
        keys = (each.partition("=")[0].strip() for each in overrides)
        found = _settings(folder, whole, " ".join(f"-c {each}" for each in keys))
    if not found.openai_base_url and environ.get("OPENAI_BASE_URL"):
        found = replace(found, openai_base_url=environ["OPENAI_BASE_URL"])
    return found


def merged(low: dict[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one, the second winning, table by table."""
    found = dict(low)
    for key, value in high.items():
        if isinstance(value, Mapping) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        else:
            found[key] = value
    return found


def override(text: str) -> dict[str, Any]:
    """`a.b=value` as nested tables; the value is TOML, or plain text when it is not."""
    import tomllib  # late: 10 ms, and most starts have no config file

    key, found, value = text.partition("=")
    if not found or not key.strip():
        raise UsageError(f"-c {text!r}: expected key=value, for example -c model=o3")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    for part in reversed(key.strip().split(".")):
        parsed = {part: parsed}
    return cast(dict[str, Any], parsed)


def _table(path: Path) -> dict[str, Any]:
    import tomllib  # late: 10 ms, and most starts have no config file

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error


ELSEWHERE = {
    "profiles",
    "projects",
    "sandbox_workspace_write",
    "sandbox_mode",
    "approval_policy",
    "tui",
    "mcp_servers",
    "history",
    "notice",
    "features",
    "hooks",
    "shell_environment_policy",
}
"""Keys that are not settings of their own: read elsewhere, or Codex's and harmless."""


WALL = {
    "writable_roots": "tuple[str, ...]",
    "writable": "tuple[str, ...]",
    "readable": "tuple[str, ...]",
    "keep_env": "tuple[str, ...]",
    "network_access": "bool",
}
"""Keys of `[sandbox_workspace_write]`."""
TUI = {"theme": "str", "vi_keys": "bool", "notifications": "bool"}
"""Keys of `[tui]` that are ours; Codex has others there."""
INTERNAL = {"home", "mode_given", "model_given", "output_schema", *WALL, *TUI}


def _settings(folder: Path, data: Mapping[str, Any], where: str) -> Settings:
    known = {each.name: each for each in fields(Settings)}
    given: dict[str, Any] = {}
    for key, value in data.items():
        if key in ELSEWHERE:
            continue
        if key in WALL:
            raise UsageError(f"{where}: {key} belongs to [sandbox_workspace_write]")
        if key not in known or key in INTERNAL:
            raise UsageError(f"{where}: unknown setting {key!r}{_near(key, known)}")
        given[key] = _value(key, value, str(known[key].type), where)
    table = data.get("sandbox_workspace_write", {})
    for key, value in table.items() if isinstance(table, Mapping) else ():
        if key not in WALL:
            raise UsageError(
                f"{where}: unknown setting sandbox_workspace_write.{key}{_near(key, WALL)}"
            )
        given[key] = _value(key, value, WALL[key], where)
    table = data.get("tui", {})
    for key, kind in TUI.items() if isinstance(table, Mapping) else ():
        if key in table:
            given[key] = _value(f"tui.{key}", table[key], kind, where)
    if "approval_mode" in given:
        given["mode_given"] = True
    if "model" in given:
        given["model_given"] = True
    found = Settings(home=folder, **given)
    _check(found, where)
    return found


def _value(key: str, value: Any, kind: str, where: str) -> Any:
    wrong = UsageError(f"{where}: {key} must be {_spoken(kind)}, not {value!r}")
    if kind == "Mapping[str, Provider]":
        return _providers(value, where)
    if kind == "bool":
        if not isinstance(value, bool):
            raise wrong
        return value
    if kind in ("Money", "Span"):
        return (
            money(value, f"{where}: {key}") if kind == "Money" else span(value, f"{where}: {key}")
        )
    if kind in ("int", "float"):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e15:
            raise wrong
        if kind == "int" and value != int(value):
            raise wrong
        return int(value) if kind == "int" else float(value)
    if kind == "tuple[str, ...]":
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise wrong
        return tuple(value)
    if not isinstance(value, str):
        raise wrong
    return value


def _spoken(kind: str) -> str:
    return {
        "bool": "true or false",
        "int": "a whole number",
        "float": "a number of seconds",
        "tuple[str, ...]": "a list of strings",
    }.get(kind, "a string")


KINDS = ("", "ollama", "lmstudio", "llamacpp", "vllm")
"""Kinds of servers that tell of their models in a way of their own."""


def _providers(value: Any, where: str) -> dict[str, Provider]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: model_providers must hold tables")
    found = {}
    for name, table in value.items():
        if not isinstance(table, Mapping) or not isinstance(table.get("base_url"), str):
            raise UsageError(f'{where}: model_providers.{name} needs base_url = "https://…"')
        wire = table.get("wire_api", "responses")
        if wire not in ("responses", "chat"):
            raise UsageError(
                f'{where}: model_providers.{name}.wire_api must be "responses" or "chat"'
            )
        kind = table.get("kind", "")
        if kind not in KINDS:
            named = ", ".join(each for each in KINDS if each)
            raise UsageError(f"{where}: model_providers.{name}.kind must be one of {named}")
        tables: dict[str, dict[str, str]] = {}
        for key in ("http_headers", "env_http_headers", "query_params"):
            given = table.get(key, {})
            if not isinstance(given, Mapping):
                raise UsageError(f"{where}: model_providers.{name}.{key} must be a table")
            tables[key] = {str(one): str(each) for one, each in given.items()}
        found[str(name)] = Provider(
            name=str(table.get("name", name)),
            base_url=table["base_url"],
            env_key=str(table.get("env_key", "")),
            wire_api=wire,
            kind=kind,
            **tables,
        )
    return found


def _check(found: Settings, where: str) -> None:
    choices: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("approval_mode", found.approval_mode, MODES),
        ("model_reasoning_effort", found.model_reasoning_effort, ("", *EFFORTS)),
        (
            "model_reasoning_summary",
            found.model_reasoning_summary,
            ("", "auto", "concise", "detailed", "none"),
        ),
        ("model_verbosity", found.model_verbosity, ("", "low", "medium", "high")),
        ("web_search", found.web_search, ("disabled", "cached", "live")),
        ("model_pictures", found.model_pictures, ("", "yes", "no")),
        ("thumbnails", found.thumbnails, ("auto", "off", "kitty", "iterm2", "sixel")),
        ("image_detail", found.image_detail, ("", "auto", "low", "high", "original")),
        ("git", found.git, ("commit", "read-only")),
    )
    for key, value, allowed in choices:
        if value not in allowed:
            named = ", ".join(each for each in allowed if each)
            raise UsageError(f"{where}: {key} = {value!r} is not one of {named}")


def _near(key: str, known: Mapping[str, object]) -> str:
    import difflib  # late: only on the way out with an error

    close = difflib.get_close_matches(key, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
