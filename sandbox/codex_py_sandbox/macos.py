"""macOS Seatbelt: the plan as the text of a profile and its parameters; nothing runs here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from codex_py_sandbox.plan import Plan
from codex_py_sandbox.policy import Policy

PROGRAM = "/usr/bin/sandbox-exec"
# Services that answer questions and start nothing; trustd is what Go's TLS asks.
SERVICES = (
    "com.apple.system.opendirectoryd.libinfo",
    "com.apple.system.opendirectoryd.membership",
    "com.apple.cfprefsd.daemon",
    "com.apple.cfprefsd.agent",
    "com.apple.system.logger",
    "com.apple.logd",
    "com.apple.system.notification_center",
    "com.apple.trustd.agent",
)
_HEAD = """(version 1)
(deny default)
(allow process-fork)
(allow process-exec)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow sysctl-write (sysctl-name "kern.grade_cputype"))
(allow file-read*)
(allow file-ioctl (literal "/dev/null") (literal "/dev/tty") (regex #"^/dev/ttys[0-9]+$"))
(allow file-write* (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty"))
(allow file-write-data (regex #"^/dev/fd/[0-9]+$"))
(allow pseudo-tty)
(allow file-read* file-write* (literal "/dev/ptmx") (regex #"^/dev/ttys[0-9]+$"))
(allow ipc-posix-sem)
(allow ipc-posix-shm)"""


def profile(plan: Plan, policy: Policy) -> tuple[str, dict[str, str]]:
    """The profile text and its `-D` parameters, from a plan with real paths.

    The last matching rule wins, so what is refused comes after what is allowed.
    """
    params: dict[str, str] = {}

    def param(kind: str, path: str) -> str:
        name = f"{kind}{sum(key.startswith(kind) for key in params)}"
        params[name] = path
        return f'(param "{name}")'

    lines = [_HEAD]
    lines.append("(allow mach-lookup")
    lines += [f'  (global-name "{name}")' for name in SERVICES]
    lines[-1] += ")"
    writable = [path for path, on in plan.roots if on]
    if plan.tmp:
        writable.append(plan.tmp)
    veils = [mask for mask in plan.masks if _below(plan, mask)]
    for path in veils:
        name = param("VEIL", path)
        lines.append(f"(deny file-read* file-write* (literal {name}) (subpath {name}))")
        for shown in _below(plan, path):
            lines.append(f"(allow file-read* (subpath {param('SHOWN', shown)}))")
    tops = [param("ROOT", path) for path in writable]
    for top in tops:
        lines.append(f"(allow file-write* (subpath {top}))")
    for path, how in plan.binds:
        name = param("PATH", path)
        if how == "rw":
            lines.append(f"(allow file-write* (subpath {name}))")
        if how in ("rw", "pin"):
            # The folder itself stays where it is: renaming it away would take the rules along.
            lines.append(f"(deny file-write-unlink (literal {name}))")
        else:
            lines.append(f"(deny file-write* (literal {name}) (subpath {name}))")
    lines += [f"(deny file-write* (literal {param('LINKED', path)}))" for path in plan.linked]
    if plan.mode == "workspace-write":
        lines += [_names(path, policy) for path in writable if path != plan.tmp]
    for path in plan.masks:
        if path in veils:
            continue
        name = param("SECRET", path)
        lines.append(f"(deny file-read* file-write* (literal {name}) (subpath {name}))")
    lines += _network(plan, tops)
    return "\n".join(line for line in lines if line), params


def _below(plan: Plan, mask: str) -> list[str]:
    return [path for path in plan.shown if path.startswith(mask + "/")]


def _names(root: str, policy: Policy) -> str:
    """Reserved names are refused by pattern, so that they cannot be made either."""
    names = [re.escape(name) for name in policy.reserve if not name.startswith("/")]
    if not names:
        return ""
    body = f"^{re.escape(root)}/({'|'.join(names)})(/|$)".replace('"', '\\"')
    return f'(deny file-write* (regex #"{body}"))'


def _network(plan: Plan, tops: list[str]) -> list[str]:
    if plan.network == "on":
        return ["(allow network*)", "(allow system-socket)"]
    lines = ['(allow network-bind network-inbound (local ip "localhost:*"))']
    lines.append('(allow network-outbound (remote ip "localhost:*"))')
    for top in tops:
        lines.append(f"(allow network-bind network-outbound (subpath {top}))")
    return lines


def arguments(text: str, params: Mapping[str, str], argv: list[str]) -> list[str]:
    """The whole command line that runs `argv` under the profile."""
    out = [PROGRAM, "-p", text]
    for name, value in params.items():
        out += ["-D", f"{name}={value}"]
    return [*out, "--", *argv]
