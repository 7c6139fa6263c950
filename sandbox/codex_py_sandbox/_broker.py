"""Connects done by the first process itself: the address is copied first, so it cannot change."""

from __future__ import annotations

import _socket
import fcntl
import os
import struct

from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_py_sandbox.plan import Plan

AF_UNIX = 1
MOST_KNOWN = 32
ESRCH, EACCES, EINVAL, EAGAIN, EFAULT, EINPROGRESS, ECONNREFUSED = 3, 13, 22, 11, 14, 115, 111
PATIENCE = struct.pack("=qq", 0, 2000)  # microseconds: long enough for anything on this machine


class Broker:
    """Connects on behalf of the processes inside.

    A unix socket by path is reached only where commands can write, and there only if a process
    of the same network namespace made it: a program outside may leave a socket anywhere. The
    calls of this process pass the filter by `word`, which nobody else inside can know.
    """

    def __init__(self, plan: Plan, word: int) -> None:
        self.word = word
        self.tops = [path for path, on in plan.roots if on]
        self.tops += [path for path, how in plan.binds if how == "rw"]
        self.tops += [path for path, _, _ in plan.overlays]
        self.tops += ["/dev/shm", *(["/tmp", "/var/tmp"] if plan.tmp else [])]
        self.shown = [path for path in plan.keep_run if path not in self.tops]
        self.known: dict[int, int] = {}
        """Processes that called, by thread, each held by a descriptor; the newest is last."""
        self.own_net = plan.network == "off"
        self.diag = _diag() if self.own_net else None

    def connect(
        self,
        pid: int,
        args: tuple[int, ...],
        valid: Callable[[], bool],
        later: Callable[[int], None],
    ) -> tuple[int | None, bytes]:
        """(error number or 0, the address) of one call; None when `later` will be told."""
        held = -1
        try:
            address = memory(pid, args[1], args[2]) if 2 <= args[2] <= 128 else b""
            fd = self._fetch(pid, args[0])
        except OSError as error:
            # A process that nobody may look into gets nothing.
            return (error.errno if error.errno in (9, EFAULT) else EACCES), b""
        try:
            if not valid():
                return EACCES, b""
            if not address:
                return EINVAL, b""
            target = address
            if address[:2] == b"\1\0" and address[2:3] not in (b"", b"\0"):
                held = self._found(pid, address[2:].split(b"\0")[0])
                refused = self._ours(held)
                if refused:
                    return refused, address
                target = b"\1\0" + f"/proc/self/fd/{held}".encode() + b"\0"
            return self._call(fd, target, later), address
        except OSError as error:
            return error.errno or EACCES, address
        finally:
            os.close(fd)
            if held >= 0:
                os.close(held)

    def _fetch(self, pid: int, number: int) -> int:
        """The caller's descriptor, shared with us."""
        number &= 0xFFFFFFFF
        known = self.known.pop(pid, -1)
        if known >= 0:
            try:
                return lx.syscall("pidfd_getfd", known, number, 0)
            except OSError as error:
                if error.errno != ESRCH:
                    raise
                os.close(known)
                known = -1
            finally:
                if known >= 0:
                    self.known[pid] = known
        with open(f"/proc/{pid}/status", "rb") as file:
            group = next(int(line[5:]) for line in file if line.startswith(b"Tgid:"))
        process = os.pidfd_open(group)
        self.known[pid] = process
        if len(self.known) > MOST_KNOWN:
            os.close(self.known.pop(next(iter(self.known))))
        return lx.syscall("pidfd_getfd", process, number, 0)

    def _found(self, pid: int, path: bytes) -> int:
        """What the path leads to for the caller, held open."""
        for start in (b"/proc/self/", b"/proc/thread-self/"):
            if path.startswith(start):
                path = b"/proc/%d/" % pid + path[len(start) :]
        if path.startswith(b"/"):
            return os.open(path, os.O_PATH | os.O_CLOEXEC)
        at = os.open(f"/proc/{pid}/cwd", os.O_PATH | os.O_CLOEXEC)
        try:
            return os.open(path, os.O_PATH | os.O_CLOEXEC, dir_fd=at)
        finally:
            os.close(at)

    def _ours(self, held: int) -> int:
        """0 when what is held is a socket that was made inside, else an error number."""
        info = os.fstat(held)
        if info.st_mode & 0o170000 != 0o140000:
            return ECONNREFUSED
        place = os.readlink(f"/proc/self/fd/{held}")
        if _nearest(place, self.tops) <= _nearest(place, self.shown):
            return EACCES
        if self.diag is None or _layered(held):
            return 0
        known = _bound(self.diag)
        return 0 if known is None or info.st_ino & 0xFFFFFFFF in known else EACCES

    def _call(self, fd: int, target: bytes, later: Callable[[int], None]) -> int | None:
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK:
            return self._connect(fd, target)
        sock = _socket.socket(fileno=fd)
        try:
            usual = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, 16)
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, PATIENCE)
            error = self._connect(fd, target)
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, usual)
        finally:
            sock.detach()
        if error not in (EAGAIN, EINPROGRESS):
            return error
        if os.fork() == 0:
            try:
                later(self._connect(fd, target))
            finally:
                os._exit(0)
        return None

    def _connect(self, fd: int, target: bytes) -> int:
        try:
            lx.syscall("connect", fd, target, len(target), self.word)
        except OSError as error:
            return error.errno or EACCES
        return 0


def memory(pid: int, address: int, size: int) -> bytes:
    """Bytes of another process. OSError when it may not be looked into."""
    fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(fd, size, address)
    except OSError:
        raise OSError(EFAULT, "bad address") from None
    finally:
        os.close(fd)


def _nearest(place: str, tops: list[str]) -> int:
    """The length of the longest of the tops that `place` lies at or below; 0 for none."""
    return max((len(top) for top in tops if f"{place}/".startswith(f"{top}/")), default=0)


def _layered(held: int) -> bool:
    """Whether the file system numbers its files in a way of its own, as overlays do."""
    import ctypes

    out = ctypes.create_string_buffer(256)
    path = f"/proc/self/fd/{held}".encode()
    try:
        lx.syscall("statfs", path, out)
    except OSError:
        return True
    return int(struct.unpack_from("=q", out.raw)[0]) == 0x794C7630


def _diag() -> _socket.socket | None:
    """The kernel's list of the unix sockets of our network namespace."""
    try:
        sock = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 4)
        sock.settimeout(1.0)
    except OSError:
        return None
    return sock


def _bound(diag: _socket.socket) -> set[int] | None:
    """The file numbers of the bound unix sockets of our namespace; None if nobody can tell."""
    ask = struct.pack("=BBHIIIII", AF_UNIX, 0, 0, 0xFFFFFFFF, 0, 2, 0xFFFFFFFF, 0xFFFFFFFF)
    found: set[int] = set()
    try:
        diag.sendall(struct.pack("=IHHII", 16 + len(ask), 20, 0x301, 1, 0) + ask)
        while True:
            data, at = diag.recv(1 << 18), 0
            while at + 16 <= len(data):
                size, kind = struct.unpack_from("=IH", data, at)
                if kind == 3:
                    return found
                if kind == 2 or size < 16:
                    return None
                _files(data[at + 16 + 16 : at + size], found)
                at += (size + 3) & ~3
    except OSError:
        return None


def _files(attributes: bytes, found: set[int]) -> None:
    at = 0
    while at + 4 <= len(attributes):
        size, kind = struct.unpack_from("=HH", attributes, at)
        if kind == 1 and size >= 8:
            found.add(struct.unpack_from("=I", attributes, at + 4)[0])
        if size < 4:
            return
        at += (size + 3) & ~3
