"""The attacks that are known to get through, by backend, and why: said aloud, never silently passed."""

from __future__ import annotations

EVERYWHERE = {
    "a36": "a hard link made before is the same file; no mechanism tells the names apart",
    "g36": "a local clone's objects are hard links to the origin's",
    "g15-history": "commit mode leaves .git writable; the caller's snapshot restores it",
    "n36": "a socket in the workspace belongs to the workspace",
    "n30": "a socket made outside after the start cannot be covered before Landlock ABI 9",
}


def gap(backend: str, case: str) -> str:
    """Why this case fails on this backend, or empty when it must hold."""
    for start, why in EVERYWHERE.items():
        if case == start or case.startswith(start + "-"):
            return why
    return ""
