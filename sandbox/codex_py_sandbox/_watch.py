"""The first process's ear: told by the kernel of connects and set-user-id modes as they happen."""

from __future__ import annotations

import fcntl
import os
import struct

from codex_py_sandbox import _broker
from codex_py_sandbox import _linux as lx

RECEIVE, SEND, VALID = 0xC0502100, 0xC0182101, 0x40082102
CONTINUE = 1
MOST_EVENTS = 20
AT_FDCWD, NOFOLLOW = -100, 0x100
_CALLS = {lx.NR[name]: name for name in ("connect", "chmod", "fchmod", "fchmodat", "fchmodat2")
          if name in lx.NR}  # fmt: skip


class Ear:
    """Answers notifications of one filter and remembers refused connects."""

    def __init__(self, fd: int, network: str, broker: _broker.Broker | None) -> None:
        self.fd = fd
        self.network = network
        self.broker = broker
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
        name = _CALLS.get(call, "")
        if name == "connect":
            return self._connect(number, pid, args)
        error, flags = 0, CONTINUE
        try:
            if name:
                error, flags = self._mode(name, pid, args), 0
        except (OSError, ValueError, struct.error):
            error, flags = 1, 0
        return self._answer(number, error, flags)

    def _answer(self, number: int, error: int, flags: int = 0) -> None:
        try:
            fcntl.ioctl(self.fd, SEND, struct.pack("=QqiI", number, 0, -error, flags))
        except OSError:
            pass  # the caller died meanwhile

    def _valid(self, number: int) -> bool:
        try:
            fcntl.ioctl(self.fd, VALID, struct.pack("=Q", number))
        except OSError:
            return False
        return True

    def _connect(self, number: int, pid: int, args: tuple[int, ...]) -> None:
        if self.broker is None:
            # Nobody can look into other processes here: the namespace is what refuses.
            return self._answer(number, 0, CONTINUE)
        try:
            error, address = self.broker.connect(
                pid,
                args,
                lambda: self._valid(number),
                lambda late: self._answer(number, late),
            )
        except (OSError, ValueError, StopIteration, struct.error):
            error, address = 13, b""
        if error is not None:
            self._answer(number, error)
        if error and len(self.events) < MOST_EVENTS:
            self._note(address, error)
        return None

    def _note(self, raw: bytes, error: int) -> None:
        """Remember what was refused: a way out, or a socket of another program."""
        family = struct.unpack_from("=H", raw)[0] if len(raw) >= 8 else 0
        if family == 1 and error == 13 and raw[2]:
            path = raw[2:].split(b"\0")[0].decode("utf-8", "replace")
            line = f"connect\tunix:{path}\t"
            if path.isprintable() and line not in self.events:
                self.events.append(line)
            return
        if family == 2:
            host = ".".join(str(b) for b in raw[4:8])
            local = raw[4] == 127 or host == "0.0.0.0"
        elif family == 10 and len(raw) >= 24:
            import _socket

            host = _socket.inet_ntop(_socket.AF_INET6, raw[8:24])
            local = host in ("::1", "::") or host.startswith("::ffff:127.")
            host = f"[{host}]"
        else:
            return
        line = f"connect\t{host}:{struct.unpack_from('>H', raw, 2)[0]}\t"
        if not local and self.network == "off" and line not in self.events:
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
