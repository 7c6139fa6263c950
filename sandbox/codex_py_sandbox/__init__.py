"""Confinement of commands by the kernel: policy as data, sessions, probing, explanations."""

from __future__ import annotations

from codex_py_sandbox.policy import EnvRules, Limits, Policy, PolicyError
from codex_py_sandbox.session import Job, Session, open_session
from codex_py_sandbox.values import (
    ESSENTIAL,
    Capability,
    Denial,
    Event,
    Exit,
    Grant,
    SandboxUnavailable,
    Verdict,
)

__all__ = [
    "ESSENTIAL",
    "Capability",
    "Denial",
    "EnvRules",
    "Event",
    "Exit",
    "Grant",
    "Job",
    "Limits",
    "Policy",
    "PolicyError",
    "SandboxUnavailable",
    "Session",
    "Verdict",
    "open_session",
]
