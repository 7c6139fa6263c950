"""The attacks that are known to get through, by backend, and why: said aloud, never silently passed."""

from __future__ import annotations

EVERYWHERE = {
    "g36": "git's objects are hard links to other clones and to the safety copy: too many to mount",
    "g15-history": "commit mode leaves .git writable; the caller's snapshot restores it",
}

BUBBLEWRAP = {
    "n36": "a socket in the workspace belongs to the workspace",
    "n30": "a socket made outside after the start cannot be covered before Landlock ABI 9",
}

LANDLOCK = {
    "a36": "a hard link made before is the same file; Landlock cannot tell the names apart",
    "a34": "/dev/shm is the machine's",
    "a35": "/tmp is the machine's",
    "p10": "/proc is the machine's",
    "p12": "no process namespace: limits and priorities of the same user's processes",
    "p13": "no IPC namespace",
    "p20": "the machine's terminals are visible",
    "p21": "a ceiling on processes needs a user namespace or a control group",
    "p25": "no IPC namespace",
    "w25": "no unix sockets: Landlock before ABI 9 cannot tell inside from outside",
    "w26": "no internet sockets without a network of its own",
    "w66": "as w25",
    "w43": "as w25",
    "w39": "the main repository of a worktree is not writable",
    "g27": "a rebase that is under way is not read by the audit",
}


def gap(backend: str, case: str) -> str:
    """Why this case fails on this backend, or empty when it must hold."""
    known = EVERYWHERE | {"landlock": LANDLOCK, "bubblewrap": BUBBLEWRAP}.get(backend, {})
    for start, why in known.items():
        if case == start or case.startswith(start + "-"):
            return why
    return ""
