"""What can be enforced on this machine: every claim proved by an effect seen from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from codex_py_sandbox.folders import private_folder
from codex_py_sandbox.policy import Limits, Policy
from codex_py_sandbox.session import BACKENDS, Session, open_session
from codex_py_sandbox.values import ESSENTIAL, Capability, SandboxUnavailable

C = Capability
DESCRIPTIONS = {
    "namespaces": "own namespaces and mounts, Landlock and seccomp",
    "bubblewrap": "the system's bubblewrap with our seccomp filter",
    "landlock": "Landlock and seccomp alone: files outside keep their content but not their modes "
    "and times, /tmp and process list are shared, git's rules are put back after each command",
    "seatbelt": "macOS Seatbelt",
}
ADVICE = (
    "To get confinement: allow unprivileged user namespaces "
    "(sysctl user.max_user_namespaces, on Ubuntu 24.04 "
    "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bubblewrap: "
    "apt install bubblewrap apparmor-profiles), or boot a kernel with Landlock (5.13 or later, "
    "lsm=...,landlock)."
)


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to confine: what it was seen to enforce here, and what not, with the reason."""

    name: str
    capabilities: frozenset[Capability]
    missing: Mapping[Capability, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def description(self) -> str:
        """In words for people."""
        return DESCRIPTIONS.get(self.name, self.name)

    @property
    def works(self) -> bool:
        """Whether commands may run unasked in it."""
        return self.capabilities >= ESSENTIAL


@dataclass(frozen=True, slots=True)
class Report:
    """What `doctor` found: every backend that was tried, strongest first."""

    system: str
    backends: tuple[Backend, ...]

    @property
    def chosen(self) -> Backend | None:
        """The backend that would be used."""
        return next((b for b in self.backends if b.works), None)

    @property
    def code(self) -> int:
        """0 when everything is enforced, 1 when something is missing, 78 when nothing holds."""
        if self.chosen is None:
            return 78
        return 0 if not set(self.chosen.missing) - {C.LIMIT_MEMORY} else 1

    def to_json(self) -> str:
        """The whole report as one JSON object."""
        rows = [
            {
                "name": b.name,
                "works": b.works,
                "enforced": sorted(b.capabilities),
                "missing": {str(k): v for k, v in b.missing.items()},
                "reason": b.reason,
            }
            for b in self.backends
        ]
        chosen = self.chosen.name if self.chosen else None
        return json.dumps({"system": self.system, "chosen": chosen, "backends": rows})

    def text(self) -> str:
        """For people: the chosen backend, then each capability and how it was shown."""
        lines = [self.system]
        if self.chosen is None:
            lines.append("Nothing can be enforced here.")
            lines += [f"  {b.name}: {b.reason or 'not enough of it holds'}" for b in self.backends]
            return "\n".join([*lines, ADVICE])
        lines.append(f"Commands are confined by {self.chosen.name}: {self.chosen.description}.")
        for backend in self.backends:
            lines.append(f"{backend.name}{'' if backend.works else ' (not usable)'}")
            if backend.reason:
                lines.append(f"  {backend.reason}")
                continue
            for capability in Capability:
                if capability in backend.capabilities:
                    lines.append(f"  yes  {capability:16} {PROOFS[capability][0]}")
                elif capability in backend.missing:
                    lines.append(f"  NO   {capability:16} {backend.missing[capability]}")
        return "\n".join(lines)


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
            argv = [sys.executable, "-I", "-S", "-E", "-c", code]
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
    dgram = f"import _socket as s;x=s.socket(1,2);x.sendto(b'x',{str(t.out / 'dgram')!r})"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(t.out / "dgram"))
        server.settimeout(0)
        t.py(dgram)
        try:
            server.recv(9)
            return False
        except BlockingIOError:
            pass
    # The stream socket was there before the session, as an agent's socket would be.
    return (
        t.py(f"import _socket as s;x=s.socket(1);x.connect({str(t.out / 's')!r});print('in')") == ""
    )


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
    code = "import os,time\nn=0\ntry:\n for _ in range(600):\n  if os.fork()==0: time.sleep(9);os._exit(0)\n  n+=1\n"
    return t.py(code + "except OSError: print('stopped')", 4) == "stopped"


def _memory(t: Trial) -> bool:
    return t.py("b=[]\nfor _ in range(90): b.append(bytearray(10<<20))\nprint('all')") != "all"


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


@contextmanager
def _ground(base: Path) -> Iterator[tuple[Path, socket.socket]]:
    private_folder(base)
    with tempfile.TemporaryDirectory(prefix="try-", dir=base) as name:
        folder = Path(name)
        (folder / "work" / ".git").mkdir(parents=True)
        (folder / "work" / ".git" / "config").write_text("[core]\n")
        (folder / "work" / ".envrc").write_text("keep")
        (folder / "out").mkdir()
        for file in ("file", "denied"):
            (folder / "out" / file).write_text("secret")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(folder / "out" / "s"))
            server.listen()
            yield folder, server


def probe(
    name: str, environ: Mapping[str, str], only: frozenset[Capability] | None = None
) -> Backend:
    """Try one backend on real effects, all of them or `only` some."""
    home = Path(environ.get("HOME", "/tmp"))
    base = home / ".cache" if (home / ".cache").is_dir() else home
    state = Path(tempfile.gettempdir()) / f"codex_py_sandbox-doctor-{os.geteuid()}"
    try:
        with _ground(base / "codex_py_sandbox-doctor") as (folder, _):
            policy = Policy(
                roots=(folder / "work",),
                deny_read=(folder / "out" / "denied",),
                limits=Limits(procs=400, memory_mb=700, data_mb=700),
            )
            with open_session(policy, environ=environ, state=state, backends=(name,)) as session:
                session.ready()
                trial = Trial(session, folder)
                good, missing = set(), {}
                for capability, (_, check) in PROOFS.items():
                    if only is not None and capability not in only:
                        continue
                    try:
                        held = check(trial)
                        why = f"not so: {PROOFS[capability][0]}"
                    except OSError as error:
                        held, why = False, f"could not be tried: {error}"
                    if held:
                        good.add(capability)
                    else:
                        missing[capability] = why
        return Backend(name, frozenset(good), missing)
    except (SandboxUnavailable, OSError) as error:
        return Backend(name, frozenset(), {}, str(error))


def select(policy: Policy, environ: Mapping[str, str]) -> Backend:
    """The strongest backend that holds what `policy.require` and full-auto need.

    SandboxUnavailable with everything that was tried when there is none.
    """
    wanted = ESSENTIAL | {Capability(name) for name in policy.require}
    tried = []
    for name in BACKENDS:
        backend = probe(name, environ, frozenset(wanted))
        if backend.capabilities >= wanted:
            return backend
        lacking = ", ".join(sorted(wanted - backend.capabilities))
        tried.append((name, backend.reason or f"does not hold here: {lacking}"))
    text = "; ".join(f"{name}: {why}" for name, why in tried)
    raise SandboxUnavailable(f"nothing can be enforced here ({text}). {ADVICE}", tuple(tried))


def doctor(environ: Mapping[str, str]) -> Report:
    """Try every backend on this machine."""
    system = f"{os.uname().sysname} {os.uname().release} {os.uname().machine}, uid {os.geteuid()}"
    return Report(system, tuple(probe(name, environ) for name in BACKENDS))
