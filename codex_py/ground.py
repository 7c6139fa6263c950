"""The folders, secrets and variables of confined commands, as the settings have them."""

from __future__ import annotations

import os
import shlex

from codex_py.core.errors import UsageError
from codex_py.host.confine import Ground
from codex_py.settings import Settings


def ground(settings: Settings, cwd: str, roots: tuple[str, ...], log: str = "") -> Ground:
    """What confines commands in a real folder, with these writable roots.

    `log` is the log of a session that goes on. Raises UsageError where the agent's own commands
    and edits could rewrite it.
    """
    own = os.path.realpath(settings.home)
    found = Ground(
        cwd,
        roots,
        own=own,
        logs=_elsewhere(log, own),
        git=settings.git,
        deny_read=tuple(os.path.abspath(os.path.expanduser(each)) for each in settings.deny_read),
        readable=_real(settings.readable),
        writable=_real(settings.writable),
        keep_env=settings.keep_env,
        network=settings.network_access,
    )
    for place in (*found.roots, *found.writable):
        if any(_below(each, place) for each in found.logs):
            raise UsageError(
                f"{log} lies in {place}, where the agent's own commands and edits could rewrite "
                f"it: `codex-py fork {shlex.quote(log)}` (or `exec fork`) goes on with a copy in "
                f"{found.own}"
            )
    return found


def _elsewhere(log: str, own: str) -> tuple[str, ...]:
    """A log outside our own folder, and the folder beside it."""
    real = os.path.realpath(log) if log else own
    return () if _below(real, own) else (real, os.path.splitext(real)[0])


def exposed(found: Ground) -> str:
    """A warning where our own folder lies in the workspace; empty elsewhere."""
    if not any(_below(found.own, each) for each in found.roots):
        return ""
    return (
        f"the folder of sessions and keys, {found.own}, lies in the workspace: no command can be "
        "confined there, so each is asked about; set CODEX_PY_HOME to a folder outside"
    )


def opened(found: Ground) -> str:
    """What settings and options open beyond the mode, in words; empty for nothing."""
    told = [f"write {each}" for each in (*found.roots, *found.writable) if each != found.cwd]
    told += [f"read {each}" for each in found.readable]
    told += [f"variable {each}" for each in found.keep_env]
    return "; ".join([*told, *(["network"] if found.network else [])])


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _real(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(os.path.realpath(os.path.expanduser(each)) for each in paths)
