"""The file system a command sees: everything read-only, the roots on top, pieces pinned or hidden."""

from __future__ import annotations

import os

from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_py_sandbox.plan import Plan

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
SCRATCH = ("/dev/.none", "/dev/.nothing")
QUIET = lx.MS_NOSUID | lx.MS_NODEV
RO, NOSUID, NODEV = lx.MOUNT_ATTR_RDONLY, lx.MOUNT_ATTR_NOSUID, lx.MOUNT_ATTR_NODEV


def build(plan: Plan) -> dict[str, int]:
    """Turn this mount namespace into the plan's view; needs CAP_SYS_ADMIN in its user namespace.

    Returns the mount that protects each path, for `repair`.
    """
    lx.mount(None, "/", None, lx.MS_REC | lx.MS_PRIVATE)
    trees = _take(plan)
    lx.mount_setattr(lx.AT_FDCWD, RO | NOSUID | NODEV, 0, deep=True)
    _devices(trees)
    scratch = _scratch()
    _hide(plan, trees)
    for path, writable in plan.roots:
        _attach(trees.pop(path), path, writable=writable)
    for path, how in plan.binds:
        _bind(path, how)
    for path in plan.linked:
        _bind(path, "ro")
    _overlays(plan, trees)
    for path in reversed(plan.masks):
        below = [each for each in plan.shown if each.startswith(path + "/")]
        below = [p for p in below if not any(p.startswith(q + "/") for q in below)]
        if below:
            _veil(path, below)
        else:
            _cover(path, scratch)
    for path in plan.covers:
        _cover(path, scratch)
    _seal()
    os.chdir("/")
    return {path: lx.mount_id(path) for path in [*dict(plan.binds), *plan.masks, *plan.covers]}


def repair(plan: Plan, mounts: dict[str, int]) -> bool:
    """Lay mounts again that someone outside pushed off by renaming a file over them.

    Whether anything had to be done; a path that is gone is left alone.
    """
    done = False
    hows = dict(plan.binds)
    for path, known in mounts.items():
        now = lx.mount_id(path)
        if now == known or not now:
            continue
        done = True
        if path in hows:
            _bind(path, hows[path])
        else:
            _cover(path, SCRATCH)
        mounts[path] = lx.mount_id(path)
    return done


def _take(plan: Plan) -> dict[str, int]:
    """Detached copies of what must survive being hidden, taken before anything changes."""
    trees: dict[str, int] = {}
    roots = [path for path, _ in plan.roots]
    wanted = [*roots, *plan.keep_run, *(f"/dev/{name}" for name in DEVICES)]
    wanted += [path for path in (plan.tmp, plan.var_tmp) if path]
    wanted += {os.path.dirname(os.path.dirname(upper)) for _, upper, _ in plan.overlays}
    for path in wanted:
        fd = lx.hold(path)
        if fd < 0:
            if path in roots:
                raise OSError(2, f"the folder {path} is gone or became a link")
            continue
        try:
            trees[path] = lx.open_tree(fd)
        finally:
            os.close(fd)
    return trees


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


def _hide(plan: Plan, trees: dict[str, int]) -> None:
    """An empty /run and a private /tmp, with mount points for what lies below them."""
    hidden = []
    if os.path.isdir("/run"):
        lx.mount("tmpfs", "/run", "tmpfs", QUIET, "mode=755,size=1m")
        hidden.append("/run")
    for source, target in ((plan.tmp, "/tmp"), (plan.var_tmp, "/var/tmp")):
        if source:
            # The second mount may lie inside what the first one hid, so both were taken early.
            _attach(trees.pop(source), target, writable=True)
            hidden.append(target)
    for path in [*(path for path, _ in plan.roots), *plan.keep_run]:
        if path in trees and any(path.startswith(top + "/") for top in hidden):
            _point(path, os.path.isdir(f"/proc/self/fd/{trees[path]}"))
    for path in plan.keep_run:
        if path in trees:
            _attach(trees.pop(path), path, writable=False)
    if "/run" in hidden:
        lx.mount(None, "/run", None, lx.MS_REMOUNT | lx.MS_BIND | lx.MS_RDONLY | QUIET)


def _point(path: str, folder: bool) -> None:
    os.makedirs(path if folder else os.path.dirname(path), exist_ok=True)
    if not folder:
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))


def _attach(tree: int, path: str, *, writable: bool, devices: bool = False) -> None:
    """Lay the detached mount over `path`; a part the host mounted read-only stays so."""
    on = NOSUID | (0 if devices else NODEV) | (0 if writable else RO)
    try:
        lx.mount_setattr(tree, on, 0, deep=True)
        if writable:
            _unlock(tree)
        target = lx.hold(path)
        if target < 0:
            raise OSError(2, f"nothing to mount on at {path}")
        try:
            lx.move_mount(tree, target)
        finally:
            os.close(target)
    finally:
        os.close(tree)


def _unlock(tree: int) -> None:
    try:
        lx.mount_setattr(tree, 0, RO, deep=True)
    except OSError:
        pass  # read-only on the host as well


def _bind(path: str, how: str) -> None:
    fd = lx.hold(path)
    if fd < 0:
        return
    try:
        tree = lx.open_tree(fd)
    finally:
        os.close(fd)
    if how == "pin":
        _move(tree, path)
    else:
        _attach(tree, path, writable=how == "rw")


def _move(tree: int, path: str) -> None:
    target = lx.hold(path)
    try:
        lx.move_mount(tree, target)
    finally:
        os.close(tree)
        os.close(target)


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


def _cover(path: str, scratch: tuple[str, str]) -> None:
    fd = lx.hold(path)
    if fd < 0:
        return
    folder = (os.fstat(fd).st_mode & 0o170000) == 0o040000
    source = lx.hold(scratch[0] if folder else scratch[1])
    try:
        lx.move_mount(lx.open_tree(source), fd)
    finally:
        os.close(source)
        os.close(fd)


def _veil(path: str, shown: list[str]) -> None:
    """Hide a folder but for some paths below it, which keep the mounts they have."""
    at = lx.hold(path, os.O_DIRECTORY)
    if at < 0:
        return
    trees = []
    for each in shown:
        fd = lx.hold(each)
        if fd >= 0:
            trees.append((each, os.path.isdir(f"/proc/self/fd/{fd}"), lx.open_tree(fd)))
            os.close(fd)
    lx.mount("tmpfs", f"/proc/self/fd/{at}", "tmpfs", QUIET, "mode=755,size=1m")
    os.close(at)
    for each, folder, tree in trees:
        _point(each, folder)
        _move(tree, each)
    lx.mount(None, path, None, lx.MS_REMOUNT | lx.MS_BIND | lx.MS_RDONLY | QUIET)


def _seal() -> None:
    lx.mount(None, "/dev", None, lx.MS_REMOUNT | lx.MS_BIND | lx.MS_RDONLY | lx.MS_NOSUID)


def fresh(proc: bool = True, shm_mb: int = 1024) -> None:
    """The parts that each command has for itself: /proc of its own processes and /dev/shm."""
    if proc:
        lx.mount("proc", "/proc", "proc", lx.MS_RDONLY | QUIET | lx.MS_NOEXEC)
    lx.mount("tmpfs", "/dev/shm", "tmpfs", QUIET, f"mode=1777,size={shm_mb}m")
