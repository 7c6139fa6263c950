"""codex_py: a terminal coding agent that shows what really ran and confines every command."""

from __future__ import annotations

from typing import Any

from codex_py.version import __version__

__all__ = ["Agent", "Policy", "Settings", "Tool", "__version__"]

_HOMES = {
    "Agent": "codex_py.agent",
    "Policy": "codex_py.core.policy",
    "Settings": "codex_py.settings",
    "Tool": "codex_py.core.tool",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # late: importing codex_py does nothing

    return getattr(importlib.import_module(_HOMES[name]), name)
