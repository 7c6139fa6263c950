"""Attacks over the internet families: reach a server of this machine, or be reached, with the network off."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.sandbox.battery.files_tricks import only_x86
from tests.sandbox.battery.model import Case, Options, Skip, must_block, should_block
from tests.sandbox.battery.stage import Stage, wait_for


@contextmanager
def listening(
    family: int, kind: int, address: object, protocol: int = 0
) -> Iterator[socket.socket]:
    """A bound (and, for streams, listening) socket of the host."""
    try:
        server = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Skip(f"this kind of socket is not here: {error}") from None
    with server:
        try:
            server.bind(address)  # type: ignore[arg-type]
        except OSError as error:
            raise Skip(f"cannot listen on {address!r}: {error}") from None
        if kind != socket.SOCK_DGRAM:
            server.listen(8)
        yield server


def heard(server: socket.socket) -> bool:
    """Whether a connection or a byte reached the host's socket."""
    return bool(select.select([server], [], [], 0.1)[0])


def _reach(
    family: int, kind: int, address: object, code: str, protocol: int = 0, **how: str
) -> Callable[[Stage], bool]:
    def play(s: Stage) -> bool:
        if "call(" in code:
            only_x86()
        with listening(family, kind, address, protocol) as server:
            s.py(
                code, Options(mode=how.get("mode", "workspace-write")), PORT=server.getsockname()[1]
            )
            return heard(server)

    return play


V4, V6 = socket.AF_INET, socket.AF_INET6
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
HERE, HERE6, EVERYWHERE = ("127.0.0.1", 0), ("::1", 0), ("0.0.0.0", 0)
DIAL = "socket.create_connection(('127.0.0.1', PORT), 2).sendall(b'x')"

REACH = tuple(
    Case(id, "MUST", "block", title, play)
    for id, title, play in (
        ("n01-tcp", "TCP to a server on 127.0.0.1", _reach(V4, TCP, HERE, DIAL)),
        (
            "n02-udp",
            "UDP to 127.0.0.1, by sendto, connect and sendmsg",
            _reach(
                V4,
                UDP,
                HERE,
                """
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); to = ("127.0.0.1", PORT)
tried(u.sendto, b"x", to); tried(u.sendmsg, [b"x"], [], 0, to); tried(u.connect, to); tried(u.send, b"x")
""",
            ),
        ),
        (
            "n03-tcp6",
            "TCP over IPv6",
            _reach(V6, TCP, HERE6, "socket.create_connection(('::1', PORT), 2)"),
        ),
        (
            "n04-udp6",
            "UDP over IPv6",
            _reach(
                V6,
                UDP,
                HERE6,
                "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('::1', PORT))",
            ),
        ),
        (
            "n11-mapped",
            "TCP to an IPv4-mapped IPv6 address",
            _reach(
                V4,
                TCP,
                HERE,
                "c = socket.socket(socket.AF_INET6); c.settimeout(2); c.connect(('::ffff:127.0.0.1', PORT))",
            ),
        ),
        (
            "n16-own-address",
            "TCP to the machine's own outer address, 0.0.0.0 and 127.1.2.3",
            _reach(
                V4,
                TCP,
                EVERYWHERE,
                """
import itertools
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
outer = tried(lambda: (u.connect(("192.0.2.1", 9)), u.getsockname()[0])[1])
for host in ("0.0.0.0", "127.1.2.3", outer):
    if host: tried(lambda: socket.create_connection((host, PORT), 1))
""",
            ),
        ),
        (
            "n20-fastopen",
            "TCP fast open: sendto with data instead of connect",
            _reach(V4, TCP, HERE, "socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', PORT))"),
        ),
        (
            "n21-mptcp",
            "multipath TCP",
            _reach(
                V4,
                TCP,
                HERE,
                "c = socket.socket(2, 1, 262); c.settimeout(2); c.connect(('127.0.0.1', PORT))",
            ),
        ),
        (
            "n22-read-only",
            "TCP in read-only mode",
            _reach(V4, TCP, HERE, DIAL, mode="read-only"),
        ),
        (
            "n23-nonblock",
            "a non-blocking connect from a child in a new session",
            _reach(
                V4,
                TCP,
                HERE,
                "in_child(lambda: (os.setsid(), socket.socket().connect_ex(('127.0.0.1', PORT))))",
            ),
        ),
        (
            "n24-udplite",
            "UDP-Lite",
            _reach(
                V4, UDP, HERE, "socket.socket(2, 2, 136).sendto(b'x', ('127.0.0.1', PORT))", 136
            ),
        ),
        (
            "n26-sctp",
            "SCTP",
            _reach(
                V4,
                TCP,
                HERE,
                "c = socket.socket(2, 1, 132); c.settimeout(2); c.connect(('127.0.0.1', PORT))",
                132,
            ),
        ),
        (
            "n27-setns",
            "enter another process's network namespace, then TCP",
            _reach(
                V4,
                TCP,
                HERE,
                """
tried(lambda: socket.create_connection(('127.0.0.1', PORT), 2))
for pid in [1, os.getppid(), *(int(p) for p in os.listdir("/proc") if p.isdigit())]:
    fd = tried(os.open, f"/proc/{pid}/ns/net", 0)
    if fd is not None: call(308, fd, 0); os.close(fd)
"""
                + DIAL,
            ),
        ),
    )
)


@must_block("n17-serve", "a server inside can be reached from the host")
def n17(s: Stage) -> bool:
    code = """
server = socket.socket(); server.bind(("0.0.0.0", 0)); server.listen(); server.settimeout(6)
Path("port.new").write_text(str(server.getsockname()[1])); os.rename("port.new", "port")
tried(server.accept)
"""
    process = s.start(s.script(code))
    if not wait_for(s.ws / "port"):
        process.kill()
        s.note(None, *process.communicate())
        return False
    reached = True
    try:
        socket.create_connection(("127.0.0.1", int((s.ws / "port").read_text())), 0.5).close()
    except OSError:
        reached = False
    if not reached:
        process.terminate()
    try:
        s.note(0, *process.communicate(timeout=9))
    finally:
        process.kill()
    return reached


@must_block("n18-iouring-tcp", "TCP through io_uring CONNECT")
def n18(s: Stage) -> bool:
    from tests.sandbox.battery.uring import RING

    only_x86()
    with listening(V4, TCP, HERE) as server:
        s.py(
            RING
            + """
c = socket.socket(); c.setblocking(True)
to = ctypes.create_string_buffer(struct.pack("=HHIQ", 2, socket.htons(PORT), 0x0100007F, 0))
print(Ring().do(op=16, fd=c.fileno(), addr=ctypes.addressof(to), length=0, offset=16, flags=0))
""",
            PORT=server.getsockname()[1],
        )
        return heard(server)


@must_block("n25-socketcall", "TCP through 32-bit socketcall (int 0x80)")
def n25(s: Stage) -> bool:
    import subprocess

    s.need("gcc")
    only_x86()
    source = r"""
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
static long c(long n, long a, long b) { long r; __asm__ volatile("int $0x80" : "=a"(r)
  : "a"(n), "b"(a), "c"(b) : "memory", "r8", "r9", "r10", "r11"); return r; }
int main(int n, char **v) {
  unsigned *p = mmap((void *)0x10000000, 4096, 3, 0x22, -1, 0); int port = atoi(v[1]);
  p[0] = 2; p[1] = 1; p[2] = 0; long fd = c(102, 1, (long)p);
  unsigned char *a = (unsigned char *)(p + 64); memset(a, 0, 16);
  a[0] = 2; a[2] = port >> 8; a[3] = port; a[4] = 127; a[7] = 1;
  p[0] = fd; p[1] = (unsigned)(long)a; p[2] = 16; return c(102, 3, (long)p) != 0; }
"""
    (s.base / "i.c").write_text(source)
    made = subprocess.run(["gcc", "-o", str(s.ws / "i"), str(s.base / "i.c")], capture_output=True)
    if made.returncode:
        raise Skip("the compiler does not build it")
    with listening(V4, TCP, HERE) as server:
        s.py("print(subprocess.run(['./i', str(PORT)]))", PORT=server.getsockname()[1])
        return heard(server)


@should_block("n28-socket-leak", "send through a connected socket the caller left open")
def n28(s: Stage) -> bool:
    near, far = socket.socketpair()
    s.later(lambda: (near.close(), far.close()))
    s.py("for fd in range(3, 64): tried(os.write, fd, b'x')", Options(fds=(near.fileno(),)))
    return heard(far)
