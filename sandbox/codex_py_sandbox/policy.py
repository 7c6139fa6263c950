"""What a command may touch, as plain data: frozen values, JSON in and out, no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

Mode = Literal["read-only", "workspace-write", "unrestricted"]
Git = Literal["commit", "read-only"]
Network = Literal["off", "on"]
Tmp = Literal["private", "none"]
Caches = Literal["overlay", "redirect", "read-only"]

# Names below a root that make some other program run code or change its rules.
PROTECTED_NAMES = (
    ".codex-py",
    ".codex_py",
    ".codex",
    ".agents",
    ".claude",
    ".vscode",
    ".idea",
    ".devcontainer",
    ".envrc",
    ".mcp.json",
    ".husky",
    ".gitmodules",
)
# Those also refused when they do not exist yet: an empty folder stands in for the session.
RESERVED_NAMES = (".codex-py", ".codex_py", ".vscode")


class PolicyError(ValueError):
    """A policy that cannot be honoured; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of one command; None means no ceiling.

    `wall_s` is seconds until the whole tree is ended; `cpu_s`, `data_mb`, `fsize_mb` and `nofile`
    hold per process; `procs` and `memory_mb` hold for the whole tree where the system can do that.
    """

    wall_s: float | None = None
    cpu_s: int | None = None
    procs: int | None = 2048
    data_mb: int | None = None
    memory_mb: int | None = None
    fsize_mb: int | None = None
    nofile: int | None = None


@dataclass(frozen=True, slots=True)
class EnvRules:
    """How the parent's environment is scrubbed: `keep` and `drop` are names or globs, `set` wins.

    With `listed` only names of a known list pass at all; keys and tokens never do.
    """

    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """One confinement, as data. Paths are absolute; relative ones are refused.

    - `roots`: folders the command works in; writable in "workspace-write", only visible otherwise.
    - `git`: "commit" keeps what makes git run code read-only and the rest writable.
    - `protect`: names (below each root) or absolute paths that stay read-only inside roots;
      `reserve` are those refused even when they do not exist yet.
    - `deny_read`: absolute paths that cannot be read inside; `deny_read_globs` match below roots.
      `secrets` adds the usual places of keys, tokens and histories to them.
    - `own`: the caller's own data folders: never inside a root, never readable inside.
    - `allow_write`, `allow_read`: single paths that were granted: writable although they are
      outside or protected, readable although they are denied (never one of `own`).
    - `require`: capability names without which `select` refuses.
    """

    mode: Mode = "workspace-write"
    roots: tuple[Path, ...] = ()
    git: Git = "commit"
    protect: tuple[str, ...] = PROTECTED_NAMES
    reserve: tuple[str, ...] = RESERVED_NAMES
    deny_read: tuple[Path, ...] = ()
    deny_read_globs: tuple[str, ...] = ()
    secrets: bool = True
    own: tuple[Path, ...] = ()
    allow_write: tuple[Path, ...] = ()
    allow_read: tuple[Path, ...] = ()
    tmp: Tmp = "private"
    caches: Caches = "overlay"
    network: Network = "off"
    env: EnvRules = field(default_factory=EnvRules)
    limits: Limits = field(default_factory=Limits)
    require: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    def with_(self, **changes: Any) -> Policy:
        """The same policy with some fields changed; validated again."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """One line of JSON that `from_json` turns back into an equal policy."""
        return json.dumps(to_data(self), sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str | bytes) -> Policy:
        """The policy of `to_json`; PolicyError names the field that is wrong."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise PolicyError(f"the policy is not JSON: {error}") from None
        if not isinstance(data, dict):
            raise PolicyError("the policy must be a JSON object")
        return from_data(cast("dict[str, Any]", data))


def to_data(policy: Policy) -> dict[str, Any]:
    """The policy as JSON-able data."""
    limits = {f.name: getattr(policy.limits, f.name) for f in fields(Limits)}
    env = {
        "keep": list(policy.env.keep),
        "drop": list(policy.env.drop),
        "set": [list(pair) for pair in policy.env.set],
        "listed": policy.env.listed,
    }
    out: dict[str, Any] = {"limits": limits, "env": env}
    for item in fields(Policy):
        value = getattr(policy, item.name)
        if item.name in out:
            continue
        out[item.name] = [str(v) for v in value] if isinstance(value, tuple) else value
    return out


def from_data(data: Mapping[str, Any]) -> Policy:
    """A policy from JSON-able data; unknown fields and wrong types are refused by name."""
    known = {f.name for f in fields(Policy)}
    unknown = sorted(set(data) - known)
    if unknown:
        raise PolicyError(f"unknown policy field {unknown[0]!r}; known: {', '.join(sorted(known))}")
    given: dict[str, Any] = {}
    for name, value in data.items():
        if name == "limits":
            given[name] = _limits(value)
        elif name == "env":
            given[name] = _env(value)
        elif name in ("roots", "deny_read", "own", "allow_write", "allow_read"):
            given[name] = tuple(Path(v) for v in _strings(name, value))
        elif name in ("protect", "reserve", "deny_read_globs", "require"):
            given[name] = _strings(name, value)
        else:
            given[name] = value
    return Policy(**given)


def _strings(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise PolicyError(f"policy field {name!r} must be a list of strings")
    return tuple(value)


def _limits(value: object) -> Limits:
    if not isinstance(value, dict):
        raise PolicyError("policy field 'limits' must be an object")
    names = {f.name for f in fields(Limits)}
    for name, number in value.items():
        if name not in names:
            raise PolicyError(f"unknown limit {name!r}; known: {', '.join(sorted(names))}")
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise PolicyError(f"limit {name!r} must be a number or null")
    return Limits(**value)


def _env(value: object) -> EnvRules:
    if not isinstance(value, dict) or set(value) - {"keep", "drop", "set", "listed"}:
        raise PolicyError("policy field 'env' must be an object with keep, drop, set and listed")
    if not isinstance(value.get("listed", False), bool):
        raise PolicyError("policy field 'env.listed' must be true or false")
    pairs = value.get("set", [])
    if not isinstance(pairs, list) or not all(
        isinstance(p, list) and len(p) == 2 and all(isinstance(s, str) for s in p) for p in pairs
    ):
        raise PolicyError("policy field 'env.set' must be a list of [name, value] pairs")
    return EnvRules(
        _strings("env.keep", value.get("keep", [])),
        _strings("env.drop", value.get("drop", [])),
        tuple((p[0], p[1]) for p in pairs),
        value.get("listed", False),
    )


def _check(policy: Policy) -> None:
    for name, allowed in (
        ("mode", Mode),
        ("git", Git),
        ("network", Network),
        ("tmp", Tmp),
        ("caches", Caches),
    ):
        value = getattr(policy, name)
        if value not in get_args(allowed):
            choices = ", ".join(get_args(allowed))
            raise PolicyError(f"policy field {name!r} is {value!r}; it must be one of: {choices}")
    if not isinstance(policy.secrets, bool):
        raise PolicyError("policy field 'secrets' must be true or false")
    for name in ("roots", "deny_read", "own", "allow_write", "allow_read"):
        for path in getattr(policy, name):
            _check_path(name, path)
    if policy.mode == "workspace-write" and not policy.roots:
        raise PolicyError("workspace-write needs at least one root folder")
    for name in policy.protect + policy.reserve:
        if not name or name in (".", "..", "/") or "\0" in name or ".." in name.split("/"):
            raise PolicyError(f"{name!r} cannot be protected: give a plain name or absolute path")
    for limit in fields(Limits):
        number = getattr(policy.limits, limit.name)
        if number is not None and not 0 < number < 1 << 40:
            raise PolicyError(f"limit {limit.name!r} is {number!r}; it must be above zero")


def _check_path(name: str, path: Path) -> None:
    text = str(path)
    if not path.is_absolute() or "\0" in text or ".." in path.parts:
        raise PolicyError(f"policy field {name!r} has {text!r}; give an absolute path without '..'")
