"""Run a command on an emulated poorer machine: `emulate.py NAME -- CMD`, by a seccomp filter."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Sequence

NAMES = ("docker", "nouserns", "apparmor", "nolandlock", "docker-nolandlock")

_LOAD, _JEQ, _JSET, _RET = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NEW_ANY = 0x7E020080  # every CLONE_NEW* flag of clone and unshare
_NEWUSER = 0x10000000
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# name: (x86_64, aarch64)
_NUMBERS = {
    "clone": (56, 220), "clone3": (435, 435), "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "open_by_handle_at": (304, 265), "sethostname": (170, 161),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "landlock_create_ruleset": (444, 444), "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446), "quotactl": (179, 60), "acct": (163, 89),
    "syslog": (103, 116), "swapon": (167, 224), "ioctl": (16, 29),
}  # fmt: skip
_MOUNTS = (
    "mount", "umount2", "pivot_root", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount",
    "fspick", "mount_setattr",
)  # fmt: skip
_DOCKER = (
    *_MOUNTS, "setns", "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd",
    "open_by_handle_at", "sethostname", "init_module", "finit_module", "kexec_load", "quotactl",
    "acct", "syslog", "swapon", "io_uring_setup", "io_uring_enter", "io_uring_register",
)  # fmt: skip
# What a default container keeps: chown, dac_override, fowner, fsetid, kill, setgid, setuid,
# setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap.
_DOCKER_CAPS = sum(1 << n for n in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))
_SIOCSIFFLAGS = 0x8914


def rules(name: str) -> list[tuple[str, int | None, int, int]]:
    """The refusals of one machine: (call, argument to test or None, bits or value, errno)."""
    landlock = [
        (call, None, 0, errno.EOPNOTSUPP) for call in _NUMBERS if call.startswith("landlock_")
    ]
    docker: list[tuple[str, int | None, int, int]] = [
        ("clone", 0, _NEW_ANY, errno.EPERM),
        ("unshare", 0, _NEW_ANY, errno.EPERM),
        ("clone3", None, 0, errno.ENOSYS),
        *[(call, None, 0, errno.EPERM) for call in _DOCKER],
    ]
    if name == "docker":
        return docker
    if name == "docker-nolandlock":
        return [*docker, *landlock]
    if name == "nolandlock":
        return list(landlock)
    if name == "nouserns":
        return [
            ("clone", 0, _NEWUSER, errno.ENOSPC),
            ("unshare", 0, _NEWUSER, errno.ENOSPC),
            ("clone3", None, 0, errno.ENOSYS),
        ]
    if name == "apparmor":
        return [
            *[(call, None, 0, errno.EACCES) for call in _MOUNTS],
            ("chroot", None, 0, errno.EPERM),
            ("sethostname", None, 0, errno.EPERM),
            ("ioctl", 1, _SIOCSIFFLAGS, errno.EPERM),
        ]
    raise SystemExit(f"emulate: unknown machine {name!r}; known: {', '.join(NAMES)}")


def program(name: str, machine: str) -> bytes:
    """The filter as BPF bytes for one machine type."""
    column = list(_MACHINES).index(machine)
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_JEQ, 1, 0, _MACHINES[machine]),
        (_RET, 0, 0, _ALLOW),
    ]
    for call, argument, bits, error in rules(name):
        steps.append((_LOAD, 0, 0, 0))
        answer = (_RET, 0, 0, _ERRNO | error)
        if argument is None:
            steps += [(_JEQ, 0, 1, _NUMBERS[call][column]), answer]
        else:
            test = _JEQ if call == "ioctl" else _JSET
            steps += [
                (_JEQ, 0, 3, _NUMBERS[call][column]),
                (_LOAD, 0, 0, 16 + 8 * argument),
                (test, 0, 1, bits),
                answer,
            ]
    steps.append((_RET, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def confine(name: str) -> None:
    """Put this process, for good, on the emulated machine; OSError when the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if name.startswith("docker") and os.getuid() == 0:
        _keep_caps(libc, _DOCKER_CAPS)
    code = program(name, platform.machine())
    held = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held))
    # The real machines set no such flag, but without it a filter needs CAP_SYS_ADMIN.
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, head, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp refused the filter")


def _keep_caps(libc: ctypes.CDLL, kept: int) -> None:
    for cap in range(64):
        if not kept >> cap & 1:
            libc.prctl(24, cap, 0, 0, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    head = struct.pack("=Ii", 0x20080522, 0)
    if libc.capset(head, struct.pack("=6I", low, low, low, high, high, high)):
        raise OSError(ctypes.get_errno(), "capset refused")


def main(words: Sequence[str]) -> int:
    """Run `CMD` confined; exits like it."""
    if len(words) < 3 or words[1] != "--":
        print(f"usage: emulate.py {'|'.join(NAMES)} -- CMD...", file=sys.stderr)
        return 2
    confine(words[0])
    os.execvp(words[2], words[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
