"""Keys at rest: a private file, or the system's keyring; and all secrets known to this run.

The environment wins over both. The file is `auth.json` in the home folder, mode 0600; a key that
lies in the keyring is only named there.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codex_py.core.errors import UsageError
from codex_py.redact import NO_SECRETS, Redactor
from codex_py.settings.values import Settings

FILE = "auth.json"
SERVICE = "codex-py"
"""Our name in the keyring."""
SECRET_NAME = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$", re.IGNORECASE
)
"""Names of variables whose value is treated as a secret when it looks like one."""
PRIVATE = ("auth", "key", "token", "secret", "cookie")
"""Headers with one of these words in the name carry secrets."""
RANDOM = 16
"""Least characters of a value that looks like a secret."""


def stored(home: Path) -> dict[str, str]:
    """The keys kept for providers, by provider. Raises UsageError when others may read the file."""
    found: dict[str, str] = {}
    for name, entry in _read(home / FILE).items():
        if entry.get("store") == "keyring":
            key = _keyring().get_password(SERVICE, name) or ""
        else:
            key = entry.get("key", "")
        if isinstance(key, str) and key:
            found[name] = key
    return found


def places(home: Path) -> dict[str, str]:
    """Where each stored key lies: `auth.json` or `keyring`. No key is read from the keyring."""
    return {
        name: "keyring" if entry.get("store") == "keyring" else FILE
        for name, entry in _read(home / FILE).items()
    }


def store(home: Path, provider: str, key: str, *, keyring: bool = False) -> str:
    """Keep a key; returns where. Raises UsageError when it is no key or cannot be kept."""
    key = checked(key)
    entries = _read(home / FILE)
    if keyring:
        _keyring().set_password(SERVICE, provider, key)
        entries[provider] = {"store": "keyring"}
    else:
        entries[provider] = {"key": key}
    _write(home / FILE, entries)
    return "the system's keyring" if keyring else str(home / FILE)


def forget(home: Path, provider: str) -> bool:
    """Take a kept key away; whether there was one."""
    entries = _read(home / FILE)
    entry = entries.pop(provider, None)
    if entry is None:
        return False
    if entry.get("store") == "keyring":
        keyring = _keyring()
        if keyring.get_password(SERVICE, provider) is not None:
            keyring.delete_password(SERVICE, provider)
    _write(home / FILE, entries)
    return True


def checked(key: str) -> str:
    """A key as it was meant. Raises UsageError, without showing it, for what no key looks like."""
    key = key.strip()
    if not key:
        raise UsageError("no key was given")
    if not key.isascii() or not key.isprintable() or " " in key or len(key) > 4_096:
        raise UsageError("this holds characters that no key has: copy it again")
    return key


def redactor(settings: Settings, environ: Mapping[str, str], names: frozenset[str]) -> Redactor:
    """All that must not leave: values of the variables named, of others whose name says that they
    hold a secret, stored keys, and private headers of the user's own servers.
    """
    found = [environ.get(name, "") for name in names]
    found += [value for name, value in environ.items() if _secret(name, value)]
    found += stored(settings.home).values()
    for provider in settings.model_providers.values():
        headers = {**provider.http_headers, **headers_of(provider.env_http_headers, environ)}
        for name, value in headers.items():
            if any(word in name.lower() for word in PRIVATE):
                found += [value, *value.split()[-1:]]
        found += [value for name, value in provider.query_params.items() if _secret(name, value)]
    return Redactor(found)


def headers_of(wanted: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Headers whose values are in variables; those that are not set are left out."""
    return {name: environ[each] for name, each in wanted.items() if environ.get(each)}


def _secret(name: str, value: str) -> bool:
    if not SECRET_NAME.search(name) or len(value) < RANDOM or value.lower() in NO_SECRETS:
        return False
    plain = value.isascii() and value.isprintable() and " " not in value
    mixed = any(each.isdigit() for each in value) and any(each.isalpha() for each in value)
    return plain and mixed and not value.startswith(("/", "~", "http:", "https:"))


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    with open(file, "rb") as opened:
        told = os.fstat(opened.fileno())
        if not stat.S_ISREG(told.st_mode) or told.st_uid != os.geteuid():
            raise UsageError(f"{path} is not a file of your own: it is not used")
        if told.st_mode & 0o077:
            raise UsageError(
                f"{path} holds keys and others may read it: `chmod 600 {path}`, "
                "and think of new keys"
            )
        data = opened.read(1 << 20)
    try:
        keys = json.loads(data)["keys"] if data.strip() else {}
        if not all(isinstance(each, dict) for each in keys.values()):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{path} cannot be read as ours: remove it and log in again") from None
    return dict(keys)


def _write(path: Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    text = json.dumps({"version": 1, "keys": entries}, indent=2) + "\n"
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _keyring() -> Any:
    try:
        import keyring  # late: an optional extra, and slow
        import keyring.errors
    except ImportError:
        raise UsageError("the keyring is not installed: pip install 'codex-py[keyring]'") from None
    return _Keyring(keyring)


class _Keyring:
    """The keyring, its failures told in a line."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        def call(*args: str) -> Any:
            try:
                return getattr(self._module, name)(*args)
            except Exception as error:
                kind = type(error).__name__
                raise UsageError(f"the system's keyring does not work here: {kind}") from None

        return call
