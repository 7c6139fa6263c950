"""System calls that Python has no function for, by ctypes, for x86_64 and aarch64."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import sys

MACHINE = os.uname().machine
X86 = MACHINE == "x86_64"

# Names to numbers; from 424 on all machines agree.
_NEW = {
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "close_range": 436,
    "openat2": 437,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
    "open_tree_attr": 467,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "pidfd_getfd": 438,
    "clone3": 435,
    "fchmodat2": 452,
    "setxattrat": 463,
    "removexattrat": 466,
    "file_setattr": 469,
}
_X86 = {
    "open": 2, "creat": 85, "chmod": 90, "fchmod": 91, "mknod": 133, "openat": 257,
    "mknodat": 259, "fchmodat": 268, "statfs": 137, "chown": 92, "fchown": 93,
    "lchown": 94, "utime": 132, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190,
    "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199, "utimes": 235, "fchownat": 260,
    "futimesat": 261, "utimensat": 280,
    "ioctl": 16, "socket": 41, "connect": 42, "socketpair": 53, "clone": 56, "ptrace": 101,
    "syslog": 103, "capset": 126, "uselib": 134, "ustat": 136, "sysfs": 139, "vhangup": 153, "modify_ldt": 154,
    "pivot_root": 155, "_sysctl": 156, "prctl": 157, "adjtimex": 159, "chroot": 161, "acct": 163,
    "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
    "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
    "create_module": 174, "init_module": 175, "delete_module": 176, "query_module": 178,
    "quotactl": 179, "nfsservctl": 180, "lookup_dcookie": 212, "clock_settime": 227,
    "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272,
    "perf_event_open": 298, "fanotify_init": 300, "open_by_handle_at": 304, "clock_adjtime": 305,
    "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
    "finit_module": 313, "seccomp": 317, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "signalfd4": 289, "statx": 332,
}  # fmt: skip
_ARM = {
    "mknodat": 33, "fchmod": 52, "fchmodat": 53, "openat": 56, "statfs": 43,
    "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15,
    "fremovexattr": 16, "fchownat": 54, "fchown": 55, "utimensat": 88,
    "lookup_dcookie": 18, "ioctl": 29, "umount2": 39, "mount": 40, "pivot_root": 41,
    "nfsservctl": 42, "chroot": 51, "vhangup": 58, "quotactl": 60, "acct": 89, "capset": 91,
    "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
    "clock_settime": 112, "syslog": 116, "ptrace": 117, "reboot": 142, "sethostname": 161,
    "setdomainname": 162, "prctl": 167, "settimeofday": 170, "adjtimex": 171, "socket": 198,
    "socketpair": 199, "connect": 203, "add_key": 217, "request_key": 218, "keyctl": 219,
    "clone": 220, "swapon": 224, "swapoff": 225, "perf_event_open": 241, "fanotify_init": 262,
    "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268, "process_vm_readv": 270,
    "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "seccomp": 277, "bpf": 280,
    "userfaultfd": 282, "kexec_file_load": 294, "signalfd4": 74, "statx": 291,
}  # fmt: skip
NR = {**(_X86 if X86 else _ARM), **_NEW}
KNOWN_MACHINE = sys.platform == "linux" and MACHINE in ("x86_64", "aarch64")

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x20000, 0x2000000, 0x4000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
CLONE_NEWTIME = 0x80
NAMESPACES = 0x7E020000
CLONE_PIDFD = 0x1000
SIGCHLD = 17

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 4096, 8192, 16384, 1 << 18
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC = 1, 2, 4, 8
AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE = -100, 0x1000, 0x8000
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
MOVE_MOUNT_BOTH_EMPTY = 0x4 | 0x40
RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH = 2, 4, 8

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_SECUREBITS, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 28, 36, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

_libc = ctypes.PyDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_before_fork = ctypes.pythonapi.PyOS_BeforeFork
_after_parent = ctypes.pythonapi.PyOS_AfterFork_Parent
_after_child = ctypes.pythonapi.PyOS_AfterFork_Child
for _hook in (_before_fork, _after_parent, _after_child):
    _hook.restype = None


def syscall(name: str, *args: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """The raw call; OSError with the call's name when it fails."""
    out: int = _syscall(
        ctypes.c_long(NR[name]), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    )
    if out < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return out


def clone(flags: int) -> tuple[int, int]:
    """Fork with namespace `flags`: (pid, pidfd) in the parent, (0, -1) in the child.

    The caller must have a single thread.
    """
    slot = ctypes.create_string_buffer(4)
    _before_fork()
    pid: int = _syscall(
        ctypes.c_long(NR["clone"]),
        ctypes.c_long(flags | CLONE_PIDFD | SIGCHLD),
        ctypes.c_long(0),
        slot,
        ctypes.c_long(0),
        ctypes.c_long(0),
    )
    if pid == 0:
        _after_child()
        return 0, -1
    error = ctypes.get_errno()
    _after_parent()
    if pid < 0:
        raise OSError(error, f"clone: {os.strerror(error)}")
    return pid, int(struct.unpack("i", slot.raw)[0])


def prctl(option: int, *args: int) -> int:
    return syscall("prctl", option, *args, *([0] * (4 - len(args))))


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    try:
        syscall("close_range", first, 0xFFFFFFFF, 0)
    except OSError:
        os.closerange(first, 65536)


def hold(path: str, flags: int = 0) -> int:
    """An O_PATH descriptor of `path` that followed no link of any kind; -1 if it is not there."""
    how = struct.pack(
        "QQQ",
        os.O_PATH | os.O_CLOEXEC | flags,
        0,
        RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    )
    try:
        return syscall("openat2", AT_FDCWD, os.fsencode(path), how, len(how))
    except OSError as error:
        if error.errno in (2, 20, 40):
            return -1
        if error.errno != 38:
            raise
    return _hold_slow(path)


def _hold_slow(path: str) -> int:
    at = os.open("/", os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY)
    parts = [p for p in path.split("/") if p]
    try:
        for index, part in enumerate(parts):
            kind = os.O_DIRECTORY if index < len(parts) - 1 else 0
            found = os.open(part, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW | kind, dir_fd=at)
            os.close(at)
            at = found
        return at
    except OSError:
        os.close(at)
        return -1


def open_tree(fd: int) -> int:
    """A detached copy of the mounts at `fd` and below."""
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE
    return syscall("open_tree", fd, b"", flags)


def move_mount(tree: int, target: int) -> None:
    """Attach the detached mount `tree` over the O_PATH descriptor `target`."""
    syscall("move_mount", tree, b"", target, b"", MOVE_MOUNT_BOTH_EMPTY)


def mount_setattr(fd: int, on: int, off: int, *, deep: bool) -> None:
    """Set and clear mount attributes of the mount at `fd` (AT_FDCWD means `/`)."""
    attr = struct.pack("QQQQ", on, off, 0, 0)
    path = b"/" if fd == AT_FDCWD else b""
    flags = (AT_RECURSIVE if deep else 0) | (0 if fd == AT_FDCWD else AT_EMPTY_PATH)
    syscall("mount_setattr", fd, path, flags, attr, len(attr))


def mount_id(path: str) -> int:
    """Which mount `path` lies on; 0 when there is no such path or the kernel does not say."""
    return _mount_id(AT_FDCWD, os.fsencode(path))


def mount_of(fd: int) -> int:
    """Which mount an open file, or a detached copy of mounts, lies on; 0 as above."""
    return _mount_id(fd, b"")


def _mount_id(at: int, path: bytes) -> int:
    out = ctypes.create_string_buffer(256)
    flags = 0x100 if path else 0x100 | AT_EMPTY_PATH
    try:
        syscall("statx", at, path, flags, 0x1000, out)
    except OSError:
        return 0
    return int(struct.unpack_from("Q", out.raw, 144)[0])


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    def raw(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    syscall("mount", raw(source), raw(target), raw(kind), flags, raw(data) if data else None)


def drop_bounding() -> None:
    """Empty the bounding and ambient sets; the permitted set stays.

    Without the right to do so there is nothing in them that no_new_privs would let through.
    """
    for number in range(64):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno in (1, 22):
                break
            raise
    try:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    except OSError:
        pass


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets."""
    head = struct.pack("Ii", 0x20080522, 0)
    syscall("capset", ctypes.create_string_buffer(head, 8), ctypes.create_string_buffer(24))


def load_filter(program: bytes, listen: bool = False) -> int:
    """Install a seccomp program on this thread; the listener descriptor when `listen`, else 0.

    A caller that waits for its listener is not disturbed by signals, where the kernel can do that.
    """
    body = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(body))
    given = ctypes.create_string_buffer(fprog, len(fprog))
    if listen:
        try:
            return syscall("seccomp", 1, (1 << 3) | (1 << 5), given)
        except OSError as error:
            if error.errno != 22:
                raise
    return syscall("seccomp", 1, (1 << 3) if listen else 0, given)


def listener_above() -> bool:
    """Whether a filter with a listener is already on this process: the kernel takes only one."""
    # An empty allowing program with a listener, tried in a child that ends at once.
    pid = os.fork()
    if pid == 0:
        try:
            prctl(PR_SET_NO_NEW_PRIVS, 1)
            load_filter(struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000), listen=True)
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(pid, 0)[1] != 0


def signal_fd(numbers: list[int]) -> int:
    """A descriptor that becomes readable when one of these (blocked) signals comes."""
    mask = 0
    for number in numbers:
        mask |= 1 << (number - 1)
    return syscall("signalfd4", -1, struct.pack("=Q", mask), 8, os.O_CLOEXEC | os.O_NONBLOCK)


def signalled(fd: int) -> tuple[int, bool]:
    """The next signal of such a descriptor, and whether a process sent it, not the kernel."""
    number, _, code = struct.unpack_from("=Iii", os.read(fd, 128))
    return number, code <= 0


def high(fd: int) -> int:
    """The descriptor moved to a number of ten or more, not to be inherited."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return moved
