"""The file system a command sees: everything read-only, the roots on top, pieces pinned or hidden."""

from __future__ import annotations

import os

from codex_py_sandbox import _host
from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codex_py_sandbox.plan import Plan

    # path -> the mount that was laid there, 0 for none; path -> (what lies there outside, writable)
    Mounts = dict[str, int]
    Seats = dict[str, tuple[int, bool]]

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
SCRATCH = ("/dev/.none", "/dev/.nothing")
QUIET = lx.MS_NOSUID | lx.MS_NODEV
RO, NOSUID, NODEV = lx.MOUNT_ATTR_RDONLY, lx.MOUNT_ATTR_NOSUID, lx.MOUNT_ATTR_NODEV
TRIES = 200
"""How often one path may be replaced under our hands, each time within some microseconds."""


def build(plan: Plan) -> tuple[Mounts, Seats]:
    """Turn this mount namespace into the plan's view; needs CAP_SYS_ADMIN in its user namespace.

    Returns, for `repair`, the mount that protects each path and what was seated in the private
    /tmp. Other programs go on meanwhile: what they remove is left out, what they replace is
    protected in its new form.
    """
    lx.mount(None, "/", None, lx.MS_REC | lx.MS_PRIVATE)
    mounts: Mounts = {}
    trees, seats = _take(plan)
    lx.mount_setattr(lx.AT_FDCWD, RO | NOSUID | NODEV, 0, deep=True)
    _devices(trees)
    scratch = _scratch()
    _hide(plan, trees, seats)
    for path, writable in plan.roots:
        _attach(trees.pop(path), path, writable=writable, seat=_seated(path, seats))
    for path, how in plan.binds:
        mounts[path] = _bind(plan, path, how)
    for path in plan.linked:
        _bind(plan, path, "ro")
    _overlays(plan, trees)
    for path in reversed(plan.masks):
        below = [each for each in plan.shown if each.startswith(path + "/")]
        below = [p for p in below if not any(p.startswith(q + "/") for q in below)]
        mounts[path] = _veil(path, below) if below else _cover(path, scratch)
    for path in plan.covers:
        mounts[path] = _cover(path, scratch)
    _seal()
    os.chdir("/")
    return mounts, seats


def repair(plan: Plan, mounts: Mounts, seats: Seats) -> bool:
    """Lay mounts again that someone pushed off, by a rename over them or by removing what they
    lay on where that was no mount.

    Whether anything had to be done. Our own placeholders are made again; another path that is
    gone is left alone.
    """
    again: list[str] = []
    for path, (origin, writable) in sorted(seats.items()):
        under = _inside(path, again)
        if under or lx.mount_id(path) in (0, lx.mount_id(_top(path))):
            tree = lx.open_tree(origin)
            _attach(tree, path, writable=writable, seat=_seated(path, seats))
            again.append(path)
    done = bool(again)
    for path in plan.linked if done else ():
        _bind(plan, path, "ro")
    hows, made = dict(plan.binds), dict(plan.made)
    for path, known in mounts.items():
        now = lx.mount_id(path)
        # Numbers are given out again: what lies on its folder's mount bears none of its own.
        if now and now == known and now != lx.mount_id(os.path.dirname(path)):
            continue
        if not now and (path not in made or os.path.lexists(path)):
            continue
        laid = _bind(plan, path, hows[path]) if path in hows else _cover(path, SCRATCH)
        if laid:
            mounts[path] = laid
            done = True
    return done


def _onto(path: str, lay: Callable[[int], int], make: Callable[[], None] | None = None) -> int:
    """What `lay` answers for a descriptor of `path`; 0 when nothing is there nor can be made.

    Anew when what was there lost its name meanwhile: the kernel does not mount on that.
    """
    for _ in range(TRIES):
        at = lx.hold(path)
        if at < 0 and make:
            make()
            at = lx.hold(path)
        if at < 0:
            return 0
        try:
            return lay(at)
        except OSError as error:
            if error.errno != 2:
                raise
        finally:
            os.close(at)
    raise OSError(11, f"{path} is replaced again and again")


def _take(plan: Plan) -> tuple[dict[str, int], Seats]:
    """Detached copies of what must survive being hidden, taken before anything changes, and
    what will be seated in the private /tmp, held."""
    trees: dict[str, int] = {}
    seats: Seats = {}
    roots = [path for path, _ in plan.roots]
    writable = dict(plan.roots)
    wanted = [*roots, *plan.keep_run, *(f"/dev/{name}" for name in DEVICES)]
    wanted += [path for path in (plan.tmp, plan.var_tmp) if path]
    wanted += {os.path.dirname(os.path.dirname(upper)) for _, upper, _ in plan.overlays}
    for path in wanted:
        fd = lx.hold(path)
        if fd < 0:
            if path in roots:
                raise OSError(2, f"the folder {path} is gone or became a link")
            continue
        trees[path] = lx.open_tree(fd)
        if _top(path) in _private(plan) and (path in roots or path in plan.keep_run):
            seats[path] = (fd, writable.get(path, False))
        else:
            os.close(fd)
    return trees, seats


def _inside(path: str, tops: Iterable[str]) -> bool:
    return any(path.startswith(top + "/") for top in tops)


def _seated(path: str, seats: Seats) -> bool:
    """Whether its mount point lies in the private /tmp itself, not in another seat."""
    return path in seats and not _inside(path, seats)


def _top(path: str) -> str:
    """The folder with a private stand-in that `path` lies below; empty if none."""
    return next((top for top in ("/tmp", "/var/tmp") if path.startswith(top + "/")), "")


def _private(plan: Plan) -> list[str]:
    return [top for top, source in (("/tmp", plan.tmp), ("/var/tmp", plan.var_tmp)) if source]


def _devices(trees: dict[str, int]) -> None:
    lx.mount("tmpfs", "/dev", "tmpfs", lx.MS_NOSUID, "mode=755,size=1m")
    for name in DEVICES:
        tree = trees.pop(f"/dev/{name}", -1)
        if tree >= 0:
            os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_CLOEXEC, 0o600))
            _attach(tree, f"/dev/{name}", writable=True, devices=True)
    for name in ("pts", "shm"):
        os.mkdir(f"/dev/{name}")
    lx.mount(
        "devpts", "/dev/pts", "devpts", lx.MS_NOSUID | lx.MS_NOEXEC, "newinstance,ptmxmode=0666"
    )
    for name, target in (
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ):
        os.symlink(target, f"/dev/{name}")


def _scratch() -> tuple[str, str]:
    """An unreadable folder and file, to lay over what must not be seen."""
    os.mkdir(SCRATCH[0])
    os.close(os.open(SCRATCH[1], os.O_CREAT | os.O_CLOEXEC, 0))
    for path in SCRATCH:
        os.chmod(path, 0)
    return SCRATCH


def _hide(plan: Plan, trees: dict[str, int], seats: Seats) -> None:
    """An empty /run and a private /tmp, with mount points for what lies below them."""
    run = os.path.isdir("/run")
    if run:
        lx.mount("tmpfs", "/run", "tmpfs", QUIET, "mode=755,size=1m")
    for source, target in ((plan.tmp, "/tmp"), (plan.var_tmp, "/var/tmp")):
        if source:
            # The second mount may lie inside what the first one hid, so both were taken early.
            _attach(trees.pop(source), target, writable=True)
    for path, _ in plan.roots:
        if run and path.startswith("/run/"):
            _point(path, True)
    for path in plan.keep_run:
        if path in trees:
            seat = path.startswith("/run/") or _seated(path, seats)
            _attach(trees.pop(path), path, writable=False, seat=seat)
    if run:
        lx.mount(None, "/run", None, lx.MS_REMOUNT | lx.MS_BIND | lx.MS_RDONLY | QUIET)


def _point(path: str, folder: bool) -> None:
    os.makedirs(path if folder else os.path.dirname(path), exist_ok=True)
    if not folder:
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))


def _seat(path: str, folder: bool) -> None:
    """A point to mount on in /run or the private /tmp, which the session's commands share.

    What they left in its way, a file or a link, is put aside; what they remove meanwhile is
    made again by the next try.
    """
    at = ""
    above = path.split("/")[1:-1]
    try:
        for name in above:
            at = f"{at}/{name}"
            _clear(at, folder=True)
            if not os.path.isdir(at):
                os.mkdir(at)
        _clear(path, folder)
        _point(path, folder)
    except FileNotFoundError:
        pass


def _clear(path: str, folder: bool) -> None:
    """Rename what is of another kind than a mount point there needs."""
    if os.path.lexists(path) and (os.path.islink(path) or os.path.isdir(path) != folder):
        os.rename(path, f"{path}.aside-{os.urandom(4).hex()}")


def _attach(
    tree: int, path: str, *, writable: bool, devices: bool = False, seat: bool = False
) -> None:
    """Lay the detached mount over `path`; a part the host mounted read-only stays so."""
    on = NOSUID | (0 if devices else NODEV) | (0 if writable else RO)
    try:
        lx.mount_setattr(tree, on, 0, deep=True)
        if writable:
            _unlock(tree)
        folder = os.path.isdir(f"/proc/self/fd/{tree}")
        if not _onto(path, _moving(tree), (lambda: _seat(path, folder)) if seat else None):
            raise OSError(2, f"nothing to mount on at {path}")
    finally:
        os.close(tree)


def _moving(tree: int) -> Callable[[int], int]:
    def lay(at: int) -> int:
        lx.move_mount(tree, at)
        return lx.mount_of(tree)

    return lay


def _unlock(tree: int) -> None:
    try:
        lx.mount_setattr(tree, 0, RO, deep=True)
    except OSError:
        pass  # read-only on the host as well


def _bind(plan: Plan, path: str, how: str) -> int:
    """Lay `path` over itself as "ro", "rw" or "pin": the mount, or 0 when nothing is there."""
    kind = dict(plan.made).get(path, "")

    def lay(at: int) -> int:
        tree = lx.open_tree(at)
        try:
            if how != "pin":
                lx.mount_setattr(tree, NOSUID | NODEV | (RO if how == "ro" else 0), 0, deep=True)
            if how == "rw":
                _unlock(tree)
            return _moving(tree)(at)
        finally:
            os.close(tree)

    return _onto(path, lay, (lambda: _host.make_one(path, kind)) if kind else None)


def _overlays(plan: Plan, trees: dict[str, int]) -> None:
    """Mount the cache overlays; those that the kernel refuses are taken out of the plan."""
    if not plan.overlays:
        return
    top = os.path.dirname(os.path.dirname(plan.overlays[0][1]))
    os.mkdir("/dev/.over")
    _attach(trees.pop(top), "/dev/.over", writable=True)
    kept = []
    for path, upper, work in plan.overlays:
        if _overlay(path, "/dev/.over" + upper[len(top) :], "/dev/.over" + work[len(top) :]):
            kept.append((path, upper, work))
    plan.overlays = kept
    lx.syscall("umount2", b"/dev/.over", 2)
    os.rmdir("/dev/.over")


def _overlay(path: str, upper: str, work: str) -> bool:
    """Whether writes below `path` now go to the session's own layer."""
    if any(letter in path + upper for letter in ",:\\"):
        return False
    data = f"lowerdir={path},upperdir={upper},workdir={work},userxattr"
    try:
        lx.mount("overlay", path, "overlay", QUIET, data)
    except OSError:
        return False
    return True


def _cover(path: str, scratch: tuple[str, str]) -> int:
    """Lay nothing over `path`, a file or a folder: the mount, or 0 when nothing is there."""

    def lay(at: int) -> int:
        folder = (os.fstat(at).st_mode & 0o170000) == 0o040000
        source = lx.hold(scratch[0] if folder else scratch[1])
        try:
            tree = lx.open_tree(source)
        finally:
            os.close(source)
        try:
            return _moving(tree)(at)
        finally:
            os.close(tree)

    return _onto(path, lay)


def _veil(path: str, shown: list[str]) -> int:
    """Hide a folder but for some paths below it, which keep the mounts they have."""
    trees = []

    def lay(at: int) -> int:
        lx.mount("tmpfs", f"/proc/self/fd/{at}", "tmpfs", QUIET, "mode=755,size=1m")
        return 1

    for each in shown:
        fd = lx.hold(each)
        if fd >= 0:
            trees.append((each, os.path.isdir(f"/proc/self/fd/{fd}"), lx.open_tree(fd)))
            os.close(fd)
    laid = _onto(path, lay)
    for each, folder, tree in trees:
        try:
            if laid:
                _point(each, folder)
                _onto(each, _moving(tree))
        finally:
            os.close(tree)
    if not laid:
        return 0
    lx.mount(None, path, None, lx.MS_REMOUNT | lx.MS_BIND | lx.MS_RDONLY | QUIET)
    return lx.mount_id(path)


def _seal() -> None:
    lx.mount(None, "/dev", None, lx.MS_REMOUNT | lx.MS_BIND | lx.MS_RDONLY | lx.MS_NOSUID)


def fresh(proc: bool = True, shm_mb: int = 1024) -> None:
    """The parts that each command has for itself: /proc of its own processes and /dev/shm."""
    if proc:
        lx.mount("proc", "/proc", "proc", lx.MS_RDONLY | QUIET | lx.MS_NOEXEC)
    lx.mount("tmpfs", "/dev/shm", "tmpfs", QUIET, f"mode=1777,size={shm_mb}m")
