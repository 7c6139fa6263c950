"""Attacks on terminals: typing into them, writing to them, taking them over."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from contextlib import suppress

from tests.sandbox.battery.backends import command
from tests.sandbox.battery.model import Options, Skip, must_block, should_block
from tests.sandbox.battery.stage import Stage


def _seen(fd: int, word: bytes, seconds: float = 0.15) -> bool:
    text = b""
    while select.select([fd], [], [], seconds)[0]:
        with suppress(OSError):
            piece = os.read(fd, 4096)
            text += piece
            if piece:
                continue
        break
    return word in text


def _in_terminal(s: Stage, code: str) -> tuple[int, bytes]:
    """Run a script through the backend with a terminal as controlling terminal and all streams."""
    line = command(s.backend, s.script(code), s.ws, Options(), s.emulate)
    master, slave = pty.openpty()
    s.later(lambda: os.close(slave))
    process = subprocess.Popen(
        line,
        cwd=s.ws,
        env=s.env(Options()),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    s.later(lambda: (process.kill(), process.wait()))
    text = b""
    while True:
        with suppress(OSError):
            if select.select([master], [], [], 0.05)[0] and (piece := os.read(master, 4096)):
                text += piece
                continue
        if process.poll() is not None:
            break
    s.note(process.returncode, text.replace(b"\r\n", b"\n"), b"")
    s.later(lambda: os.close(master))
    return slave, text


TYPE = """
for fd in (0, 1, 2, tried(os.open, "/dev/tty", os.O_RDWR)):
    if fd is None: continue
    for byte in b"bty-typed\\n": tried(fcntl.ioctl, fd, 0x5412, bytes([byte]))
    for number in (0x5412 | 1 << 32, 0x5412 | 0xABC << 32): call(16, fd, number, ctypes.create_string_buffer(b"Z"))
"""


@must_block("p19-tiocsti", "type into the controlling terminal")
def p19(s: Stage) -> bool:
    slave, _ = _in_terminal(s, TYPE)
    waiting = struct.unpack("i", fcntl.ioctl(slave, termios.FIONREAD, b"\0" * 4))[0]
    if not waiting and s.backend == "none":
        raise Skip("this kernel has TIOCSTI switched off")
    return bool(waiting)


@must_block("p20-other-pts", "write to another terminal of the user")
def p20(s: Stage) -> bool:
    master, slave = pty.openpty()
    s.later(lambda: (os.close(master), os.close(slave)))
    name = os.ttyname(slave)
    s.py(
        """
for path in (NAME, "/proc/1/root" + NAME, "/dev/pts/" + NAME.rsplit("/", 1)[1]):
    fd = tried(os.open, path, os.O_WRONLY | os.O_NOCTTY)
    if fd is not None: os.write(fd, b"bty-painted")
""",
        NAME=name,
    )
    return _seen(master, b"bty-painted")


@should_block(
    "p33-tty-steal", "change the person's terminal settings for good, or its foreground group"
)
def p33(s: Stage) -> bool:
    slave, _ = _in_terminal(
        s,
        """
import termios
fd = tried(os.open, "/dev/tty", os.O_RDWR)
if fd is not None:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    tried(os.setpgid, 0, 0); tried(os.tcsetpgrp, fd, os.getpgrp()); claim("has /dev/tty")
""",
    )
    del slave
    return bool(s.runs[-1].claims)


@should_block("p34-console", "open the machine's consoles or virtual terminals")
def p34(s: Stage) -> bool:
    s.need_root()
    ran = s.py("""
for name in ("console", "tty0", "tty1", "ttyS0", "vcs", "vcsa", "hvc0"):
    if tried(os.open, "/dev/" + name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK) is not None: claim(name)
""")
    return bool(ran.claims)
