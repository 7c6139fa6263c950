"""Attacks on files outside by kernel tricks: mounts, chroots, handles, races, foreign system calls."""

from __future__ import annotations

import platform
import subprocess

from tests.sandbox.battery.files_plain import changed
from tests.sandbox.battery.model import Options, Skip, must_block
from tests.sandbox.battery.stage import Stage, wait_for

PRIVATE = ("unshare", "-m", "--propagation", "private")


def only_x86() -> None:
    """Skip where the numbers of this script mean other calls."""
    if platform.machine() != "x86_64":
        raise Skip("written for x86_64")


@must_block("a60-remount", "remount everything writable, then write")
def a60(s: Stage) -> bool:
    return _mounted(
        s,
        """
for where in ("/", OUT, os.path.dirname(OUT)):
    mount(None, where, None, 0x20 | 0x1000);
    call(442, -100, where.encode(), 0x8000, struct.pack("QQQQ", 0, 1, 0, 0), 32)
tried(lambda: open(T, "w").write("new"))
""",
    )


@must_block("a61-userns-remount", "a new user namespace, then remount and write")
def a61(s: Stage) -> bool:
    return _mounted(
        s,
        """
new_userns()
mount(None, "/", None, 0x20 | 0x1000); mount(OUT, OUT, None, 0x1000 | 0x4000)
mount(None, OUT, None, 0x20 | 0x1000); call(166, OUT.encode(), 2)
tried(lambda: open(T, "w").write("new"))
""",
    )


@must_block("a62-umount", "unmount what covers the outside, then write")
def a62(s: Stage) -> bool:
    return _mounted(
        s,
        """
for where in sorted((l.split()[4] for l in open("/proc/self/mountinfo") if l.split()[4] in OUT), key=len)[::-1]:
    if where not in ("/", "/root", "/home"): call(166, where.encode(), 2)
tried(lambda: open(T, "w").write("new"))
""",
    )


@must_block("a63-bind-new", "bind the outside folder into the workspace and write there")
def a63(s: Stage) -> bool:
    s.need_root()
    return _mounted(
        s,
        """
os.mkdir("m"); mount(OUT, "m", None, 0x1000)
tree, _ = call(428, -100, OUT.encode(), 1)
if tree >= 0: call(429, tree, b"", -100, b"m", 4)
tried(lambda: open("m/victim.txt", "w").write("new"))
""",
        wrap=True,
        only_private=True,
    )


@must_block("a64-detached", "write into a detached copy of a mount (open_tree)")
def a64(s: Stage) -> bool:
    s.need_root()
    only_x86()
    return _mounted(
        s,
        """
tree, error = call(428, -100, OUT.encode(), 1)
if tree >= 0:
    call(442, tree, b"", 0x1000, struct.pack("QQQQ", 0, 1, 0, 0), 32)
    tried(lambda: os.write(os.open("victim.txt", 1 | os.O_TRUNC, dir_fd=tree), b"new"))
""",
    )


@must_block("a65-chroot", "escape by chroot and ..")
def a65(s: Stage) -> bool:
    s.need_root()
    return _mounted(
        s,
        """
os.mkdir("c"); tried(os.chroot, "c")
for _ in range(40): os.chdir("..")
tried(os.chroot, "."); tried(lambda: open(T, "w").write("new"))
""",
    )


@must_block("a66-setns", "enter the namespaces of process 1 and of the parent")
def a66(s: Stage) -> bool:
    return _mounted(
        s,
        """
for pid in (1, os.getppid()):
    for kind in ("user", "mnt"):
        fd = tried(os.open, f"/proc/{pid}/ns/{kind}", 0)
        if fd: call(308, fd, 0)
    fd = tried(os.pidfd_open, pid)
    if fd: call(308, fd, CLONE_NEWNS)
tried(lambda: open(T, "w").write("new"))
""",
    )


@must_block("a67-pivot", "pivot_root to a bind of the workspace and back out")
def a67(s: Stage) -> bool:
    s.need_root()
    return _mounted(
        s,
        """
tried(os.mkdir, "old"); here = os.getcwd()
mount(here, here, None, 0x1000); os.chdir(here)
if call(155, b".", b"old")[0] == 0: T = "/old" + T
tried(lambda: open(T, "w").write("new"))
""",
        wrap=True,
    )


@must_block("a68-handle", "open an outside file by its handle (open_by_handle_at)")
def a68(s: Stage) -> bool:
    s.need_root()
    only_x86()
    return _mounted(
        s,
        """
handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128)); ident = ctypes.c_int()
print(call(303, -100, T.encode(), handle, ctypes.byref(ident), 0))
for where in (".", "/", "/tmp", OUT):
    at = tried(os.open, where, 0)
    if at is None: continue
    fd, error = call(304, at, handle, 1)
    if fd >= 0: os.ftruncate(fd, 0); break
""",
    )


@must_block("a69-int80", "write through 32-bit system calls (int 0x80)")
def a69(s: Stage) -> bool:
    s.need("gcc")
    only_x86()
    victim = s.victim()
    (s.base / "i.c").write_text(
        "#include <stdio.h>\n#include <string.h>\n#include <sys/mman.h>\n"
        "static long c(long n, long a, long b, long d) { long r;\n"
        '  __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(d)'
        ' : "memory", "r8", "r9", "r10", "r11"); return r; }\n'
        "int main(int n, char **v) {\n"
        "  char *p = mmap((void *)0x10000000, 8192, 3, 0x22 | 0x40, -1, 0);\n"
        '  strcpy(p, v[1]); long fd = c(5, (long)p, 1 | 512, 0); strcpy(p, "new");\n'
        '  printf("%ld\\n", fd); return c(4, fd, (long)p, 3) != 3; }\n'
    )
    subprocess.run(
        ["gcc", "-o", str(s.ws / "i"), str(s.base / "i.c")], check=True, capture_output=True
    )
    s.py("subprocess.run(['./i', T])", T=victim)
    return changed(victim)


@must_block("a70-x32", "make a user namespace with x32 system-call numbers, or write through them")
def a70(s: Stage) -> bool:
    only_x86()
    s.py(
        """
fd, error = call(0x40000000 | 2, T.encode(), 1 | os.O_TRUNC, 0)
if fd >= 0: os.write(fd, b"new")
""",
        T=(victim := s.victim()),
    )
    return changed(victim)


@must_block("a71-iouring-file", "open and write a file through io_uring")
def a71(s: Stage) -> bool:
    from tests.sandbox.battery.uring import RING

    only_x86()
    victim = s.victim()
    s.py(
        RING
        + """
ring = Ring()
path = ctypes.create_string_buffer(T.encode()); text = ctypes.create_string_buffer(b"new!")
fd = ring.do(op=18, fd=-100, addr=ctypes.addressof(path), length=0, offset=0, flags=1)
print("open", fd)
print("write", ring.do(op=23, fd=fd, addr=ctypes.addressof(text), length=4, offset=0, flags=0))
""",
        T=victim,
    )
    return changed(victim)


@must_block("a72-propagation", "a mount made inside appears on the host")
def a72(s: Stage) -> bool:
    s.need_root()
    where = s.ws / "m"
    where.mkdir()
    s.later(lambda: subprocess.run(["umount", "-l", str(where)], capture_output=True))
    s.py(
        "mount('none', T, 'tmpfs', 0); in_child(lambda: (new_userns(), mount('none', T, 'tmpfs', 0)))",
        T=where,
    )
    with open("/proc/self/mountinfo", "rb") as mounts:
        return any(str(where).encode() in line for line in mounts)


@must_block("a73-race-link", "a thread swaps a folder for a link while another writes")
def a73(s: Stage) -> bool:
    victim = s.victim("d/f")
    s.py(
        """
os.mkdir("d"); Path("d/f").write_text("x"); os.symlink(OUT + "/d", "l")
def swap():
    while True:
        for a, b in (("d", "t"), ("l", "d"), ("d", "l"), ("t", "d")): tried(os.rename, a, b)
sys.stderr = open(os.devnull, "w")
threading.Thread(target=swap, daemon=True).start()
end = time.monotonic() + 1
while time.monotonic() < end and Path(OUT, "d/f").read_text() == "old\\n":
    tried(lambda: open("d/f", "w").write("new"))
os._exit(0)
""",
        OUT=s.out,
    )
    return changed(victim)


@must_block("a74-race-start", "one command swaps folders for links while the next ones start")
def a74(s: Stage) -> bool:
    victim = s.victim("hooks/pre-commit")
    (s.ws / "sub/.git/hooks").mkdir(parents=True)
    (s.ws / "sub/.git/HEAD").write_text("ref: refs/heads/main\n")
    (s.ws / "sub/.git/config").write_text("[core]\n\tbare = false\n")
    for name in ("objects", "refs"):
        (s.ws / "sub/.git" / name).mkdir()
    swapper = s.start(
        s.script(
            """
os.symlink(OUT, "l"); os.mkdir("tree"); Path("up").write_text("")
sys.stderr = open(os.devnull, "w")
end = time.monotonic() + 8
while time.monotonic() < end and not os.path.exists("stop"):
    for where in ("sub/.git", "sub"):
        for a, b in ((where, "t"), ("l", where), (where, "l"), ("t", where)): tried(os.rename, a, b)
""",
            OUT=s.out,
        )
    )
    wait_for(s.ws / "up")
    for _ in range(1 if s.backend == "none" else 6):
        s.py(
            """
for name in ("sub/.git/hooks/pre-commit", "sub/hooks/pre-commit", "l/hooks/pre-commit", T):
    for _ in range(50): tried(lambda: open(name, "w").write("new"))
""",
            T=victim,
        )
    (s.ws / "stop").write_text("")
    s.note(None, *swapper.communicate(timeout=20))
    return changed(victim)


@must_block("a75-exec-outside", "run a set-user-id or capability program to gain rights")
def a75(s: Stage) -> bool:
    ran = s.py(
        """
status = Path("/proc/self/status").read_text()
if "NoNewPrivs:\\t0" in status: claim("no_new_privs is off")
"""
    )
    return bool(ran.claims)


def _mounted(s: Stage, code: str, *, wrap: bool = True, only_private: bool = False) -> bool:
    """Play a mount attack on a victim that lies on its own read-only mount, in a private mount view.

    The outer `unshare -m` keeps the control run's mounts off this machine; as an ordinary user the
    victim is simply a file that the sandbox must keep read-only.
    """
    import os

    victim = s.victim()
    wrapped = PRIVATE if wrap and os.getuid() == 0 else ()
    s.py(code, Options(wrap=wrapped), T=victim, OUT=s.out)
    return changed(victim)
