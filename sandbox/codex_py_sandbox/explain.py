"""What a policy says about one access, asked without running anything; and the whole plan as text."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path

from codex_py_sandbox import layout
from codex_py_sandbox.folders import default_state
from codex_py_sandbox.plan import Plan
from codex_py_sandbox.policy import Policy, PolicyError, to_data
from codex_py_sandbox.values import Grant, Verdict

KINDS = ("write", "read", "connect")


def plan_for(policy: Policy, environ: Mapping[str, str], state: Path | None = None) -> Plan:
    """The plan of a policy on this machine; PolicyError when it cannot be."""
    folder = str(state or default_state(environ))
    try:
        home = environ.get("HOME", "")
        return layout.resolve(to_data(policy), home, folder, f"{folder}/tmp/session")
    except OSError as error:
        raise PolicyError(error.strerror or str(error)) from None


def explain(
    policy: Policy,
    kind: str,
    target: str,
    *,
    environ: Mapping[str, str],
    plan: Plan | None = None,
) -> Verdict:
    """Whether `policy` allows a "write" or "read" of an absolute path, or a "connect" to
    "host:port" or "unix:PATH"; with the reason and the grant that would allow just that.
    """
    if kind not in KINDS:
        raise PolicyError(f"{kind!r} cannot be explained; use one of: {', '.join(KINDS)}")
    if policy.mode == "unrestricted":
        return Verdict(True, "the policy is unrestricted")
    if kind == "connect":
        return _connect(policy, target)
    if not target.startswith("/"):
        raise PolicyError(f"{target!r} is not an absolute path")
    plan = plan or plan_for(policy, environ)
    path = real(target)
    if kind == "read":
        return _read(plan, policy, path)
    verdict = _write(plan, path)
    own = [real(str(p)) for p in policy.own]
    home = real(environ.get("HOME", "/"))
    if verdict.grant and verdict.grant.field == "allow_write":
        never = layout.refuse_grant(path, own)
        if never or (os.path.isdir(path) and layout.refuse_root(path, home, own)):
            return Verdict(False, verdict.reason, None)
    return verdict


def real(path: str) -> str:
    """The path with the links of everything that exists resolved."""
    return os.path.realpath(path)


def _write(plan: Plan, path: str) -> Verdict:
    masked = _masked(plan, path)
    if masked:
        return Verdict(False, f"{masked} is denied", None)
    bind = _covering(path, [p for p, _ in plan.binds])
    root = _covering(path, [p for p, _ in plan.roots])
    hows = dict(plan.binds)
    if path in plan.linked:
        why = "it is the same file as one outside, by a hard link"
        return Verdict(False, why, Grant("allow_write", path))
    if bind and len(bind) >= len(root):
        if hows[bind] == "ro":
            return Verdict(False, f"{bind} is protected", Grant("allow_write", bind))
        if hows[bind] == "pin" and bind == path:
            return Verdict(True, f"{path} can be written in but not moved or removed")
        return Verdict(True, f"{bind} is writable")
    if root:
        if dict(plan.roots)[root]:
            return Verdict(True, f"{root} is a writable folder")
        return Verdict(False, "the policy is read-only", Grant("mode", "workspace-write"))
    kept = bool(_covering(path, plan.keep_run))
    for top in () if kept else (*layout.TMP, "/dev/shm"):
        if layout.beneath(path, top) and (plan.tmp or top == "/dev/shm"):
            return Verdict(True, f"{top} is the session's own")
    if _covering(path, [p for p, _, _ in plan.overlays]):
        return Verdict(True, "a cache folder: writes go to the session's own layer")
    if path in ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty"):
        return Verdict(True, "a harmless device")
    return Verdict(False, "it is outside the workspace", Grant("allow_write", path))


def _masked(plan: Plan, path: str) -> str:
    """The mask that hides a path; empty when none does, or it is one of the shown."""
    masked = _covering(path, plan.masks)
    shown = _covering(path, [*plan.shown, *(root for root, _ in plan.roots)])
    return "" if len(shown) > len(masked) else masked


def _read(plan: Plan, policy: Policy, path: str) -> Verdict:
    masked = _masked(plan, path)
    if masked:
        own = any(layout.beneath(masked, os.path.realpath(p)) for p in policy.own)
        return Verdict(False, f"{masked} is denied", None if own else Grant("allow_read", path))
    if path in plan.covers:
        return Verdict(False, "it is a socket of another program", None)
    inside = any(layout.beneath(path, root) for root, _ in plan.roots)
    hidden = ["/run", *(layout.TMP if plan.tmp else ())]
    if not inside and not _covering(path, plan.keep_run):
        for top in hidden:
            if layout.beneath(path, top):
                grant = None if top == "/run" else Grant("allow_read", path)
                return Verdict(False, f"{top} inside is not the machine's own", grant)
    return Verdict(True, "everything that is not denied can be read")


def _connect(policy: Policy, target: str) -> Verdict:
    if target.startswith("unix:"):
        return Verdict(False, "sockets of other programs are out of reach", None)
    host = target.rpartition(":")[0].strip("[]") or target
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
    if policy.network == "on":
        return Verdict(True, "the network is on")
    if local:
        return Verdict(True, "the session's own loopback; servers of the machine are not on it")
    return Verdict(False, "the network is off", Grant("network", "on"))


def _covering(path: str, tops: list[str]) -> str:
    found = [top for top in tops if layout.beneath(path, top)]
    return max(found, key=len, default="")


def granted(policy: Policy, grant: Grant) -> Policy:
    """The policy with one grant added; PolicyError for a grant that is none."""
    if grant.field in ("allow_write", "allow_read"):
        path = Path(grant.value)
        if grant.field == "allow_write":
            return policy.with_(allow_write=(*policy.allow_write, path))
        return policy.with_(allow_read=(*policy.allow_read, path))
    if (grant.field, grant.value) in (("network", "on"), ("mode", "workspace-write")):
        return policy.with_(**{grant.field: grant.value})
    raise PolicyError(f"{grant} is not a grant")


def profile(policy: Policy, environ: Mapping[str, str], backend: str | None = None) -> str:
    """The plan in lines that a person can check; the Seatbelt text for that backend."""
    if backend == "seatbelt":
        from codex_py_sandbox import macos

        text, params = macos.profile(plan_for(policy, environ), policy)
        return "\n".join([*(f"; {name} = {value}" for name, value in params.items()), text])
    plan = plan_for(policy, environ)
    lines = [f"mode {plan.mode}, network {plan.network}, git {policy.git}"]
    lines += [f"{'writable' if on else 'shown   '} {path}" for path, on in plan.roots]
    words = {"ro": "read-only", "rw": "writable", "pin": "pinned"}
    lines += [f"{words[how]:9} {path}" for path, how in plan.binds]
    lines += [f"read-only {path} (a hard link to a file outside)" for path in plan.linked]
    lines += [f"stand-in  {path} ({kind})" for path, kind in plan.made]
    lines += [f"denied    {path}" for path in plan.masks]
    lines += [f"socket    {path}" for path in plan.covers]
    lines += [f"read-only {path} (as outside)" for path in plan.keep_run]
    lines += [f"layered   {path}" for path, _, _ in plan.overlays]
    lines += [f"note      {note}" for note in plan.notes]
    lines += ["read-only everything else; private: /tmp /var/tmp /dev /dev/shm /proc; empty: /run"]
    limits = ", ".join(f"{name} {value:g}" for name, value in plan.limits.items())
    lines.append(f"limits    {limits or 'none'}")
    if backend in (None, "namespaces"):
        from codex_py_sandbox import _bpf

        lines.append("refused   " + " ".join(_bpf.REFUSED))
        lines.append(
            "sockets   unix (stream, seqpacket), inet, inet6, netlink route; others refused"
        )
    return "\n".join(lines)
