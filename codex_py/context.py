"""The facts put before the model that no user typed: the environment and AGENTS.md."""

from __future__ import annotations

import os
import platform
import stat
import time
from pathlib import Path

from codex_py.core.entries import Context
from codex_py.core.policy import inside
from codex_py.settings import Settings

OWN = 32_768
"""Bytes of the user's own AGENTS.md that are taken."""
MODE_TEXT = {
    "suggest": (
        "suggest: reading is free; every edit and every command that does more than read is "
        "put to the user first"
    ),
    "auto-edit": (
        "auto-edit: reading and edits inside the workspace are free; commands that do more than "
        "read are put to the user first"
    ),
    "full-auto": (
        "full-auto: edits inside the workspace and all commands are free. Commands are confined: "
        "no network, and they can write only in the workspace and temporary folders"
    ),
}


NETWORK = ("no network, and they", "the network is open to them, and they")


def environment(
    *,
    cwd: str,
    roots: tuple[str, ...],
    mode: str,
    git_root: str | None,
    interactive: bool,
    network: bool = False,
) -> Context:
    """Where the agent is and what it may do."""
    lines = [
        f"Working directory: {cwd}",
        f"Git repository: {git_root or 'none'}",
        f"System: {platform.system()} {platform.machine()}; commands are run by bash",
        f"Date: {time.strftime('%Y-%m-%d')}",
        f"Approval mode: {MODE_TEXT[mode].replace('no network, and they', NETWORK[network])}",
    ]
    extra = [root for root in roots if root != cwd]
    if extra:
        lines.append(f"Also writable: {', '.join(extra)}")
    if not interactive:
        lines.append(
            "Nobody can answer questions in this run: what would need the user's approval is "
            "refused. Decide yourself, finish the task, then report."
        )
    return Context(name="environment", text="\n".join(lines))


def documents(settings: Settings, cwd: str, git_root: str | None) -> tuple[list[Context], str]:
    """AGENTS.md: the user's own, then from the project's root down to the working directory.

    Returns the texts and a warning, empty when all is well. At most `project_doc_max_bytes`
    of the project's are taken; a link that leads out of the project is not followed.
    """
    found: list[Context] = []
    own = _first(str(settings.home), ("AGENTS.override.md", "AGENTS.md"), ())
    if own:
        found.append(_context(own, _read(own, OWN)[0]))
    room, warnings = settings.project_doc_max_bytes, []
    names = ("AGENTS.override.md", "AGENTS.md", *settings.project_doc_fallback_filenames)
    top = git_root or cwd
    for folder in _between(top, cwd) if room else []:
        path = _first(folder, names, (top,))
        if not path:
            continue
        if room <= 0:
            warnings.append(f"{path} was left out")
            continue
        text, size = _read(path, room)
        if size > room:
            warnings.append(f"{path} was cut at {room:,} of {size:,} bytes")
        room -= size
        found.append(_context(path, text))
    warning = "; ".join(warnings)
    limit = f" (project_doc_max_bytes = {settings.project_doc_max_bytes})" if warning else ""
    return [each for each in found if each.text.strip()], warning + limit


def _context(path: str, text: str) -> Context:
    folder = os.path.dirname(path)
    return Context(name="AGENTS.md", source=path, text=f"AGENTS.md for {folder}:\n{text}")


def _first(folder: str, names: tuple[str, ...], within: tuple[str, ...]) -> str:
    for name in names:
        path = os.path.join(folder, name)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                continue
        except OSError:
            continue
        if within and not inside(os.path.realpath(path), within):
            continue
        return path
    return ""


def _read(path: str, limit: int) -> tuple[str, int]:
    try:
        with open(path, "rb") as file:
            data = file.read(limit)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return "", 0
    return data.decode("utf-8", "ignore"), size


def _between(top: str, cwd: str) -> list[str]:
    """Folders from `top` down to `cwd`, both included."""
    if not inside(cwd, (top,)):
        return [cwd]
    folder = Path(cwd)
    chain = [str(folder)]
    while str(folder) != top and folder != folder.parent:
        folder = folder.parent
        chain.append(str(folder))
    return chain[::-1]
