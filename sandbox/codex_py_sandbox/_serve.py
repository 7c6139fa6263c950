"""What the launcher does with a request: work out the plan, keep history, open a room."""

from __future__ import annotations

import _socket
import os

from codex_py_sandbox import (
    _bubble,
    _cgroup,
    _host,
    _loose,
    _wire,
    audit,
    history,
    layout,
    leftovers,
)
from codex_py_sandbox import _linux as lx
from codex_py_sandbox._rooms import Room
from codex_py_sandbox.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TRIES = 20
OOM = 700
"""How readily the system ends commands for want of memory: 1000 would be always."""


def serve(
    fds: list[int],
    groups: list[_cgroup.Group],
    keepers: dict[str, history.Keeper],
    sweeps: list[audit.Sweep],
    claims: list[int],
) -> int:
    """One request, "room": its payload and socket; the pidfd of the room, or -1 when it failed."""
    control = _socket.socket(fileno=fds[1])
    kinds: dict[str, type[Room]] = {
        "namespaces": Room,
        "bubblewrap": _bubble.Bubble,
        "landlock": _loose.Landlocked,
        "unrestricted": _loose.Open,
    }
    failed: list[str] = []
    try:
        payload = _wire.unpack(fds[0])
        plan = _planned(payload, claims)
        keep(plan, payload["state"], keepers)
        if plan.mode == "workspace-write":
            swept = {root for sweep in sweeps for root in sweep.roots}
            roots = [path for path, on in plan.roots if on and os.path.isdir(path)]
            roots = [path for path in roots if path not in swept]
            if roots:
                sweeps.append(audit.Sweep(roots, {tree for tree, _ in plan.trees}))
        chosen = ["unrestricted"] if plan.mode == "unrestricted" else payload["backends"]
        for name in chosen:
            pidfd, why = _open(
                kinds[name], Plan.unwire(plan.wire()), payload["env"], control, groups
            )
            if pidfd >= 0:
                control.close()
                return pidfd
            failed.append(f"{name}: {why}")
    except Exception as error:
        failed.append(_plainly(error))
    _wire.send(control, "failed " + "; ".join(failed))
    control.close()
    return -1


def _planned(payload: Mapping[str, Any], claims: list[int]) -> Plan:
    """The plan, and its placeholders made; anew while a session that ends takes its own away."""
    session = payload["session"]
    for _ in range(TRIES):
        plan = layout.resolve(payload["spec"], payload["home"], payload["state"], session)
        plan.warm = payload["warm"]
        made = _host.make(plan, session)
        if made is not None:
            claims += made
            return plan
    raise OSError(11, "what is to be protected in the workspace comes and goes")


def keep(plan: Plan, state: str, keepers: dict[str, history.Keeper]) -> None:
    """Keep the history of every repository that commands could write, before they can."""
    if plan.mode != "workspace-write":
        return
    hows = dict(plan.binds)
    for git, common in plan.repos:
        if common and git not in keepers and hows.get(common) == "rw":
            from hashlib import sha256

            name = sha256(os.fsencode(git)).hexdigest()[:32]
            folder = f"{state}/git/{name}"
            os.makedirs(folder, mode=0o700, exist_ok=True)
            keepers[git] = history.Keeper(git, common, folder)
            keepers[git].keep()
            keepers[git].links = [leftovers.Links(each) for each in sorted({git, common})]


def _open(
    kind: type[Room],
    plan: Plan,
    env: dict[str, str],
    control: _socket.socket,
    groups: list[_cgroup.Group],
) -> tuple[int, str]:
    """Make one kind of room: (its pidfd, "") once it is ready, or (-1, why not)."""
    read, write = os.pipe()
    wait, go = os.pipe()
    uid, gid = os.geteuid(), os.getegid()
    group = None
    if uid == 0 and kind.name != "unrestricted":
        # Process limits do not hold for the machine's root.
        procs, memory = plan.limits.get("procs", 0), plan.limits.get("memory_mb", 0)
        group = _cgroup.Group(procs, memory)
        groups.append(group)
    try:
        pid, pidfd = lx.clone(kind.flags(plan))
    except OSError as error:
        for fd in (read, write, wait, go):
            os.close(fd)
        return -1, error.strerror or str(error)
    if pid:
        os.close(write)
        os.close(wait)
        if group:
            group.add(pid)
        os.close(go)
        try:
            answer = os.read(read, 4096).decode("utf-8", "replace")
        finally:
            os.close(read)
        if answer == "ready":
            return pidfd, ""
        os.close(pidfd)
        return -1, answer or "it ended early"
    try:
        os.close(read)
        os.close(go)
        os.read(wait, 1)  # until we are in our control group
        os.close(wait)
        if kind.name != "unrestricted":
            _first_to_go()
        room = kind(plan, env, control)
        try:
            room.prepare(uid, gid)
            room.prove()
        except Exception as error:
            os.write(write, _plainly(error).encode()[:4000])
            os._exit(1)
        _wire.send(control, f"ready {kind.name}")
        os.write(write, b"ready")
        os.close(write)
        room.loop()
    finally:
        os._exit(0)


def _first_to_go() -> None:
    """When the machine runs out of memory its commands go first, not the agent."""
    try:
        with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
            if int(file.read()) < OOM:
                file.seek(0)
                file.write(str(OOM))
    except (OSError, ValueError):
        pass  # it is a help, no promise


def _plainly(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"
