"""First steps in new namespaces: who we are, the loopback, and Landlock as a second layer."""

from __future__ import annotations

import _socket
import os

from codex_py_sandbox import _landlock
from codex_py_sandbox.plan import Plan


def identity(uid: int, gid: int) -> None:
    """Map our own numbers onto themselves, so that files keep their owners inside."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def loopback() -> None:
    """Switch on the loopback of this network namespace."""
    import fcntl
    import struct

    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        fcntl.ioctl(probe.fileno(), 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
    finally:
        probe.close()


def may_look() -> bool:
    """Whether an ancestor may look into its children here."""
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:
            return int(file.read()) < 2
    except (OSError, ValueError):
        return True


def second_layer(plan: Plan) -> _landlock.Ruleset | None:
    """Landlock rules that say the same as the mounts; None where the kernel has no Landlock."""
    abi = _landlock.abi()
    if not abi:
        return None
    rules = _landlock.Ruleset(abi, reads=False, tcp=False, scope=True)
    rules.allow("/dev")
    if plan.tmp:
        rules.allow("/tmp")
        rules.allow("/var/tmp")
    for path, writable in plan.roots:
        if writable:
            rules.allow(path)
    for path, how in plan.binds:
        if how != "ro":
            rules.allow(path)
    for path, _, _ in plan.overlays:
        rules.allow(path)
    return rules
