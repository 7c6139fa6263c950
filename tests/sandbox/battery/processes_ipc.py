"""Attacks over shared kernel objects: SysV and POSIX queues and memory, semaphores, the keyring."""

from __future__ import annotations

import ctypes
import os
import platform

from tests.sandbox.battery.model import Skip, should_block
from tests.sandbox.battery.stage import Stage

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
SIZE = 4096


@should_block("p13-sysv-shm", "attach and change an outside SysV shared-memory segment")
def p13(s: Stage) -> bool:
    ident = LIBC.shmget(key := int(s.nonce[:7], 16), SIZE, 0o1600)
    s.later(lambda: LIBC.shmctl(ident, 0, None))
    at = LIBC.shmat(ident, None, 0)
    ctypes.memmove(at, b"old", 4)
    s.py(
        """
LIBC.shmat.restype = ctypes.c_void_p
for ident in (ID, LIBC.shmget(KEY, 0, 0)):
    at = LIBC.shmat(ident, None, 0)
    if ident >= 0 and at not in (None, ctypes.c_void_p(-1).value): ctypes.memmove(at, b"new", 4)
""",
        ID=ident,
        KEY=key,
    )
    return ctypes.string_at(at, 3) == b"new"


@should_block("p25-sysv-sem", "change an outside SysV semaphore, or drain its message queue")
def p25(s: Stage) -> bool:
    key = int(s.nonce[:7], 16)
    sem, queue = LIBC.semget(key, 1, 0o1600), LIBC.msgget(key, 0o1600)
    s.later(lambda: (LIBC.semctl(sem, 0, 0), LIBC.msgctl(queue, 0, None)))
    LIBC.msgsnd(queue, ctypes.create_string_buffer(b"\1" + bytes(7) + b"old"), 3, 0)
    s.py(
        """
LIBC.semctl(SEM, 0, 16, 5)
LIBC.msgrcv(QUEUE, ctypes.create_string_buffer(64), 40, 0, 0x800)
""",
        SEM=sem,
        QUEUE=queue,
    )
    gone = LIBC.msgrcv(queue, ctypes.create_string_buffer(64), 40, 0, 0x800) < 0
    return bool(LIBC.semctl(sem, 0, 12) == 5 or gone)


@should_block("p26-mqueue", "read an outside POSIX message queue")
def p26(s: Stage) -> bool:
    name = f"/bty-{s.nonce}".encode()
    queue = LIBC.mq_open(name, os.O_CREAT | os.O_RDWR | os.O_NONBLOCK, 0o600, None)
    if queue < 0:
        raise Skip("no POSIX message queues here")
    s.later(lambda: (LIBC.mq_close(queue), LIBC.mq_unlink(name)))
    LIBC.mq_send(queue, b"old", 3, 0)
    s.py(
        """
q = LIBC.mq_open(NAME.encode(), os.O_RDWR | os.O_NONBLOCK)
got = ctypes.create_string_buffer(65536)
if q >= 0: LIBC.mq_receive(q, got, 65536, None); LIBC.mq_unlink(NAME.encode())
""",
        NAME=name.decode(),
    )
    return bool(LIBC.mq_receive(queue, ctypes.create_string_buffer(65536), 65536, None) < 0)


@should_block("p14-keyring", "read a key from the user's kernel keyring")
def p14(s: Stage) -> bool:
    if platform.machine() != "x86_64":
        raise Skip("written for x86_64")
    key = LIBC.syscall(248, b"user", f"bty-{s.nonce}".encode(), b"sekrit-key", 10, -4)
    if key < 0:
        raise Skip("no keyring here")
    s.later(lambda: LIBC.syscall(250, 3, key, 0, 0, 0))
    # Readable by its owner, as session tools store them.
    LIBC.syscall(250, 5, key, 0x3F3F0000)
    ran = s.py(
        """
got = ctypes.create_string_buffer(64)
for ident in (KEY, call(250, 10, -4, b"user", f"bty-{NONCE}".encode(), 0)[0]):
    if ident > 0 and call(250, 11, ident, got, 64)[0] > 0: print(got.value)
""",
        KEY=key,
    )
    return "sekrit-key" in ran.text


@should_block(
    "p27-futex-file", "change a shared map of an outside program by its inherited memory file"
)
def p27(s: Stage) -> bool:
    """A memory file that the launcher's parent left open must not be writable inside."""
    from tests.sandbox.battery.model import Options

    fd = os.memfd_create("bty")
    s.later(lambda: os.close(fd))
    os.write(fd, b"old")
    s.py(
        "for n in range(3, 64): tried(os.pwrite, n, b'new', 0)\n"
        "for p in Path('/proc').glob('[0-9]*/fd/*'):\n"
        "    try:\n"
        "        if 'memfd:bty' in os.readlink(p): os.pwrite(os.open(p, 2), b'new', 0)\n"
        "    except OSError: pass\n",
        Options(fds=(fd,)),
    )
    return os.pread(fd, 3, 0) == b"new"
