"""Confinement of commands by the kernel: policy as data and sessions that hold it.

Loaded when needed, not from here: `denial` (denials, message), `explain` (explain, granted),
`doctor` (doctor, probe, select), `history` (snapshots of git), `macos` (Seatbelt).
"""

from __future__ import annotations

from codex_py_sandbox.job import Job
from codex_py_sandbox.policy import EnvRules, Limits, Policy, PolicyError
from codex_py_sandbox.session import Session, open_session
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
