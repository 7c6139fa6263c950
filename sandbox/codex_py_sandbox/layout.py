"""A policy resolved on this machine, once, before any command ran: the only place that looks."""

from __future__ import annotations

import os

from codex_py_sandbox import gitlayout, places
from codex_py_sandbox.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


TMP = ("/tmp", "/var/tmp")
MOST_FILES = 20_000
MOST_LINKED = 200


def beneath(path: str, top: str) -> bool:
    """Whether `path` is `top` or lies below it, by name."""
    return path == top or path.startswith(top.rstrip("/") + "/")


def refuse_root(path: str, home: str, own: list[str]) -> str:
    """Why the real path cannot be a root; empty when it can."""
    if path in places.SYSTEM_FOLDERS or any(beneath(path, top) for top in places.NEVER_BELOW):
        return f"{path} cannot be a workspace: it is a system folder; give a project folder"
    if home and beneath(home, path):
        return f"{path} cannot be a workspace: it holds the home folder; give a project folder"
    for folder in own:
        if beneath(folder, path) or beneath(path, folder):
            return f"{path} cannot be a workspace: it holds the agent's own data in {folder}"
    return ""


def resolve(spec: Mapping[str, Any], home: str, state: str, session: str) -> Plan:
    """The plan for a policy (`to_data` form). Raises OSError with a clear text when it cannot be.

    `state` is the caller's private folder, `session` this session's own folder below it.
    Nothing is created here; what must be made on the host is listed in `made`.
    """
    plan = Plan(spec["mode"], spec["network"])
    home = plan.home = os.path.realpath(home) if home else ""
    own = [os.path.realpath(p) for p in [*spec["own"], state]]
    for text in spec["roots"]:
        path = os.path.realpath(text)
        why = refuse_root(path, home, own)
        if why or not os.path.isdir(path):
            raise OSError(1, why or f"the workspace {path} is not a folder")
        plan.roots.append((path, plan.mode == "workspace-write"))
    for path in _given(plan, spec["allow_write"], own):
        why = refuse_root(path, home, own) if os.path.isdir(path) else ""
        plan.roots += [] if why else [(path, True)]
        plan.notes += [why] if why else []
    plan.roots = sorted(dict(plan.roots).items())
    if spec["tmp"] == "private":
        plan.tmp = f"{session}/tmp"
        if os.path.isdir("/var/tmp") and os.path.realpath("/var/tmp") == "/var/tmp":
            plan.var_tmp = f"{session}/var-tmp"
    plan.keep_run = [p for p in places.KEEP_RUN if os.path.lexists(p)]
    for path in _given(plan, spec["allow_read"], own) if plan.tmp else ():
        if any(beneath(path, top) for top in TMP):
            plan.keep_run.append(path)
    _secrets(plan, spec, home, own)
    if plan.mode == "workspace-write":
        _protect(plan, spec)
    _sockets(plan)
    _caches(plan, spec, home, session)
    if plan.network == "on":
        real = os.path.realpath(places.RESOLVER)
        if beneath(real, "/run") and os.path.isfile(real):
            plan.keep_run.append(real)
    plan.limits = {k: v for k, v in spec["limits"].items() if v is not None}
    return plan


def _given(plan: Plan, paths: list[str], own: list[str]) -> list[str]:
    """The granted paths that are still what was granted: no link, no device, not our own."""
    out = []
    for path in paths:
        if os.path.realpath(path) != path:
            plan.notes.append(f"{path} leads through a link and is not opened")
        elif why := refuse_grant(path, own):
            plan.notes.append(why)
        elif os.path.lexists(path):
            out.append(path)
    return out


def refuse_grant(path: str, own: list[str]) -> str:
    """Why a real path can never be opened to a command; empty when a person may open it."""
    for folder in own:
        if beneath(path, folder) or beneath(folder, path):
            return f"{path} cannot be opened: the agent's own data is there"
    if any(beneath(path, top) for top in (*places.NEVER_BELOW, "/run", "/var/run")):
        return f"{path} cannot be opened: devices and sockets of other programs are there"
    if os.path.lexists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        return f"{path} cannot be opened: it is neither a file nor a folder"
    return ""


def _protect(plan: Plan, spec: Mapping[str, Any]) -> None:
    """What stays as it is inside writable roots, and every folder on the way to it."""
    binds: dict[str, str] = {}
    writable = [path for path, on in plan.roots if on and os.path.isdir(path)]
    granted = set(spec["allow_write"]) & {path for path, _ in plan.roots}
    for root in writable:
        for name in [*spec["protect"], *spec["reserve"]]:
            path = os.path.normpath(name if name.startswith("/") else f"{root}/{name}")
            if not beneath(path, root) or path == root or path in granted:
                continue
            if os.path.islink(path):
                plan.notes.append(f"{path} is a link and is not protected; do not trust it")
            elif os.path.lexists(path):
                binds[path] = "ro"
            elif name in spec["reserve"] and os.path.isdir(os.path.dirname(path)):
                plan.made.append((path, "folder"))
                binds[path] = "ro"
            elif os.path.isdir(os.path.dirname(path)):
                plan.absent.append((path, "tell"))
    for repo in _repositories(plan, writable):
        _protect_repo(plan, repo, spec["git"], binds)
    for path in [*binds, *plan.masks]:
        pin_parents(path, writable, binds)
    names = {name for name in spec["protect"] if "/" not in name}
    shared, nested = _walked(plan, writable, names)
    plan.linked = [path for path in shared if path not in granted]
    for path in nested:
        if path not in granted and path not in binds:
            binds[path] = "ro"
            pin_parents(path, writable, binds)
    for path in granted:
        binds.pop(path, None)
        if any(how == "ro" and beneath(path, top) for top, how in binds.items()):
            binds[path] = "rw"
    plan.binds = sorted(binds.items())
    plan.made = sorted(set(plan.made))


def _walked(plan: Plan, roots: list[str], names: set[str]) -> tuple[list[str], list[str]]:
    """Files with a hard link that is not in a root, for writing them would change something
    outside; and what bears one of the protected `names` further down.

    A bounded look, without git's own folders and those of packages. With too many files none
    is protected, for each costs a mount, and a note says so.
    """
    nested: list[str] = []
    seen: dict[tuple[int, int], list[str]] = {}
    count: dict[tuple[int, int], int] = {}
    queue = list(roots)
    left = MOST_FILES
    for number, folder in enumerate(queue):
        if number >= gitlayout.MOST_FOLDERS or left <= 0:
            break
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name in names and len(nested) < MOST_LINKED:
                        if not entry.is_symlink():
                            nested.append(entry.path)
                    elif entry.is_dir(follow_symlinks=False):
                        if entry.name != ".git" and entry.name not in gitlayout.SKIPPED:
                            queue.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        left -= 1
                        info = entry.stat(follow_symlinks=False)
                        if info.st_nlink > 1:
                            key = info.st_dev, info.st_ino
                            count[key] = info.st_nlink
                            seen.setdefault(key, []).append(entry.path)
        except OSError:
            continue
    shared = [path for key, paths in seen.items() if len(paths) < count[key] for path in paths]
    if len(shared) > MOST_LINKED:
        plan.notes.append(f"{len(shared)} files are hard links to files outside and can be changed")
        shared = []
    return sorted(shared), sorted(nested)


def _repositories(plan: Plan, writable: list[str]) -> list[gitlayout.Repo]:
    trees: list[str] = []
    for root in writable:
        found = gitlayout.find_trees(root)
        if root not in found:
            above = gitlayout.enclosing(root)
            found += [above] if above else []
        trees += found
    repos = []
    for tree in sorted(set(trees)):
        repo, why = gitlayout.open_repo(tree)
        if repo:
            repos.append(repo)
            plan.repos.append((repo.git, repo.common))
            plan.trees.append((repo.tree, repo.git))
        elif why:
            plan.notes.append(why)
            plan.repos.append((f"{tree}/.git", ""))
    return repos + [
        gitlayout.Repo(git[:-5], "", "", False) for git, common in plan.repos if not common
    ]


def _protect_repo(plan: Plan, repo: gitlayout.Repo, git: str, binds: dict[str, str]) -> None:
    inside = any(on and beneath(repo.tree, root) for root, on in plan.roots)
    dot = f"{repo.tree}/.git"
    if not repo.common or git == "read-only":
        for path in {dot, repo.git, repo.common} - {""}:
            if any(on and beneath(path, root) for root, on in plan.roots):
                binds[path] = "ro"
        return
    if repo.pointer and inside:
        binds[dot] = "ro"
    for folder in sorted({repo.common, repo.git}):
        binds[folder] = "rw"
        for name, stand_in in gitlayout.EXECUTES:
            path = f"{folder}/{name}"
            if folder != repo.common and name in ("modules", "worktrees", "hooks", "info"):
                continue
            if os.path.islink(path):
                plan.notes.append(f"{path} is a link and is not protected; do not trust it")
                continue
            if not os.path.lexists(path):
                if not stand_in or (folder != repo.common and name == "commondir"):
                    if not stand_in and name != "gitdir":
                        plan.absent.append((path, "aside"))
                    continue
                plan.made.append((path, stand_in))
            binds.setdefault(path, "ro")
    _protect_named(plan, repo, binds)


def _protect_named(plan: Plan, repo: gitlayout.Repo, binds: dict[str, str]) -> None:
    """Hook folders and files that the repository's config names, there already or not yet."""
    for path in gitlayout.named_paths(repo):
        if not os.path.lexists(path):
            # A folder on the way that is not there counts: it would be made with the rest.
            while not os.path.lexists(os.path.dirname(path)):
                path = os.path.dirname(path)
            if any(on and beneath(path, root) for root, on in plan.roots):
                plan.absent.append((path, "aside"))
        elif os.path.lexists(path) and not os.path.islink(path):
            covered = any(on and beneath(path, r) and path != r for r, on in plan.roots)
            if covered and binds.get(path) != "rw":
                binds.setdefault(path, "ro")


def pin_parents(path: str, roots: list[str], binds: dict[str, str]) -> None:
    """A folder on the way could be renamed away with all protection in it; pin them all."""
    for root in roots:
        if beneath(path, root):
            parent = os.path.dirname(path)
            while parent != root and beneath(parent, root):
                binds.setdefault(parent, "pin")
                parent = os.path.dirname(parent)


def _secrets(plan: Plan, spec: Mapping[str, Any], home: str, own: list[str]) -> None:
    granted = set(_given(plan, spec["allow_read"], own))
    names = list(spec["deny_read"])
    if spec["secrets"]:
        homes = {home, _account_home()} - {""}
        names += [f"{folder}/{name}" for folder in homes for name in places.SECRETS]
        names += places.SYSTEM_SECRETS
        names += _host_keys()
    roots = [path for path, _ in plan.roots]
    denied = {os.path.realpath(name) for name in [*names, *own]} - granted
    if plan.tmp:
        plan.keep_run += [
            path for path in around(roots) if not any(beneath(path, top) for top in denied)
        ]
    visible = [*roots, *plan.keep_run]
    masks = set()
    for path in denied:
        if not os.path.lexists(path):
            continue
        if any(beneath(path, top) for top in ("/run", "/dev", "/proc", "/sys")):
            continue
        if plan.tmp and beneath(path, "/tmp") and not any(beneath(path, r) for r in visible):
            continue
        masks.add(path)
    masks.update(_globs(spec["deny_read_globs"], roots) - granted)
    open_ = [*granted, *roots]
    plan.masks = sorted(p for p in masks if not any(_hides(q, p, open_) for q in masks))
    plan.shown = sorted(
        {p for p in open_ if any(p != mask and beneath(p, mask) for mask in plan.masks)}
    )


def around(roots: list[str]) -> list[str]:
    """What git needs of the machine's own /tmp beside the roots: the work tree around a root, and
    git folders elsewhere. Only what points back at it, and never /tmp itself."""
    found: list[str] = []
    for root in roots:
        for tree in (root, gitlayout.enclosing(root)):
            repo = gitlayout.open_repo(tree)[0] if tree else None
            if repo and os.path.isfile(f"{repo.git}/HEAD"):
                found += [repo.tree, repo.git, repo.common]
    out: list[str] = []
    for path in sorted(set(found)):
        below = any(path.startswith(top + "/") for top in TMP)
        if below and not any(beneath(path, top) for top in [*roots, *out]):
            out.append(path)
    return out


def _hides(mask: str, path: str, shown: list[str]) -> bool:
    """Whether a mask hides `path` altogether: nothing that is shown lies between."""
    if mask == path or not beneath(path, mask):
        return False
    return not any(beneath(path, each) and beneath(each, mask) for each in shown)


def _account_home() -> str:
    """The home of the account, whatever HOME says."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return ""


def _host_keys() -> list[str]:
    try:
        return [f"/etc/ssh/{n}" for n in os.listdir("/etc/ssh") if n.endswith("_key")]
    except OSError:
        return []


def _globs(patterns: list[str], roots: list[str]) -> set[str]:
    """Files below roots that match by name or by path from the root; a bounded look."""
    if not patterns:
        return set()
    from fnmatch import fnmatchcase

    out: set[str] = set()
    for root in roots:
        queue = [root]
        for seen, folder in enumerate(queue):
            if seen >= gitlayout.MOST_FOLDERS:
                break
            try:
                entries = list(os.scandir(folder))
            except OSError:
                continue
            for entry in entries:
                short = entry.path[len(root) + 1 :]
                if any(fnmatchcase(entry.name, p) or fnmatchcase(short, p) for p in patterns):
                    if not entry.is_symlink():
                        out.add(entry.path)
                elif entry.name not in gitlayout.SKIPPED and entry.is_dir(follow_symlinks=False):
                    queue.append(entry.path)
    return out


def _sockets(plan: Plan) -> None:
    """Sockets of programs outside: a mount does not stop a connect, so each is covered."""
    hidden = ["/run", "/dev"] + (["/tmp", "/var/tmp"] if plan.tmp else [])
    roots = [*(path for path, _ in plan.roots), *plan.keep_run]
    try:
        with open("/proc/net/unix", "rb") as file:
            lines = file.read().split(b"\n")
    except OSError:
        return
    found = set()
    for line in lines[1:]:
        parts = line.split(None, 7)
        if len(parts) == 8 and parts[7].startswith(b"/"):
            path = os.path.realpath(os.fsdecode(parts[7]))
            seen = not any(beneath(path, top) for top in hidden)
            if os.path.exists(path) and (seen or any(beneath(path, root) for root in roots)):
                found.add(path)
    plan.covers = sorted(found)


def _caches(plan: Plan, spec: Mapping[str, Any], home: str, session: str) -> None:
    if spec["caches"] == "read-only" or not plan.tmp:
        return
    plan.redirects = {name: (f"{home}/{at}", f"/tmp/{to}") for at, name, to in places.CACHES}
    if spec["caches"] != "overlay" or not home:
        return
    taken: list[str] = [path for path, _ in plan.roots]
    for index, name in enumerate(places.OVERLAID):
        path = f"{home}/{name}"
        if os.path.realpath(path) != path or not os.path.isdir(path):
            continue
        if any(beneath(path, top) or beneath(top, path) for top in taken):
            continue
        plan.overlays.append((path, f"{session}/over/{index}/up", f"{session}/over/{index}/work"))


def moved_caches(plan: Plan, env: Mapping[str, str]) -> dict[str, str]:
    """The variables that move each cache which is not writable where a tool would look for it."""
    writable = [path for path, _, _ in plan.overlays] + [path for path, on in plan.roots if on]
    out = {}
    for name, (usual, moved) in plan.redirects.items():
        place = os.path.realpath(env.get(name) or usual)
        if not any(beneath(place, top) for top in [*writable, "/tmp"]):
            out[name] = moved
    return out
