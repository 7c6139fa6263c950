"""`codex-py sandbox`: the sandbox's own verbs, with the settings and folders of the agent."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from codex_py.ground import ground
from codex_py.host.confine import policy
from codex_py.host.processes import QUIET, starts_code
from codex_py.settings import load


def main(argv: Sequence[str]) -> int:
    """Run one verb; the exit code."""
    from codex_py_sandbox import cli  # late: one front-end a run

    settings = load(os.environ)
    roots = tuple(os.path.realpath(each) for each in settings.writable_roots)
    # The workspace itself is an option of the verb.
    base = policy(ground(settings, "/", ("/", *roots)), "workspace-write")
    base = base.with_(mode="read-only", roots=base.roots[1:])
    lay: dict[str, str | None] = dict(QUIET)
    lay |= {name: None for name in os.environ if starts_code(name)}
    state = settings.home / "sandbox"
    with contextlib.suppress(OSError):  # what needs it says so; most verbs do not
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cli.main(argv, "codex-py sandbox", base, state, lay)
