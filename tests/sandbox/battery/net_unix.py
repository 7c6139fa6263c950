"""Attacks on unix sockets of outside programs, wherever and of whatever kind they are."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.sandbox.battery.files_tricks import only_x86
from tests.sandbox.battery.model import Case, Options, Skip, must_block, should_block
from tests.sandbox.battery.net_ip import heard, listening
from tests.sandbox.battery.stage import Stage, wait_for

UNIX, STREAM, DGRAM = socket.AF_UNIX, socket.SOCK_STREAM, socket.SOCK_DGRAM
DIAL = "c = socket.socket(socket.AF_UNIX); c.connect(T); c.send(b'x')\n"
SEND = """
def aim(where):
    tried(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", where))
    tried(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect(where))
    def paired(kind):
        a, b = socket.socketpair(socket.AF_UNIX, kind)
        tried(a.sendto, b"x", where); tried(a.sendmsg, [b"x"], [], 0, where)
        LIBC.connect(a.fileno(), struct.pack("=H", 0) + bytes(14), 16)
        tried(a.connect, where); tried(a.send, b"x")
    tried(paired, socket.SOCK_DGRAM)
aim(T)
"""


def _outside(kind: int, code: str, folder: str = "") -> Callable[[Stage], bool]:
    def play(s: Stage) -> bool:
        place = Path(tempfile.mkdtemp(prefix="bty-", dir=folder)) if folder else s.out
        if folder:
            import shutil

            s.later(lambda: shutil.rmtree(place))
        with listening(UNIX, kind, str(place / "s")) as server:
            s.py(code, T=place / "s", OUT=place, REL=os.path.relpath(place / "s", s.ws))
            return heard(server)

    return play


PATHS = tuple(
    Case(id, "MUST", "block", title, play)
    for id, title, play in (
        ("n05-unix-path", "unix stream socket of an outside program", _outside(STREAM, DIAL)),
        ("n06-unix-dgram", "unix datagram socket of an outside program", _outside(DGRAM, SEND)),
        (
            "n07-unix-tmp",
            "unix socket of an outside program in /tmp",
            _outside(STREAM, DIAL, "/tmp"),
        ),
        (
            "n08-unix-symlink",
            "the same socket through a link in the workspace, /proc/self/root and ..",
            _outside(
                STREAM,
                """
os.symlink(T, "l")
for T in ("l", "/proc/self/root" + T, REL): tried(lambda: socket.socket(socket.AF_UNIX).connect(T))
""",
            ),
        ),
        (
            "n12-seqpacket",
            "unix seqpacket socket of an outside program",
            _outside(
                socket.SOCK_SEQPACKET,
                "socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(T)",
            ),
        ),
        (
            "n13-unix-fd",
            "the socket through a folder descriptor in /proc/self/fd",
            _outside(
                STREAM,
                """
d = os.open(OUT, os.O_PATH)
tried(lambda: socket.socket(socket.AF_UNIX).connect(f"/proc/self/fd/{d}/s"))
f = tried(os.open, T, os.O_PATH)
tried(lambda: socket.socket(socket.AF_UNIX).connect(f"/proc/self/fd/{f}"))
""",
            ),
        ),
        (
            "n14-unix-hardlink",
            "the socket through a hard link or a rename into the workspace",
            _outside(
                STREAM,
                """
tried(os.link, T, "l"); tried(lambda: socket.socket(socket.AF_UNIX).connect("l"))
tried(os.rename, T, "m"); tried(lambda: socket.socket(socket.AF_UNIX).connect("m"))
""",
            ),
        ),
        (
            "n31-unix-shm",
            "unix socket of an outside program in /dev/shm",
            _outside(STREAM, DIAL, "/dev/shm"),
        ),
        ("n32-dgram-tmp", "unix datagram socket in /var/tmp", _outside(DGRAM, SEND, "/var/tmp")),
    )
)


@must_block("n33-unix-run", "unix socket of an outside program in /run, like docker.sock")
def n33(s: Stage) -> bool:
    s.need_root()
    return _outside(STREAM, DIAL + "T = T.replace('/run', '/var/run'); " + DIAL, "/run")(s)


@must_block("n09-abstract", "abstract unix stream socket")
def n09(s: Stage) -> bool:
    with listening(UNIX, STREAM, f"\0bty-{s.nonce}") as server:
        s.py("socket.socket(socket.AF_UNIX).connect('\\0bty-' + NONCE)")
        return heard(server)


@must_block("n10-abstract-dgram", "abstract unix datagram socket")
def n10(s: Stage) -> bool:
    with listening(UNIX, DGRAM, f"\0bty-{s.nonce}") as server:
        s.py(SEND, T=f"\0bty-{s.nonce}")
        return heard(server)


@must_block("n19-iouring-unix", "outside unix socket through io_uring CONNECT")
def n19(s: Stage) -> bool:
    from tests.sandbox.battery.uring import RING

    only_x86()
    with listening(UNIX, STREAM, str(s.out / "s")) as server:
        s.py(
            RING
            + """
c = socket.socket(socket.AF_UNIX)
to = ctypes.create_string_buffer(struct.pack("=H108s", 1, T.encode()))
print(Ring().do(op=16, fd=c.fileno(), addr=ctypes.addressof(to), length=0, offset=110, flags=0))
""",
            T=s.out / "s",
        )
        return heard(server)


@should_block("n30-unix-late", "an outside unix socket that was made after the command began")
def n30(s: Stage) -> bool:
    code = """
Path("up").write_text("")
while not os.path.exists("go"): time.sleep(0.01)
c = socket.socket(socket.AF_UNIX); tried(c.connect, T)
"""
    process = s.start(s.script(code, T=s.out / "late"))
    if not wait_for(s.ws / "up"):
        process.kill()
    with listening(UNIX, STREAM, str(s.out / "late")) as server:
        (s.ws / "go").write_text("")
        s.note(process.wait(15), *process.communicate())
        return heard(server)


@should_block("n34-unix-agent", "the socket that SSH_AUTH_SOCK, DOCKER_HOST or DBUS names")
def n34(s: Stage) -> bool:
    with listening(UNIX, STREAM, str(s.home / "agent")) as server:
        at = str(s.home / "agent")
        env = {
            "SSH_AUTH_SOCK": at,
            "DOCKER_HOST": f"unix://{at}",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={at}",
        }
        s.py(
            "for p in {os.environ.get('SSH_AUTH_SOCK', T), T}: tried(lambda: socket.socket(socket.AF_UNIX).connect(p))",
            Options(env=env),
            T=at,
        )
        return heard(server)


@must_block("n35-pass-fd", "get an outside file's descriptor by SCM_RIGHTS from an outside program")
def n35(s: Stage) -> bool:
    import array
    import threading

    victim = s.victim()
    with listening(UNIX, STREAM, str(s.out / "s")) as server, victim.open("r+") as file:

        def give() -> None:
            server.settimeout(5)
            try:
                peer, _ = server.accept()
            except OSError:
                return
            rights = array.array("i", [file.fileno()])
            peer.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            peer.close()

        giver = threading.Thread(target=give, daemon=True)
        giver.start()
        s.py(
            "c = socket.socket(socket.AF_UNIX); c.connect(T); _, f, _, _ = socket.recv_fds(c, 9, 1); os.pwrite(f[0], b'new', 0)",
            T=s.out / "s",
        )
        server.close()
        return victim.read_text() != "old\n"


@should_block(
    "n36-unix-workspace",
    "a socket of the person's own server that lies in the workspace, before the command",
)
def n36(s: Stage) -> bool:
    if not hasattr(socket, "AF_UNIX"):
        raise Skip("no unix sockets")
    with listening(UNIX, STREAM, str(s.ws / "s")) as server:
        s.py("c = socket.socket(socket.AF_UNIX); c.connect('s'); c.send(b'x')")
        return heard(server)
