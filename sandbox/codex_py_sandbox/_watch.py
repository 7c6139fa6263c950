"""The first process's ear: told by the kernel of connects and set-user-id modes as they happen."""

from __future__ import annotations

import fcntl
import os
import struct

from codex_py_sandbox import _linux as lx

RECEIVE, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1
MOST_EVENTS = 20
AT_FDCWD, NOFOLLOW = -100, 0x100
_CALLS = {lx.NR[name]: name for name in ("connect", "chmod", "fchmod", "fchmodat", "fchmodat2")
          if name in lx.NR}  # fmt: skip


class Ear:
    """Answers notifications of one filter and remembers refused connects."""

    def __init__(self, fd: int, network: str) -> None:
        self.fd = fd
        self.network = network
        self.events: list[str] = []

    def hear(self) -> None:
        """Take one notification and answer it."""
        note = bytearray(80)
        try:
            fcntl.ioctl(self.fd, RECEIVE, note, True)
        except OSError:
            return
        number, pid, _, call = struct.unpack_from("=QIIi", note)
        args = struct.unpack_from("=6Q", note, 32)
        error, flags = 0, CONTINUE
        name = _CALLS.get(call, "")
        try:
            if name == "connect":
                self._connect(pid, args)
            elif name:
                error, flags = self._mode(name, pid, args), 0
        except (OSError, ValueError, struct.error):
            error, flags = (0, CONTINUE) if name == "connect" else (1, 0)
        try:
            fcntl.ioctl(self.fd, SEND, struct.pack("=QqiI", number, 0, -error, flags))
        except OSError:
            pass  # the caller died meanwhile

    def _connect(self, pid: int, args: tuple[int, ...]) -> None:
        """Only a note: the network namespace is what refuses."""
        if self.network == "on" or len(self.events) >= MOST_EVENTS:
            return
        raw = _memory(pid, args[1], min(args[2], 128))
        family = struct.unpack_from("=H", raw)[0]
        if family == 2:
            host = ".".join(str(b) for b in raw[4:8])
            local = raw[4] == 127 or host == "0.0.0.0"
        elif family == 10:
            import _socket

            host = _socket.inet_ntop(_socket.AF_INET6, raw[8:24])
            local = host in ("::1", "::") or host.startswith("::ffff:127.")
            host = f"[{host}]"
        else:
            return
        line = f"connect\t{host}:{struct.unpack_from('>H', raw, 2)[0]}\t"
        if not local and line not in self.events:
            self.events.append(line)

    def _mode(self, name: str, pid: int, args: tuple[int, ...]) -> int:
        """Do the call ourselves without the set-user-id bit; an error number, or 0."""
        if name == "fchmod":
            target, mode = f"/proc/{pid}/fd/{_int(args[0])}", args[1]
        else:
            at = AT_FDCWD if name == "chmod" else _int(args[0])
            where, mode = (args[0], args[1]) if name == "chmod" else (args[1], args[2])
            if name == "fchmodat2" and args[3] & NOFOLLOW:
                return 95
            raw = _memory(pid, where, 4096).split(b"\0")[0]
            text = os.fsdecode(raw)
            top = f"/proc/{pid}/cwd" if at == AT_FDCWD else f"/proc/{pid}/fd/{at}"
            if text.startswith(("/proc/self", "/proc/thread-self", "/dev/fd", "/dev/std")):
                return 1
            target = text if text.startswith("/") else f"{top}/{text}"
        try:
            kept = 0o3777 if os.path.isdir(target) else 0o1777
            os.chmod(target, mode & kept)
        except OSError as error:
            return error.errno or 1
        return 0


def _int(value: int) -> int:
    number = value & 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number


def _memory(pid: int, address: int, size: int) -> bytes:
    fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # A string may end just before a page that is not there.
        try:
            return os.pread(fd, size, address)
        except OSError:
            return os.pread(fd, 4096 - address % 4096, address)
    finally:
        os.close(fd)
