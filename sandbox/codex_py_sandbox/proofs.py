"""One effect for every capability: tried inside, judged outside."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from codex_py_sandbox.session import Session
from codex_py_sandbox.values import Capability

C = Capability


@contextmanager
def nearby(folder: Path) -> Iterator[str]:
    """A short name of a folder: the path of a socket holds hardly more than 100 bytes."""
    if not os.path.isdir("/proc/self/fd"):
        yield str(folder)
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


class Trial:
    """One backend at work in a throwaway folder; `py` runs Python inside and says what came out."""

    def __init__(self, session: Session, base: Path) -> None:
        self.session = session
        self.root = base / "work"
        self.out = base / "out"

    def py(self, code: str, wall: float = 5.0) -> str:
        """The last words of a Python script that ran inside."""
        read, write = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        try:
            # Without links: an environment in /tmp is not there inside, what it stands for is.
            argv = [os.path.realpath(sys.executable), "-I", "-S", "-E", "-c", code]
            job = self.session.start(
                argv, self.root, stdin=null, stdout=write, stderr=null, wall_s=wall
            )
            os.close(write)
            write = -1
            job.wait(wall + 5)
            return os.read(read, 4096).decode("utf-8", "replace").strip()
        finally:
            for fd in (read, write, null):
                if fd >= 0:
                    os.close(fd)


def _write(t: Trial) -> bool:
    t.py(f"open({str(t.out / 'file')!r},'a').write('x')")
    t.py("open('own','w').write('x')")
    return (t.out / "file").read_text() == "secret" and (t.root / "own").exists()


def _metadata(t: Trial) -> bool:
    before = (t.out / "file").stat()
    t.py(f"import os;p={str(t.out / 'file')!r};os.utime(p,(1,1))")
    t.py(f"import os;p={str(t.out / 'file')!r};os.chmod(p,0o777)")
    after = (t.out / "file").stat()
    return (before.st_mode, before.st_mtime) == (after.st_mode, after.st_mtime)


def _protect(t: Trial) -> bool:
    t.py("open('.envrc','a').write('x')")
    t.py("import os;os.rename('.git','moved')")
    t.py("open('.git/config','a').write('[core]\\nfsmonitor=x')")
    plain = (t.root / ".git" / "config").read_text() == "[core]\n"
    return plain and (t.root / ".envrc").read_text() == "keep"


def _reads(t: Trial) -> bool:
    return "secret" not in t.py(f"print(open({str(t.out / 'denied')!r}).read())")


def _tmp(t: Trial) -> bool:
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        return t.py(f"import os;print(os.path.exists({file.name!r}))") == "False"


def _ip(t: Trial) -> bool:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0)
        port = server.getsockname()[1]
        t.py(f"import _socket as s;x=s.socket();x.connect(('127.0.0.1',{port}));x.send(b'x')")
        return not _called(server)


def _called(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _unix(t: Trial) -> bool:
    near = f"import os,_socket as s;os.chdir({str(t.out)!r});"
    dgram = f"{near}x=s.socket(1,2);x.sendto(b'x','dgram')"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        with nearby(t.out) as out:
            server.bind(f"{out}/dgram")
        server.settimeout(0)
        t.py(dgram)
        try:
            server.recv(9)
            return False
        except BlockingIOError:
            pass
    # The stream socket was there before the session, as an agent's socket would be.
    return t.py(f"{near}x=s.socket(1);x.connect('s');print('in')") == ""


def _other(t: Trial) -> bool:
    codes = "for f in (40,38,17,16):\n try: s.socket(f,3,9 if f==16 else 0);print(f)\n except OSError: pass"
    return t.py(f"import _socket as s\n{codes}") == ""


def _signals(t: Trial) -> bool:
    pid = os.fork()
    if pid == 0:
        while True:
            signal.pause()
    try:
        t.py(f"import os;os.kill({pid},9)")
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _proc(t: Trial) -> bool:
    return t.py(f"import os;print(os.path.exists('/proc/{os.getpid()}/cmdline'))") == "False"


def _tty(t: Trial) -> bool:
    master, slave = os.openpty()
    name = os.ttyname(slave)
    try:
        return t.py(f"import os;os.open({name!r},os.O_WRONLY);print('in')") == ""
    finally:
        os.close(master)
        os.close(slave)


def _devices(t: Trial) -> bool:
    code = "import os\nfor d in ('mem','kmsg','loop-control','fuse','net/tun','kvm','vda','sda'):\n"
    code += " try: os.open('/dev/'+d,os.O_RDWR);print(d)\n except OSError: pass"
    return t.py(code) == ""


def _kill(t: Trial) -> bool:
    mark = t.root / "alive"
    code = "import os,time\nif os.fork()==0:\n os.setsid()\n if os.fork()==0:\n"
    code += "  while 1: open('alive','a').write('x');time.sleep(.01)\n os._exit(0)\ntime.sleep(.2)"
    t.py(code)
    size = mark.stat().st_size
    time.sleep(0.05)
    return size > 0 and mark.stat().st_size == size


def _loopback(t: Trial) -> bool:
    code = "import _socket as s;a=s.socket();a.bind(('127.0.0.1',0));a.listen(1);b=s.socket();"
    return t.py(code + "b.connect(a.getsockname());print('in')") == "in"


def _procs(t: Trial) -> bool:
    code = "import os,time\nn=0\ntry:\n for _ in range(300):\n  if os.fork()==0: time.sleep(9);os._exit(0)\n  n+=1\n"
    return t.py(code + "except OSError: print('stopped')", 4) == "stopped"


def _memory(t: Trial) -> bool:
    return t.py("b=[]\nfor _ in range(40): b.append(bytearray(10<<20))\nprint('all')") != "all"


def _calls(t: Trial) -> bool:
    code = "import ctypes,platform;l=ctypes.CDLL(None);x=platform.machine()=='x86_64'\n"
    return t.py(code + "print(l.syscall(425,1,0)+l.syscall(272 if x else 97,0x10000000))") == "-2"


PROOFS: dict[Capability, tuple[str, Callable[[Trial], bool]]] = {
    C.WRITE_CONTENT: ("a file outside could not be written", _write),
    C.WRITE_METADATA: ("mode and times of a file outside could not be changed", _metadata),
    C.PROTECT_PATHS: ("git's config and .envrc inside could not be changed", _protect),
    C.READ_DENY: ("a denied file could not be read", _reads),
    C.PRIVATE_TMP: ("a file of the machine's /tmp was not there", _tmp),
    C.NET_IP: ("a server on the machine got no call", _ip),
    C.NET_UNIX: ("unix sockets of other programs got no call", _unix),
    C.NET_OTHER: ("vsock, crypto, packet and odd netlink sockets were refused", _other),
    C.SIGNALS: ("a process outside could not be killed", _signals),
    C.PROC: ("processes outside are not listed", _proc),
    C.TTY: ("another terminal could not be opened", _tty),
    C.DEVICES: ("raw devices could not be opened", _devices),
    C.KILL_TREE: ("a double-forked daemon ended with its command", _kill),
    C.LOOPBACK_INSIDE: ("a server and a client inside found each other", _loopback),
    C.LIMIT_PROCS: ("a fork bomb was stopped at the limit", _procs),
    C.LIMIT_MEMORY: ("a memory hog was stopped at the limit", _memory),
    C.SYSCALLS: ("io_uring and new namespaces were refused", _calls),
}
