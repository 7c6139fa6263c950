"""The folders, secrets and variables of confined commands, as the settings have them."""

from __future__ import annotations

import os

from codex_py.host.confine import Ground
from codex_py.settings import Settings


def ground(settings: Settings, cwd: str, roots: tuple[str, ...]) -> Ground:
    """What confines commands in a real folder, with these writable roots."""
    return Ground(
        cwd,
        roots,
        own=os.path.realpath(settings.home),
        git=settings.git,
        deny_read=tuple(os.path.abspath(os.path.expanduser(each)) for each in settings.deny_read),
        readable=_real(settings.readable),
        writable=_real(settings.writable),
        keep_env=settings.keep_env,
        network=settings.network_access,
    )


def _real(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(os.path.realpath(os.path.expanduser(each)) for each in paths)
