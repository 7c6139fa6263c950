"""Telling a refusal by confinement from an ordinary failure, by evidence and never by keyword alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from codex_py_sandbox.explain import explain, plan_for
from codex_py_sandbox.plan import Plan
from codex_py_sandbox.policy import Policy, PolicyError
from codex_py_sandbox.values import Denial, Exit, SandboxUnavailable

MOST = 5
_READ_ONLY = re.compile(r"read-only file system|\bEROFS\b", re.I)
_BUSY = re.compile(r"device or resource busy|\bEBUSY\b", re.I)
_REFUSED = re.compile(
    r"permission denied|operation not permitted|\bEACCES\b|\bEPERM\b|invalid cross-device", re.I
)
_ABSENT = re.compile(r"no such file or directory|\bENOENT\b", re.I)
_NET = re.compile(
    r"network is unreachable|\bENETUNREACH\b|could not resolve host|name resolution"
    r"|name or service not known|nodename nor servname|\bENOTFOUND\b|\bEAI_AGAIN\b"
    r"|no address associated with hostname|getaddrinfo",
    re.I,
)
_FAMILY = re.compile(r"address family not supported|\bEAFNOSUPPORT\b", re.I)
_QUOTED = re.compile(r"""['"`‘]([^'"`’]{1,1000})['"`’]""")
_BARE = re.compile(r"(?:^|[\s:(=])((?:\.{0,2}/)[^\s:'\"]+)")
_BEFORE = re.compile(
    r"([^\s:'\"]+): (?:read-only|permission|operation not|device or|no such file)", re.I
)
_HOST = re.compile(
    r"https?://([^/\s'\"]+)|host:? ['\"]?([a-z0-9][\w.-]*\.[a-z]{2,})|"
    r"(?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)|connect(?:ing)? to ([\w.-]+)",
    re.I,
)


def denials(
    policy: Policy,
    exit: Exit,
    stderr_tail: str,
    cwd: str,
    *,
    environ: Mapping[str, str],
    plan: Plan | None = None,
) -> tuple[Denial, ...]:
    """What confinement refused to the command that ended so, at most five, certain ones first.

    A path counts only when the policy refuses it and the host would not have; `stderr_tail` is
    the end of what the command wrote, `cwd` where it ran.
    """
    if policy.mode == "unrestricted":
        return ()
    found: dict[tuple[str, str], Denial] = {}
    for denial in _from_events(policy, exit):
        found.setdefault((denial.kind, denial.target), denial)
    lines = stderr_tail.splitlines()[-200:]
    if any(_suspicious(line) for line in lines):
        try:
            plan = plan or plan_for(policy, environ)
        except (PolicyError, SandboxUnavailable):
            return tuple(found.values())
        for line in lines:
            for denial in _from_line(policy, plan, line, cwd, environ):
                found.setdefault((denial.kind, denial.target), denial)
    return tuple(sorted(found.values(), key=lambda d: not d.certain)[:MOST])


def _suspicious(line: str) -> bool:
    return any(p.search(line) for p in (_READ_ONLY, _BUSY, _REFUSED, _ABSENT, _NET, _FAMILY))


def _from_events(policy: Policy, exit: Exit) -> Iterator[Denial]:
    for event in exit.events:
        if event.kind == "connect":
            verdict = explain(policy, "connect", event.target, environ={})
            if not verdict.allowed:
                yield Denial("connect", event.target, verdict.reason, verdict.grant, True)


def _from_line(
    policy: Policy, plan: Plan, line: str, cwd: str, environ: Mapping[str, str]
) -> Iterator[Denial]:
    if _NET.search(line) and policy.network == "off":
        host = next((g for m in [_HOST.search(line)] if m for g in m.groups() if g), "")
        target = host or "the network"
        verdict = explain(policy, "connect", f"{host or 'x.invalid'}:443", environ={})
        if not verdict.allowed:
            certain = "unreach" in line.lower() or bool(host)
            yield Denial("connect", target, verdict.reason, verdict.grant, certain)
        return
    if _FAMILY.search(line):
        yield Denial("connect", "socket", "this kind of socket is refused", None, False)
        return
    kinds = []
    if _READ_ONLY.search(line) or _BUSY.search(line):
        kinds = ["write"]
    elif _REFUSED.search(line):
        kinds = ["read", "write"]
    elif _ABSENT.search(line):
        kinds = ["read"]  # hidden, if the host has it
    if not kinds:
        return
    for path in _paths(line, cwd):
        for kind in kinds:
            verdict = explain(policy, kind, path, environ=environ, plan=plan)
            if not verdict.allowed and _host_would_allow(kind, path):
                yield Denial(kind, path, verdict.reason, verdict.grant, True)
                break


def _paths(line: str, cwd: str) -> list[str]:
    words = _QUOTED.findall(line) + _BARE.findall(line) + _BEFORE.findall(line)
    out: list[str] = []
    for word in words:
        word = word.rstrip(".,;)")
        if word and "\0" not in word and "\n" not in word and not word.startswith(("http:", "-")):
            path = os.path.normpath(os.path.join(cwd, word))
            if path not in out and (word.startswith(("/", ".")) or os.path.lexists(path)
                                    or os.path.isdir(os.path.dirname(path))):  # fmt: skip
                out.append(path)
    return out


def _host_would_allow(kind: str, path: str) -> bool:
    """Whether the same access would have worked without confinement."""
    if kind == "read":
        return os.access(path, os.R_OK)
    while not os.path.lexists(path) and len(path) > 1:
        path = os.path.dirname(path)
    return os.access(path, os.W_OK)


def message(found: tuple[Denial, ...], policy: Policy, *, again: bool = False) -> str:
    """One line for the model about what was refused; empty when nothing was."""
    certain = [d for d in found if d.certain]
    if not certain:
        return ""
    first = certain[0]
    what = f"{first.kind} {first.target} ({first.why})"
    more = f" and {len(certain) - 1} more" if len(certain) > 1 else ""
    if again:
        return f"[sandbox] same refusal as before: {what}{more}. Do not retry it."
    allowed = "reading" if policy.mode == "read-only" else "the workspace"
    allowed += ", /tmp" if policy.tmp == "private" else ""
    allowed += ", own loopback" if policy.network == "off" else ""
    ask = f"; the user could grant {first.grant}" if first.grant else ""
    return f"[sandbox] refused: {what}{more}. Allowed: {allowed}. Retrying will not help{ask}."
