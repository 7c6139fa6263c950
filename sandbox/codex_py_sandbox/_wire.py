"""Messages between the agent and its launcher: one small datagram, the payload in a memfd."""

from __future__ import annotations

import _socket
import marshal
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

MAX_FDS = 8
_ROOM = _socket.CMSG_SPACE(4 * MAX_FDS)


def send(sock: _socket.socket, text: str, fds: Sequence[int] = (), *, wait: bool = True) -> None:
    """Send one message; without `wait` BlockingIOError says that the queue is full."""
    extra = []
    if fds:
        extra = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))]
    flags = _socket.MSG_NOSIGNAL | (0 if wait else _socket.MSG_DONTWAIT)
    sock.sendmsg([text.encode()], extra, flags)


def receive(sock: _socket.socket) -> tuple[str, list[int]]:
    """The next message and its descriptors; an empty text at the end of the connection."""
    data, extra, flags, _ = sock.recvmsg(65536, _ROOM, _socket.MSG_CMSG_CLOEXEC)
    fds: list[int] = []
    for level, kind, body in extra:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            fds += struct.unpack(f"{len(body) // 4}i", body[: len(body) // 4 * 4])
    if flags & (_socket.MSG_TRUNC | _socket.MSG_CTRUNC):
        for fd in fds:
            os.close(fd)
        raise OSError("a message was cut short")
    return data.decode("utf-8", "replace"), fds


def pack(data: Any) -> int:
    """A memfd that holds `data`; the caller closes it."""
    fd = os.memfd_create("job", os.MFD_CLOEXEC)
    try:
        body = marshal.dumps(data)
        while body:
            body = body[os.write(fd, body) :]
    except BaseException:
        os.close(fd)
        raise
    return fd


def unpack(fd: int) -> Any:
    """What `pack` wrote; closes the descriptor. Only for messages from the agent itself."""
    try:
        body = os.pread(fd, os.fstat(fd).st_size, 0)
    finally:
        os.close(fd)
    return marshal.loads(body)
