"""What the doctor found, remembered for as long as nothing has changed that it depends on."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from codex_py_sandbox.folders import default_state, private_folder
from codex_py_sandbox.values import SandboxUnavailable

# What a system, a container or another sandbox around us may change without a new boot.
LOOKED_AT = (
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_mnt_namespaces",
    "/proc/sys/user/max_net_namespaces",
    "/proc/sys/user/max_pid_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/self/attr/current",
)
STATUS = ("Uid:", "Gid:", "Cap", "NoNewPrivs:", "Seccomp")
LONGEST = 7 * 86400


def place(state: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file for what is found in the present circumstances; None when there is no folder."""
    try:
        folder = state or default_state(environ)
        private_folder(folder)
    except (SandboxUnavailable, OSError):
        return None
    return folder / f"doctor-{sha256(_circumstances().encode()).hexdigest()[:24]}.json"


def _circumstances() -> str:
    parts = [*os.uname(), sys.executable, sys.version, _code(), *map(_read, LOOKED_AT)]
    parts += [line for line in _read("/proc/self/status").split("\n") if line.startswith(STATUS)]
    for kind in ("user", "mnt", "pid", "net"):
        try:
            parts.append(os.readlink(f"/proc/self/ns/{kind}"))
        except OSError:
            parts.append("")
    parts += [_stamp(path) for path in ("/usr/bin/bwrap", "/usr/bin/sandbox-exec", sys.executable)]
    return "\0".join([*parts, str(_landlock())])


def _code() -> str:
    """What changes with every version of this package."""
    here = Path(__file__).parent
    return " ".join(_stamp(str(path)) for path in sorted(here.glob("*.py")))


def _landlock() -> int:
    """Its version; one less or none where a filter or a switch takes it away."""
    if not sys.platform.startswith("linux"):
        return 0
    from codex_py_sandbox import _landlock  # late: loads ctypes

    return _landlock.abi()


def _stamp(path: str) -> str:
    try:
        info = os.stat(path)
    except OSError:
        return ""
    return f"{path} {info.st_size} {info.st_mtime_ns}"


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(16_384)
    except OSError:
        return ""


def recall(path: Path | None) -> tuple[float, list[dict[str, Any]]] | None:
    """When it was tried and the rows that were kept; None when there is nothing to go by."""
    if path is None:
        return None
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(fd, encoding="utf-8") as file:
            info = os.fstat(fd)
            data = json.load(file)
        tried, rows = float(data["tried"]), list(data["rows"])
        whole = all({"name", "enforced", "missing", "reason"} <= row.keys() for row in rows)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    ours = info.st_uid == os.geteuid() and not info.st_mode & 0o022
    new = 0 <= time.time() - tried < LONGEST
    return (tried, rows) if whole and ours and new and rows else None


def keep(path: Path | None, tried: float, rows: list[dict[str, Any]]) -> None:
    """Remember what was found; older findings go."""
    if path is None:
        return
    try:
        for old in path.parent.glob("doctor-*.json"):
            if old == path or time.time() - old.stat().st_mtime > LONGEST:
                old.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            json.dump({"tried": tried, "rows": rows}, file)
    except OSError:
        return  # it is tried again next time
