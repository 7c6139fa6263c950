"""Modes, owners, times and attributes for Landlock alone, which does not cover them: done by us, inside."""

from __future__ import annotations

import fcntl
import os
import struct

from codex_py_sandbox import _broker
from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_py_sandbox.plan import Plan

RECEIVE, SEND, VALID = 0xC0502100, 0xC0182101, 0x40082102
AT_FDCWD, NOFOLLOW, EMPTY = -100, 0x100, 0x1000
EPERM, EFAULT, EINVAL = 1, 14, 22
SETFLAGS, FSSETXATTR = 0x40086602, 0x401C5820
ASKED = (
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat",
    "utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr",
    "removexattr", "lremovexattr", "fremovexattr",
)  # fmt: skip
_CALLS = {lx.NR[name]: name for name in (*ASKED, "ioctl") if name in lx.NR}


class Steward:
    """Answers what the filter asks: each call is made on a file that is held, and only inside.

    The file is looked up once and held; where it lies is judged on what is held, and the call is
    made on that. So nothing that is swapped meanwhile counts. We must have no more rights than
    the callers, and be their ancestor.
    """

    def __init__(self, fd: int, plan: Plan) -> None:
        self.fd = fd
        binds = dict(plan.binds)
        self.tops = [path for path, on in plan.roots if on]
        self.tops += [path for path, how in plan.binds if how == "rw"]
        self.tops += [
            path for path in (plan.tmp, plan.var_tmp, "/dev/shm", "/tmp", "/var/tmp") if path
        ]
        self.closed = [path for path, how in binds.items() if how == "ro"]

    def hear(self) -> None:
        """Take one question and answer it."""
        note = bytearray(80)
        try:
            fcntl.ioctl(self.fd, RECEIVE, note, True)
        except OSError:
            return
        number, pid, _, call = struct.unpack_from("=QIIi", note)
        args = struct.unpack_from("=6Q", note, 32)
        try:
            error = self._do(_CALLS.get(call, ""), number, pid, args)
        except OSError as raised:
            error = raised.errno or EPERM
        except (ValueError, StopIteration, struct.error):
            error = EINVAL
        try:
            fcntl.ioctl(self.fd, SEND, struct.pack("=QqiI", number, 0, -error, 0))
        except OSError:
            pass  # the caller died meanwhile

    def _do(self, name: str, number: int, pid: int, args: tuple[int, ...]) -> int:
        where = _where(name, args)
        if where is None:
            return EPERM
        at, path, follow, rest = where
        held = _copy(pid, at) if path is None else _find(pid, at, _text(pid, path), follow)
        try:
            fcntl.ioctl(self.fd, VALID, struct.pack("=Q", number))
            if not self._inside(held):
                return EPERM
            return _act(name, held, pid, rest)
        finally:
            os.close(held)

    def _inside(self, held: int) -> bool:
        place = os.readlink(f"/proc/self/fd/{held}")
        if not place.startswith("/") or place.startswith("/memfd:"):
            return True  # a pipe, a socket or memory of its own

        def below(tops: list[str]) -> int:
            return max(
                (len(top) for top in tops if place == top or place.startswith(top + "/")),
                default=-1,
            )

        return below(self.tops) > below(self.closed)


def _where(
    name: str, args: tuple[int, ...]
) -> tuple[int, int | None, bool, tuple[int, ...]] | None:
    """(folder or file descriptor, address of the path or None, follow, what else was given)."""
    first, here = _int(args[0]), AT_FDCWD
    if name in ("fchmod", "fchown", "fsetxattr", "fremovexattr", "ioctl"):
        return first, None, True, args[1:]
    if name in ("chmod", "chown", "utime", "utimes", "setxattr", "removexattr"):
        return here, args[0], True, args[1:]
    if name in ("lchown", "lsetxattr", "lremovexattr"):
        return here, args[0], False, args[1:]
    if name in ("fchmodat", "futimesat", "fchmodat2", "utimensat", "fchownat"):
        flags = {"fchmodat2": 3, "utimensat": 3, "fchownat": 4}.get(name)
        given = args[flags] if flags else 0
        if given & ~(NOFOLLOW | EMPTY):
            return None
        bare = name in ("utimensat", "futimesat") and args[1] == 0
        return first, None if bare else args[1], not given & NOFOLLOW, args[2:]
    return None


def _int(value: int) -> int:
    number = value & 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number


def _copy(pid: int, number: int) -> int:
    with open(f"/proc/{pid}/status", "rb") as file:
        group = next(int(line[5:]) for line in file if line.startswith(b"Tgid:"))
    process = os.pidfd_open(group)
    try:
        return lx.syscall("pidfd_getfd", process, number & 0xFFFFFFFF, 0)
    finally:
        os.close(process)


def _text(pid: int, address: int) -> bytes:
    """A string of the caller's; it may end just before a page that is not there."""
    data = b""
    while len(data) < 4096:
        piece = _broker.memory(pid, address + len(data), 4096 - (address + len(data)) % 4096)
        data += piece
        if b"\0" in piece or not piece:
            return data.split(b"\0")[0]
    raise OSError(36, "name too long")


def _find(pid: int, at: int, path: bytes, follow: bool) -> int:
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    for start in (b"/proc/self/", b"/proc/thread-self/", b"/dev/fd/"):
        if path.startswith(start):
            inner = b"fd/" if start == b"/dev/fd/" else b""
            path = b"/proc/%d/" % pid + inner + path[len(start) :]
    if path.startswith(b"/"):
        return os.open(path, flags)
    if not path:
        return _copy(pid, at)
    top = (
        os.open(f"/proc/{pid}/cwd", os.O_PATH | os.O_CLOEXEC) if at == AT_FDCWD else _copy(pid, at)
    )
    try:
        return os.open(path, flags, dir_fd=top)
    finally:
        os.close(top)


def _act(name: str, held: int, pid: int, rest: tuple[int, ...]) -> int:
    """The call itself, on what is held; 0 or an error number."""
    place = f"/proc/self/fd/{held}".encode()
    if "chmod" in name:
        if rest[0] & 0o4000:
            return EPERM
        os.chmod(place, rest[0] & 0o7777)
    elif "chown" in name:
        lx.syscall("fchownat", held, b"", _int(rest[0]), _int(rest[1]), EMPTY)
    elif "utime" in name:
        lx.syscall("utimensat", held, b"", _times(name, pid, rest[0]), EMPTY)
    elif "removexattr" in name:
        os.removexattr(place, _text(pid, rest[0]))
    elif "setxattr" in name:
        size = rest[2]
        if size > 65_536:
            return 7
        value = _broker.memory(pid, rest[1], size) if size else b""
        os.setxattr(place, _text(pid, rest[0]), value, rest[3] & 3)
    else:
        size = 4 if rest[0] & 0xFFFFFFFF == SETFLAGS else 28
        fcntl.ioctl(held, rest[0] & 0xFFFFFFFF, _broker.memory(pid, rest[1], size))
    return 0


def _times(name: str, pid: int, address: int) -> bytes | None:
    """The times as utimensat takes them; None means now."""
    if not address:
        return None
    if name == "utimensat":
        return _broker.memory(pid, address, 32)
    if name == "utime":
        one, two = struct.unpack("=qq", _broker.memory(pid, address, 16))
        return struct.pack("=qqqq", one, 0, two, 0)
    one, few, two, more = struct.unpack("=qqqq", _broker.memory(pid, address, 32))
    if not (0 <= few < 10**6 and 0 <= more < 10**6):
        raise OSError(EINVAL, "invalid time")
    return struct.pack("=qqqq", one, few * 1000, two, more * 1000)
