"""Ceilings for a whole tree of processes, where the machine's control groups are ours to use."""

from __future__ import annotations

import errno
import os
import time

V1 = "/sys/fs/cgroup"
PREFIX = "codex_py_sandbox-"
SLACK = 4  # the room, its spare and the first process count too


class Group:
    """One control group in every hierarchy that has the controllers; empty where none has."""

    def __init__(self, procs: float, memory_mb: float) -> None:
        name = f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
        self.folders: list[str] = []
        wanted = {"pids.max": int(procs) + SLACK if procs else 0}
        v2 = next((p for p in (V1, f"{V1}/unified") if _has(p)), "")
        if v2:
            wanted["memory.max"] = int(memory_mb) << 20 if memory_mb else 0
            self._make(f"{v2}/{name}", wanted)
            return
        self._make(f"{V1}/pids/{name}", wanted)
        if memory_mb:
            self._make(f"{V1}/memory/{name}", {"memory.limit_in_bytes": int(memory_mb) << 20})

    def _make(self, folder: str, settings: dict[str, int]) -> None:
        given = {k: v for k, v in settings.items() if v}
        if not given or not os.path.isdir(os.path.dirname(folder)):
            return
        try:
            os.mkdir(folder)
        except OSError:
            return
        self.folders.append(folder)
        for name, value in given.items():
            try:
                _set(f"{folder}/{name}", value)
            except OSError:
                continue

    def add(self, pid: int) -> bool:
        """Put a process, and all it will start, into the group; whether that worked everywhere."""
        try:
            for folder in self.folders:
                _set(f"{folder}/cgroup.procs", pid)
        except OSError:
            return False
        return bool(self.folders)

    def remove(self) -> None:
        """Remove the group; waits up to half a second for its last processes to be gone."""
        end = time.monotonic() + 0.5
        for folder in self.folders:
            while True:
                try:
                    os.rmdir(folder)
                except OSError as error:
                    if error.errno == errno.EBUSY and time.monotonic() < end:
                        time.sleep(0.002)
                        continue
                break


def sweep() -> None:
    """Remove empty groups whose launcher is gone: it was killed before it could."""
    for top in (V1, f"{V1}/unified", f"{V1}/pids", f"{V1}/memory"):
        try:
            names = [name for name in os.listdir(top) if name.startswith(PREFIX)]
        except OSError:
            continue
        for name in names:
            if not os.path.exists(f"/proc/{name[len(PREFIX) :].partition('-')[0]}"):
                try:
                    os.rmdir(f"{top}/{name}")
                except OSError:
                    continue


def _has(top: str) -> bool:
    try:
        with open(f"{top}/cgroup.subtree_control", encoding="ascii") as file:
            return "pids" in file.read()
    except OSError:
        return False


def _set(path: str, value: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, str(value).encode())
    finally:
        os.close(fd)
