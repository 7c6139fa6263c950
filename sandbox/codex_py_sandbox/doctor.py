"""What can be enforced on this machine: every claim proved by an effect seen from outside."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codex_py_sandbox.policy import Limits, Policy
from codex_py_sandbox.proofs import PROOFS, Trial, nearby
from codex_py_sandbox.session import BACKENDS, open_session
from codex_py_sandbox.values import ESSENTIAL, Capability, SandboxUnavailable

C = Capability
DESCRIPTIONS = {
    "namespaces": "own namespaces and mounts, Landlock and seccomp",
    "bubblewrap": "the system's bubblewrap with our seccomp filter",
    "landlock": "Landlock and seccomp alone: /tmp, terminals, System V shared memory and process "
    "list are shared, git's rules are put back after each command, no commits in linked worktrees",
    "seatbelt": "macOS Seatbelt",
}
ADVICE = (
    "To get confinement: allow unprivileged user namespaces "
    "(sysctl user.max_user_namespaces, on Ubuntu 24.04 "
    "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bubblewrap: "
    "apt install bubblewrap apparmor-profiles), or boot a kernel with Landlock (5.13 or later, "
    "lsm=...,landlock)."
)


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to confine: what it was seen to enforce here, and what not, with the reason."""

    name: str
    capabilities: frozenset[Capability]
    missing: Mapping[Capability, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def description(self) -> str:
        """In words for people."""
        return DESCRIPTIONS.get(self.name, self.name)

    @property
    def works(self) -> bool:
        """Whether commands may run unasked in it."""
        return self.capabilities >= ESSENTIAL


@dataclass(frozen=True, slots=True)
class Report:
    """What `doctor` found: every backend that was tried, strongest first."""

    system: str
    backends: tuple[Backend, ...]
    tried: float = 0.0
    """When it was tried, in seconds since 1970; older than now when it was remembered."""
    remembered: bool = False

    @property
    def chosen(self) -> Backend | None:
        """The backend that would be used."""
        return next((b for b in self.backends if b.works), None)

    @property
    def code(self) -> int:
        """0 when everything is enforced, 1 when something is missing, 78 when nothing holds."""
        if self.chosen is None:
            return 78
        return 0 if not set(self.chosen.missing) - {C.LIMIT_MEMORY} else 1

    def to_json(self) -> str:
        """The whole report as one JSON object."""
        chosen = self.chosen.name if self.chosen else None
        return json.dumps(
            {
                "system": self.system,
                "chosen": chosen,
                "code": self.code,
                "tried": round(self.tried),
                "remembered": self.remembered,
                "backends": [_row(b) for b in self.backends],
            }
        )

    def text(self) -> str:
        """For people: the chosen backend, then each capability and how it was shown."""
        lines = [self.system]
        if self.remembered:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.tried))
            lines.append(f"Tried at {when}, nothing has changed since; --fresh tries again.")
        if self.chosen is None:
            lines.append("Nothing can be enforced here.")
            lines += [f"  {b.name}: {b.reason or 'not enough of it holds'}" for b in self.backends]
            return "\n".join([*lines, ADVICE])
        lines.append(f"Commands are confined by {self.chosen.name}: {self.chosen.description}.")
        for backend in self.backends:
            lines.append(f"{backend.name}{'' if backend.works else ' (not usable)'}")
            if backend.reason:
                lines.append(f"  {backend.reason}")
                continue
            for capability in Capability:
                if capability in backend.capabilities:
                    lines.append(f"  yes  {capability:16} {PROOFS[capability][0]}")
                elif capability in backend.missing:
                    lines.append(f"  NO   {capability:16} {backend.missing[capability]}")
        return "\n".join(lines)


def _row(b: Backend) -> dict[str, object]:
    return {
        "name": b.name,
        "works": b.works,
        "enforced": sorted(b.capabilities),
        "missing": {str(k): v for k, v in b.missing.items()},
        "reason": b.reason,
    }


@contextmanager
def _ground(base: Path) -> Iterator[tuple[Path, socket.socket]]:
    with tempfile.TemporaryDirectory(prefix="codex_py_sandbox-doctor-", dir=base) as name:
        folder = Path(name)
        (folder / "work" / ".git").mkdir(parents=True)
        (folder / "work" / ".git" / "config").write_text("[core]\n")
        (folder / "work" / ".envrc").write_text("keep")
        (folder / "out").mkdir()
        for file in ("file", "denied"):
            (folder / "out" / file).write_text("secret")
        with socket.socket(socket.AF_UNIX) as server:
            with nearby(folder / "out") as out:
                server.bind(f"{out}/s")
            server.listen()
            yield folder, server


def probe(
    name: str, environ: Mapping[str, str], only: frozenset[Capability] | None = None
) -> Backend:
    """Try one backend on real effects, all of them or `only` some."""
    home = Path(environ.get("HOME", "/tmp"))
    places = [each for each in (home / ".cache", home, Path.cwd()) if os.access(each, os.W_OK)]
    base = places[0] if places else home
    state = Path(tempfile.gettempdir()) / f"codex_py_sandbox-doctor-{os.geteuid()}"
    try:
        with _ground(base) as (folder, _):
            policy = Policy(
                roots=(folder / "work",),
                deny_read=(folder / "out" / "denied",),
                limits=Limits(procs=100, memory_mb=250, data_mb=250),
            )
            with open_session(policy, environ=environ, state=state, backends=(name,)) as session:
                session.ready()
                trial = Trial(session, folder)
                good, missing = set(), {}
                for capability, (_, check) in PROOFS.items():
                    if only is not None and capability not in only:
                        continue
                    try:
                        held = check(trial)
                        why = f"not so: {PROOFS[capability][0]}"
                    except OSError as error:
                        held, why = False, f"could not be tried: {error}"
                    if held:
                        good.add(capability)
                    else:
                        missing[capability] = why
        return Backend(name, frozenset(good), missing)
    except (SandboxUnavailable, OSError) as error:
        return Backend(name, frozenset(), {}, str(error))


def select(policy: Policy, environ: Mapping[str, str]) -> Backend:
    """The strongest backend that holds what `policy.require` and full-auto need.

    SandboxUnavailable with everything that was tried when there is none.
    """
    wanted = ESSENTIAL | {Capability(name) for name in policy.require}
    tried = []
    for name in BACKENDS:
        backend = probe(name, environ, frozenset(wanted))
        if backend.capabilities >= wanted:
            return backend
        lacking = ", ".join(sorted(wanted - backend.capabilities))
        tried.append((name, backend.reason or f"does not hold here: {lacking}"))
    text = "; ".join(f"{name}: {why}" for name, why in tried)
    raise SandboxUnavailable(f"nothing can be enforced here ({text}). {ADVICE}", tuple(tried))


def doctor(environ: Mapping[str, str], state: Path | None = None, *, fresh: bool = False) -> Report:
    """Try every backend on this machine, or say what was found when it was last tried.

    What was found is kept in `state` for as long as nothing has changed that could change it: the
    boot, the kernel, the interpreter, this package, and what confines ourselves. `fresh` tries.
    """
    from codex_py_sandbox import memory  # late: only the doctor remembers

    uname = os.uname()
    system = f"{uname.sysname} {uname.release} {uname.machine}, uid {os.geteuid()}"
    place = memory.place(state, environ)
    known = None if fresh else memory.recall(place)
    if known is not None:
        tried, rows = known
        return Report(system, tuple(_backend(row) for row in rows), tried, True)
    names = ("seatbelt",) if sys.platform == "darwin" else BACKENDS
    report = Report(system, tuple(probe(name, environ) for name in names), time.time())
    memory.keep(place, report.tried, [_row(b) for b in report.backends])
    return report


def _backend(row: Mapping[str, Any]) -> Backend:
    good = frozenset(Capability(name) for name in row["enforced"])
    missing = {Capability(name): str(why) for name, why in row["missing"].items()}
    return Backend(str(row["name"]), good, missing, str(row["reason"]))
