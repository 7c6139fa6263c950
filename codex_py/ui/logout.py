"""`codex-py logout [PROVIDER]`: a kept key is taken away."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from codex_py.core.errors import UsageError
from codex_py.settings import load
from codex_py.settings.keys import forget, places
from codex_py.ui.login import Parser, variables


def main(argv: Sequence[str]) -> int:
    """Forget one provider's key, or all. Returns the exit code."""
    parser = Parser(prog="codex-py logout", allow_abbrev=False)
    parser.add_argument("provider", nargs="?", default="openai")
    parser.add_argument("--all", action="store_true", help="every kept key")
    args = parser.parse_args(argv)
    settings = load(os.environ)
    wanted = list(places(settings.home)) if args.all else [args.provider]
    for provider in wanted:
        if not forget(settings.home, provider):
            raise UsageError("no key is kept for that provider: see `codex-py login status`")
        sys.stdout.write(f"the key for {provider} is gone\n")
        for name in variables(settings).get(provider, ()):
            if os.environ.get(name):
                sys.stderr.write(f"codex-py: {name} is still set in the environment\n")
    if not wanted:
        sys.stdout.write("no key was kept\n")
    return 0
