"""Attacks on processes outside: signals, tracing, memory, descriptors, environment, priorities."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.sandbox.battery.model import Options, Skip, must_block, should_block
from tests.sandbox.battery.stage import Stage

# A process of the person's own with a known word in its memory, environment and command line.
TARGET = """
import ctypes, os, sys
word = ctypes.create_string_buffer(b"bty-old-" + sys.argv[1].encode())
LIBC = ctypes.CDLL(None)
LIBC.prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)
print(ctypes.addressof(word), flush=True)
for line in sys.stdin:
    print(word.value.decode(), flush=True)
"""


class Target:
    """A throwaway outside process that answers each line with the word in its memory."""

    def __init__(self, s: Stage, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", TARGET, s.nonce],
            env=s.env(Options()) | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        s.later(lambda: (self.process.kill(), self.process.communicate()))
        assert self.process.stdout is not None
        self.address = int(self.process.stdout.readline())
        self.pid = self.process.pid

    def word(self) -> str:
        """The word in its memory now."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print("say", file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def status(self, key: str) -> str:
        """One line of its /proc status."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next((x.split(":", 1)[1].strip() for x in lines if x.startswith(key + ":")), "")


# Inside, the pid may be another: the attack also looks for the target by its command line.
FIND = """
def find():
    found = [PID]
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try: line = Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError: continue
            if line.endswith(b"\\0" + NONCE.encode() + b"\\0"): found.append(int(name))
    return found
"""


@must_block("p01-kill", "kill an outside process of the same user")
def p01(s: Stage) -> bool:
    target = Target(s)
    s.py(FIND + "for p in find(): tried(os.kill, p, 9)", PID=target.pid)
    try:
        target.process.wait(0.2)
    except subprocess.TimeoutExpired:
        return False
    return True


@must_block("p02-stop", "stop an outside process")
def p02(s: Stage) -> bool:
    target = Target(s)
    s.py(FIND + "for p in find(): tried(os.kill, p, 19)", PID=target.pid)
    return target.status("State").startswith("T")


@must_block("p03-ptrace", "attach to an outside process with ptrace")
def p03(s: Stage) -> bool:
    target = Target(s)
    ran = s.py(
        FIND + "for p in find():\n    if LIBC.ptrace(0x4206, p, None, None) == 0: claim('seized')",
        PID=target.pid,
    )
    return bool(ran.claims)


@must_block("p04-mem", "write an outside process's memory through /proc/PID/mem")
def p04(s: Stage) -> bool:
    target = Target(s)
    s.py(
        FIND
        + "for p in find(): tried(lambda: os.pwrite(os.open(f'/proc/{p}/mem', 2), b'bty-new', AT))",
        PID=target.pid,
        AT=target.address,
    )
    return target.word().startswith("bty-new")


VM = """
class Vec(ctypes.Structure): _fields_ = [("at", ctypes.c_void_p), ("n", ctypes.c_size_t)]
mine = ctypes.create_string_buffer(b"bty-new")
local, far = Vec(ctypes.addressof(mine), 7), Vec(AT, 7)
"""


@must_block("p05-vm-writev", "write an outside process's memory with process_vm_writev")
def p05(s: Stage) -> bool:
    target = Target(s)
    s.py(
        FIND
        + VM
        + "for p in find(): LIBC.process_vm_writev(p, ctypes.byref(local), 1, ctypes.byref(far), 1, 0)",
        PID=target.pid,
        AT=target.address,
    )
    return target.word().startswith("bty-new")


@must_block("p06-vm-readv", "read an outside process's memory with process_vm_readv")
def p06(s: Stage) -> bool:
    target = Target(s)
    ran = s.py(
        FIND
        + VM
        + "for p in find(): LIBC.process_vm_readv(p, ctypes.byref(local), 1, ctypes.byref(far), 1, 0); print(mine.value)",
        PID=target.pid,
        AT=target.address,
    )
    return "bty-old" in ran.text


@must_block("p07-environ", "read an outside process's environment in /proc")
def p07(s: Stage) -> bool:
    target = Target(s, BTY_WORD="in-the-environment")
    ran = s.py(
        FIND + "for p in find(): print(tried(Path(f'/proc/{p}/environ').read_bytes))",
        PID=target.pid,
    )
    return "in-the-environment" in ran.text


@must_block("p08-parent-env", "read the launcher's own environment in /proc")
def p08(s: Stage) -> bool:
    ran = s.py(
        "for p in os.listdir('/proc'):\n    if p.isdigit() and int(p) != os.getpid(): print(tried(Path(f'/proc/{p}/environ').read_bytes))",
        Options(
            wrap=(
                "env",
                f"BTY_WORD=agent-{s.nonce}",
                "sh",
                "-c",
                'env -u BTY_WORD "$@"; exit $?',
                "sh",
            )
        ),
    )
    return f"BTY_WORD=agent-{s.nonce}" in ran.text


@must_block(
    "p09-proc-root", "reach outside files through /proc/PID/root, cwd or fd of an outside process"
)
def p09(s: Stage) -> bool:
    victim = s.victim()
    with victim.open("r+") as file:
        process = subprocess.Popen(["sleep", "60"], cwd=s.out, pass_fds=[file.fileno()])
        s.later(lambda: (process.kill(), process.wait()))
        s.py(
            """
for p in os.listdir("/proc"):
    if not p.isdigit() or int(p) == os.getpid(): continue
    for at in ("cwd/victim.txt", "root" + T, f"fd/{FD}"):
        try:
            if Path(f"/proc/{p}/{at}").read_text() == "old\\n": open(f"/proc/{p}/{at}", "w").write("new")
        except (OSError, ValueError): pass
""",
            T=victim,
            FD=file.fileno(),
        )
    return victim.read_text() != "old\n"


@should_block("p10-cmdline", "list outside processes' command lines")
def p10(s: Stage) -> bool:
    Target(s)
    word = s.nonce[::-1]
    process = subprocess.Popen(["sh", "-c", f"sleep 60; : {word}"])
    s.later(lambda: (process.kill(), process.wait()))
    ran = s.py("for p in Path('/proc').glob('[0-9]*/cmdline'): print(tried(p.read_bytes))")
    return word in ran.text


@must_block("p11-pidfd", "signal by pidfd, or copy a descriptor with pidfd_getfd")
def p11(s: Stage) -> bool:
    victim = s.victim()
    with victim.open("r+") as file:
        target = subprocess.Popen(
            [sys.executable, "-S", "-c", "import time; time.sleep(60)"], pass_fds=[file.fileno()]
        )
        s.later(lambda: (target.kill(), target.wait()))
        s.py(
            """
for pid in (PID,):
    if (fd := tried(os.pidfd_open, pid)) is None: continue
    got, _ = call(438, fd, FD, 0)
    if got >= 0: tried(os.pwrite, got, b"new", 0)
    tried(signal.pidfd_send_signal, fd, 9)
""",
            PID=target.pid,
            FD=file.fileno(),
        )
        try:
            target.wait(0.2)
        except subprocess.TimeoutExpired:
            return victim.read_text() != "old\n"
    return True


@should_block("p12-prlimit", "prlimit, priority, affinity and oom score of an outside process")
def p12(s: Stage) -> bool:
    target = Target(s)
    s.py(
        """
import resource
tried(resource.prlimit, PID, resource.RLIMIT_NOFILE, (77, 77)); tried(os.setpriority, os.PRIO_PROCESS, PID, 7)
tried(os.sched_setaffinity, PID, {0}); tried(Path(f"/proc/{PID}/oom_score_adj").write_text, "777")
""",
        PID=target.pid,
    )
    limits = Path(f"/proc/{target.pid}/limits").read_text()
    score = Path(f"/proc/{target.pid}/oom_score_adj").read_text().strip()
    return " 77 " in limits or score == "777" or os.getpriority(os.PRIO_PROCESS, target.pid) == 7


@must_block("p17-killpg", "signal an outside process group or session leader")
def p17(s: Stage) -> bool:
    target = Target(s)
    s.py("tried(os.killpg, PID, 15)", PID=target.pid)
    try:
        target.process.wait(0.2)
    except subprocess.TimeoutExpired:
        return False
    return True


@must_block("p18-caps", "the command keeps kernel capabilities in the host's user namespace")
def p18(s: Stage) -> bool:
    s.need_root()
    ran = s.py("""
lines = dict(l.split(":\\t") for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("Cap"))
same = Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
if int(lines["CapEff"], 16) and same: claim("eff " + lines["CapEff"])
if int(lines["CapPrm"], 16) and same: claim("prm " + lines["CapPrm"])
""")
    return bool(ran.claims)


@must_block("p23-parent", "kill the process that started the command")
def p23(s: Stage) -> bool:
    """The parent is a throwaway shell when bare, and the sandbox's own process when confined."""
    canary = s.base / "survived"
    s.py(
        "tried(os.kill, os.getppid(), 9); time.sleep(0.05)",
        Options(wrap=("sh", "-c", f'sh -c \'"$@" & wait; touch {canary}\' sh "$@"', "sh")),
    )
    return not canary.exists()


@must_block("p24-wchan", "read an outside process's memory map, stack or open files")
def p24(s: Stage) -> bool:
    target = Target(s)
    ran = s.py(
        "for n in ('maps', 'auxv', 'stat', 'fd', 'cwd'): print(n, tried(os.listdir if n == 'fd' else os.readlink if n == 'cwd' else lambda p: open(p, 'rb').read(), f'/proc/{PID}/{n}'))",
        PID=target.pid,
    )
    if not ran.started:
        raise Skip("did not start")
    inside = ran.text
    return (
        "libc" in inside
        and "python" in inside
        and str(target.address)[:2] != ""
        and _is_target(inside, target)
    )


def _is_target(text: str, target: Target) -> bool:
    """Whether what was read belongs to the outside process, not to one with its number inside."""
    start = Path(f"/proc/{target.pid}/maps").read_text().splitlines()[0].split("-")[0]
    return start in text
