"""`codex-py login [PROVIDER]` and `codex-py login status`: keys kept, never shown."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from codex_py.core.errors import UsageError
from codex_py.settings import Settings, load
from codex_py.settings.keys import places, store
from codex_py.ui.text import visible

LONGEST = 8_192
"""Bytes of stdin that are read for a key."""


def main(argv: Sequence[str]) -> int:
    """Keep a key read from stdin or a hidden prompt, or tell which there are."""
    parser = Parser(prog="codex-py login", description=ABOUT, allow_abbrev=False)
    parser.add_argument("provider", nargs="?", default="openai", help="or the word `status`")
    parser.add_argument("--keyring", action="store_true", help="keep it in the system's keyring")
    args = parser.parse_args(argv)
    settings = load(os.environ)
    if args.provider == "status":
        return status(settings)
    provider = named(settings, args.provider)
    where = store(settings.home, provider, _asked(provider), keyring=args.keyring)
    sys.stdout.write(f"the key for {provider} is kept in {where}\n")
    for name in variables(settings)[provider]:
        if os.environ.get(name):
            sys.stderr.write(f"codex-py: {name} is set too, and wins over it\n")
    return 0


class Parser(argparse.ArgumentParser):
    """Never says again what it was given: it may be a key."""

    def error(self, message: str) -> NoReturn:
        del message
        raise UsageError(f"{self.prog} takes one provider's name; a key is never an argument")


ABOUT = """\
Keep a provider's key (default: openai) in auth.json, readable by you alone, or in the system's
keyring. The key is read from stdin, or asked for without showing it; it is never an argument.
"""


def status(settings: Settings) -> int:
    """Where each provider's key is; 1 when there is none at all."""
    kept = places(settings.home)
    rows: list[tuple[str, str]] = []
    for provider, names in variables(settings).items():
        found = [f"variable {name}" for name in names if os.environ.get(name)]
        found += [kept[provider]] if provider in kept else []
        if found:
            rows.append((provider, found[0] + (f" (before {found[1]})" if found[1:] else "")))
    rows += [(name, f"{where} (no such provider)") for name, where in kept.items()
             if name not in variables(settings)]  # fmt: skip
    wide = max((len(name) for name, _ in rows), default=0) + 2
    for name, where in rows:
        sys.stdout.write(f"{visible(name).ljust(wide)}{where}\n")
    if not rows:
        sys.stdout.write("no key: set OPENAI_API_KEY, or `codex-py login`\n")
    return 0 if rows else 1


def variables(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Every provider that takes a key, with the variables that may hold it."""
    from codex_py.models.catalogue import load as catalogue  # late: the data of all models

    found = {name: each.keys for name, each in catalogue().providers.items() if each.keys}
    for name, each in settings.model_providers.items():
        found[name] = (each.env_key,) if each.env_key else ()
    return found


def named(settings: Settings, provider: str) -> str:
    """A provider that takes a key. Raises UsageError with those there are."""
    known = variables(settings)
    if provider not in known:
        # The name is not said again: it may be a key that was meant for stdin.
        raise UsageError(f"no such provider takes a key; those that do: {', '.join(known)}")
    return provider


def _asked(provider: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.buffer.read(LONGEST).decode("utf-8", "replace").strip()
    import getpass  # late: only at a terminal

    try:
        return getpass.getpass(f"key for {provider} (it is not shown): ")
    except EOFError:
        raise UsageError("no key was given") from None
