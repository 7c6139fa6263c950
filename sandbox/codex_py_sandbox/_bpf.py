"""The seccomp programs: a balanced tree over call numbers, so that loading and calls stay cheap."""

from __future__ import annotations

import struct

from codex_py_sandbox._linux import NAMESPACES, NR, X86

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97
ALLOW, NOTIFY, ERRNO = 0x7FFF0000, 0x7FC00000, 0x50000
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
SETFLAGS, FSSETXATTR = 0x40086602, 0x401C5820
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
STREAM, SEQPACKET = 1, 5

# Refused with EPERM: nothing that a build or a test needs.
REFUSED = (
    "mount", "umount2", "pivot_root", "chroot", "open_tree", "open_tree_attr", "move_mount",
    "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "setns", "bpf", "perf_event_open",
    "userfaultfd", "add_key", "request_key", "keyctl", "create_module", "init_module",
    "finit_module", "delete_module", "query_module", "kexec_load", "kexec_file_load",
    "open_by_handle_at", "io_uring_setup", "io_uring_enter", "io_uring_register", "reboot",
    "swapon", "swapoff", "quotactl", "quotactl_fd", "syslog", "clock_settime", "settimeofday",
    "adjtimex", "clock_adjtime", "acct", "sethostname", "setdomainname", "iopl", "ioperm",
    "uselib", "ustat", "sysfs", "_sysctl", "vhangup", "nfsservctl", "lookup_dcookie",
    "fanotify_init", "modify_ldt",
)  # fmt: skip
# Calls that give a file its mode, and which argument that is; openat2 hides it in memory.
MODES = {
    "chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "open": 2, "openat": 3,
    "mknod": 1, "mknodat": 2,
}  # fmt: skip
S_ISUID = 0o4000

Block = list[tuple[int, int, int, int]]


def _op(code: int, k: int, yes: int = 0, no: int = 0) -> tuple[int, int, int, int]:
    return code, yes, no, k


def _load(offset: int) -> tuple[int, int, int, int]:
    return _op(0x20, offset)


def _arg(index: int) -> tuple[int, int, int, int]:
    return _load(16 + 8 * index)  # the low half; both machines are little-endian


def _ret(value: int) -> tuple[int, int, int, int]:
    return _op(0x06, value)


def _eq(k: int, yes: int, no: int) -> tuple[int, int, int, int]:
    return _op(0x15, k, yes, no)


def _any_bit(k: int, yes: int, no: int) -> tuple[int, int, int, int]:
    return _op(0x45, k, yes, no)


def _flags(mask: int) -> Block:
    return [_arg(0), _any_bit(mask, 0, 1), _ret(ERRNO | EPERM), _ret(ALLOW)]


def _ioctl() -> Block:
    return [
        _arg(1),
        _eq(TIOCSTI, 1, 0),
        _eq(TIOCLINUX, 0, 1),
        _ret(ERRNO | EPERM),
        _ret(ALLOW),
    ]


def _unix_type() -> Block:
    """Stream and seqpacket pass; datagrams would reach any socket by sendmsg."""
    return [
        _arg(1),
        _op(0x54, 0xF),
        _eq(STREAM, 1, 0),
        _eq(SEQPACKET, 0, 1),
        _ret(ALLOW),
        _ret(ERRNO | EAFNOSUPPORT),
    ]


def _socket(families: tuple[int, ...]) -> Block:
    netlink = [_arg(2), _eq(0, 0, 1), _ret(ALLOW), _ret(ERRNO | EAFNOSUPPORT)]
    refuse = 1 + len(families)
    targets = {AF_NETLINK: refuse + 2, AF_UNIX: refuse + 2 + len(netlink)}
    out: Block = [_arg(0)]
    for line, family in enumerate(families, 1):
        out.append(_eq(family, targets.get(family, refuse + 1) - line - 1, 0))
    return [*out, _ret(ERRNO | EAFNOSUPPORT), _ret(ALLOW), *netlink, *_unix_type()]


def _socketpair() -> Block:
    return [_arg(0), _eq(AF_UNIX, 1, 0), _ret(ERRNO | EAFNOSUPPORT), *_unix_type()]


def _connect(word: int) -> Block:
    """The listener is asked, but for calls that carry its own word in an argument nobody reads."""
    low, high = word & 0xFFFFFFFF, word >> 32
    high_at = _load(16 + 8 * 3 + 4)
    return [_arg(3), _eq(low, 0, 3), high_at, _eq(high, 0, 1), _ret(ALLOW), _ret(NOTIFY)]


def _ask_ioctl() -> Block:
    """As `_ioctl`; inode flags are asked about."""
    return [
        _arg(1),
        _eq(TIOCSTI, 2, 0),
        _eq(TIOCLINUX, 1, 0),
        _eq(SETFLAGS, 1, 3),
        _ret(ERRNO | EPERM),
        _ret(NOTIFY),
        _ret(ALLOW),
        _eq(FSSETXATTR, 0, 1),
        _ret(NOTIFY),
        _ret(ALLOW),
    ]


def program(
    *, families: Iterable[int], notify: bool = False, word: int = 0, ask: Iterable[str] = ()
) -> bytes:
    """The filter as bytes; `families` for socket(). With `notify` a listener is asked about connects
    and about modes with the set-user-id bit, which are refused otherwise. Connects with the
    `word` as their fourth argument pass: the listener's own. Of the calls in `ask` every one is
    asked about, and of ioctl those that set inode flags.
    """
    blocks: dict[str, Block] = {
        "allow": [_ret(ALLOW)],
        "eperm": [_ret(ERRNO | EPERM)],
        "enosys": [_ret(ERRNO | ENOSYS)],
        "connect": _connect(word) if word else [_ret(NOTIFY)],
        "clone": _flags(NAMESPACES),
        "unshare": _flags(NAMESPACES | 0x80),
        "ioctl": _ioctl(),
        "socket": _socket(tuple(families)),
        "socketpair": _socketpair(),
    }
    where = {NR[n]: "eperm" for n in REFUSED if n in NR}
    for index in (1, 2, 3):
        for kind, answer in (("mode", ERRNO | EPERM), ("tell", NOTIFY)):
            check = [_arg(index), _any_bit(S_ISUID, 0, 1), _ret(answer), _ret(ALLOW)]
            blocks[f"{kind}{index}"] = check
    for name, index in MODES.items():
        if name in NR:
            told = notify and "chmod" in name
            where[NR[name]] = f"tell{index}" if told else f"mode{index}"
    where[NR["openat2"]] = "enosys"
    for name in ("clone", "unshare", "ioctl", "socket", "socketpair"):
        where[NR[name]] = name
    where[NR["clone3"]] = "enosys"
    if notify:
        where[NR["connect"]] = "connect"
    for name in ask:
        if name in NR:
            where[NR[name]] = "ask"
    if ask:
        blocks["ask"], blocks["ioctl"] = [_ret(NOTIFY)], _ask_ioctl()
        where |= {NR[name]: "enosys" for name in ("setxattrat", "removexattrat", "file_setattr")}
    if X86:
        where[0x40000000] = "x32"
    return _assemble(where, blocks)


def _assemble(where: dict[int, str], blocks: dict[str, Block]) -> bytes:
    edges: list[tuple[int, str]] = [(0, "allow")]
    for nr in sorted(where):
        label = "enosys" if where[nr] == "x32" else where[nr]
        if edges[-1][0] == nr:
            edges.pop()
        if not edges or edges[-1][1] != label:
            edges.append((nr, label))
        if where[nr] != "x32":
            edges.append((nr + 1, "allow"))
    merged: list[tuple[int, str]] = []
    for edge in edges:
        if merged and merged[-1][0] == edge[0]:
            merged.pop()
        if not merged or merged[-1][1] != edge[1]:
            merged.append(edge)
    nodes: list[tuple[int, int | str, int | str]] = []
    _tree(merged, nodes)
    used = {t for _, y, n in nodes for t in (y, n) if isinstance(t, str)}
    head: Block = [_load(4), _eq(0xC000003E if X86 else 0xC00000B7, 1, 0)]
    head += [_ret(ERRNO | ENOSYS), _load(0)]
    starts: dict[str, int] = {}
    tail: Block = []
    for label in blocks:
        if label in used:
            starts[label] = len(nodes) + len(tail)
            tail += blocks[label]
    body: Block = []
    for index, (k, yes, no) in enumerate(nodes):
        hops = [(t if isinstance(t, int) else starts[t]) - index - 1 for t in (yes, no)]
        if max(hops) > 255:
            raise ValueError("seccomp program too long for its jumps")
        body.append(_op(0x35, k, hops[0], hops[1]))
    return b"".join(struct.pack("HBBI", *line) for line in head + body + tail)


def _tree(edges: list[tuple[int, str]], nodes: list[tuple[int, int | str, int | str]]) -> int | str:
    """Append the compare nodes for these ranges; the index of the first, or a leaf's label."""
    if len(edges) == 1:
        return edges[0][1]
    middle = len(edges) // 2
    index = len(nodes)
    nodes.append((0, 0, 0))
    low = _tree(edges[:middle], nodes)
    high = _tree(edges[middle:], nodes)
    nodes[index] = (edges[middle][0], high, low)
    return index
