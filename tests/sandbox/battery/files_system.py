"""Attacks on the machine's own files: kernel settings, devices, control groups, the host's name."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.sandbox.battery.model import Options, Skip, must_block, should_block
from tests.sandbox.battery.stage import Stage


def _setting(s: Stage, path: str, other: str) -> bool:
    """Whether the command could change a harmless kernel setting; put back in any case."""
    s.need_root()
    file = Path(path)
    try:
        before = file.read_text().strip()
    except OSError:
        raise Skip(f"no {path} here") from None
    wanted = other if before != other else str(int(other) + 1)
    s.later(lambda: file.write_text(before))
    s.py("open(T, 'w').write(NEW); print(open(T).read())", T=path, NEW=wanted)
    return file.read_text().strip() == wanted


@must_block("a30-sysctl", "write a kernel setting in /proc/sys")
def a30(s: Stage) -> bool:
    return _setting(s, "/proc/sys/fs/lease-break-time", "46")


@must_block("a31-sys", "write a kernel setting in /sys")
def a31(s: Stage) -> bool:
    return _setting(s, "/sys/kernel/mm/ksm/sleep_millisecs", "21")


@must_block("a32-hostname", "change the machine's host name")
def a32(s: Stage) -> bool:
    s.need_root()
    # In a name space of its own, so that the control run renames nothing real.
    seen = s.base / "seen"
    report = f'"$@"; hostname > {seen}'
    s.py(
        "LIBC.sethostname(b'bty-taken', 9); tried(Path('/proc/sys/kernel/hostname').write_text, 'bty-taken')",
        Options(wrap=("unshare", "-u", "sh", "-c", report, "sh")),
    )
    return seen.exists() and seen.read_text().strip() == "bty-taken"


@must_block("a33-core-pattern", "open kernel paths that run programs or reboot for writing")
def a33(s: Stage) -> bool:
    s.need_root()
    ran = s.py("""
for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger",
             "/proc/sys/fs/binfmt_misc/register", "/sys/kernel/uevent_helper", "/proc/irq/default_smp_affinity"):
    if tried(os.open, path, os.O_WRONLY) is not None: claim(path)
""")
    return bool(ran.claims)


@must_block("a29-mknod", "make a block device node, or read the root disk raw")
def a29(s: Stage) -> bool:
    s.need_root()
    device = os.stat("/").st_dev
    if not os.major(device):
        raise Skip("the root file system has no block device")
    ran = s.py(
        """
for name in ("/tmp/bty-node", "node", "/dev/node", "/dev/shm/node"):
    if tried(os.mknod, name, 0o600 | stat.S_IFBLK, DEV) is None and not os.path.exists(name): continue
    claim("made " + name)
    os.unlink(name)
for name in os.listdir("/dev"):
    try:
        if stat.S_ISBLK(os.stat("/dev/" + name).st_mode):
            fd = os.open("/dev/" + name, 0)
            if len(os.read(fd, 512)) == 512: claim(name); break
    except OSError: pass
""",
        DEV=device,
    )
    return bool(ran.claims)


@must_block("a39-char-nodes", "open memory, port, loop, fuse or kernel-log devices, or make them")
def a39(s: Stage) -> bool:
    s.need_root()
    ran = s.py("""
nodes = {"mem": (1, 1), "port": (1, 4), "kmsg": (1, 11), "fuse": (10, 229), "loop-control": (10, 237), "kvm": (10, 232), "tun": (10, 200), "vsock": (10, 241)}
for name, number in nodes.items():
    for path in ("/dev/" + name, "/dev/net/" + name):
        if tried(os.open, path, os.O_RDWR) is not None: claim(path)
    if tried(os.mknod, "n-" + name, 0o600 | stat.S_IFCHR, os.makedev(*number)) or os.path.exists("n-" + name):
        if tried(os.open, "n-" + name, os.O_RDWR) is not None: claim("made " + name)
""")
    return bool(ran.claims)


@must_block("a52-kmsg", "write a line into the kernel log")
def a52(s: Stage) -> bool:
    s.need_root()
    word = f"bty-{s.nonce}"
    s.py("open('/dev/kmsg', 'w').write(WORD + '\\n')", WORD=word)
    fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                if word.encode() in os.read(fd, 8192):
                    return True
            except BrokenPipeError:
                continue
            except BlockingIOError:
                return False
    finally:
        os.close(fd)


@must_block("a53-cgroup", "make a control group and write its release agent or members")
def a53(s: Stage) -> bool:
    s.need_root()
    name = f"bty-{s.nonce}"
    found = [
        p
        for p in (*Path("/sys/fs/cgroup").glob("*"), Path("/sys/fs/cgroup"))
        if (p / "cgroup.procs").exists()
    ]
    if not found:
        raise Skip("no control groups here")

    def tidy() -> None:
        for place in found:
            if (place / name).is_dir():
                (place / name).rmdir()

    s.later(tidy)
    ran = s.py(
        """
for place in PLACES.split(":"):
    tried(os.mkdir, place + "/" + NAME)
    if tried(os.open, place + "/release_agent", os.O_WRONLY) is not None: claim("release_agent")
    if tried(os.open, place + "/cgroup.procs", os.O_WRONLY) is not None: claim("procs")
""",
        PLACES=":".join(map(str, found)),
        NAME=name,
    )
    return bool(ran.claims) or any((place / name).exists() for place in found)


@should_block(
    "a54-mount-cgroup", "mount a control-group, proc, sysfs, debugfs or overlay of its own"
)
def a54(s: Stage) -> bool:
    ran = s.py(
        """
os.mkdir("m")
def go():
    for kind in ("cgroup", "cgroup2", "proc", "sysfs", "debugfs", "tracefs", "securityfs", "tmpfs", "devtmpfs", "overlay"):
        if mount("none", "m", kind, 0, "lowerdir=/etc,upperdir=/tmp,workdir=/tmp" if kind == "overlay" else None): claim(kind)
        fd, _ = call(430, kind.encode(), 0)
        if fd >= 0: claim("fsopen " + kind)
if os.getuid() == 0: go()
in_child(lambda: (new_userns(0x60000000), go()))
""",
        Options(wrap=("unshare", "-m") if os.getuid() == 0 else ()),
    )
    return bool(ran.claims)


@should_block("a55-domainname", "change the machine's domain name")
def a55(s: Stage) -> bool:
    s.need_root()
    before = socket.gethostname()
    seen = s.base / "seen"
    s.py(
        "LIBC.setdomainname(b'bty', 3); tried(Path('/proc/sys/kernel/domainname').write_text, 'bty')",
        Options(
            wrap=(
                "unshare",
                "-u",
                "sh",
                "-c",
                f'"$@"; cat /proc/sys/kernel/domainname > {seen}',
                "sh",
            )
        ),
    )
    return seen.exists() and seen.read_text().strip() == "bty" and socket.gethostname() == before
