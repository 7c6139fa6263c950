"""Attacks over the odd families: raw and packet sockets, vsock, kernel crypto, netlink."""

from __future__ import annotations

import os
import socket
import sys

from tests.sandbox.battery.model import Options, Skip, must_block, should_block
from tests.sandbox.battery.stage import Stage


@must_block("n15-vsock", "AF_VSOCK socket")
def n15(s: Stage) -> bool:
    """The host of a virtual machine is reachable by vsock from every network namespace."""
    ran = s.py("if tried(socket.socket, socket.AF_VSOCK, socket.SOCK_STREAM): claim('vsock')")
    return bool(ran.claims)


@must_block("n40-raw", "raw IP socket that sees or makes packets of the machine")
def n40(s: Stage) -> bool:
    s.need_root()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 253) as server:
        server.bind(("127.0.0.1", 0))
        s.py(
            "socket.socket(socket.AF_INET, socket.SOCK_RAW, 253).sendto(b'bty-' + NONCE.encode(), ('127.0.0.1', 0))"
        )
        server.settimeout(0.1)
        try:
            return s.nonce.encode() in server.recv(999)
        except TimeoutError:
            return False


@must_block("n41-packet", "packet socket that listens to the machine's traffic")
def n41(s: Stage) -> bool:
    s.need_root()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        process = s.start(
            s.script("""
p = tried(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 0x0300)
print("up", flush=True)
if p:
    p.settimeout(3); end = time.monotonic() + 3
    while time.monotonic() < end:
        if b"bty-heard-" + NONCE.encode() in p.recv(65536): claim("heard"); break
""")
        )
        assert process.stdout is not None
        first = b""
        while b"up\n" not in first and (piece := os.read(process.stdout.fileno(), 999)):
            first += piece
        for _ in range(5):
            sender.sendto(f"bty-heard-{s.nonce}".encode(), ("127.0.0.1", 9))
        out, err = process.communicate(timeout=20)
        return bool(s.note(process.returncode, first + out, err).claims)


@must_block("n42-netlink", "change the machine's network set-up by netlink or ioctl")
def n42(s: Stage) -> bool:
    """Played in a network namespace of its own, so that the control run touches no real interface."""
    s.need_root()
    seen = s.base / "seen"
    mtu = (
        "import fcntl, socket, struct; ask = struct.pack('16s24x', b'lo'); "
        "print(struct.unpack('16si20x', fcntl.ioctl(socket.socket(), 0x8921, ask))[1])"
    )
    report = f'"$@"; {sys.executable} -Sc "{mtu}" > {seen}'
    s.py(
        """
c = tried(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
if c: tried(fcntl.ioctl, c, 0x8922, struct.pack("16si20x", b"lo", 1234)); tried(fcntl.ioctl, c, 0x8914, struct.pack("16sh22x", b"lo", 0x49))
""",
        Options(wrap=("unshare", "-n", "sh", "-c", report, "sh")),
    )
    return seen.exists() and seen.read_text().strip() == "1234"


@should_block("n43-alg", "kernel crypto sockets (AF_ALG)")
def n43(s: Stage) -> bool:
    return _opens(s, "socket.AF_ALG, socket.SOCK_SEQPACKET")


@should_block(
    "n44-odd-families",
    "families nobody needs: TIPC, RDS, CAN, Bluetooth, KCM, XDP, QIPCRTR, SMC, NFC",
)
def n44(s: Stage) -> bool:
    ran = s.py("""
for family in (30, 21, 29, 31, 41, 44, 42, 43, 39, 24, 9, 5, 4, 8, 33, 37, 38, 45):
    for kind in (1, 2, 3, 5):
        c = LIBC.socket(family, kind, 0)
        if c >= 0: claim(str(family)); os.close(c)
""")
    return bool(ran.claims)


@should_block(
    "n45-netlink-odd", "netlink families other than route: audit, netfilter, generic, crypto"
)
def n45(s: Stage) -> bool:
    ran = s.py("""
for protocol in (4, 6, 9, 12, 15, 16, 21):
    c = LIBC.socket(16, 3, protocol)
    if c >= 0: claim(str(protocol)); os.close(c)
""")
    return bool(ran.claims)


def _opens(s: Stage, words: str) -> bool:
    ran = s.py(f"if tried(socket.socket, {words}): claim('opened')")
    if s.backend == "none" and not ran.claims:
        raise Skip("this kernel has no such sockets")
    return bool(ran.claims)
