"""What a command would be given beyond what confines it, in words."""

from __future__ import annotations

from codex_py.core.entries import Json


def opens(effects: Json) -> list[str]:
    """What a command would be given beyond what confines it, a line each."""
    found = [f"writing {path}" for path in effects.get("writes", ())]
    found += [f"reading {path}" for path in effects.get("reads", ())]
    return [*found, "the network, as you have it"] if effects.get("network") else found
