"""What a host gives back, what it refuses with, and what it says of itself."""

from __future__ import annotations

from codex_py.dataclass import dataclass


class Undeclared(PermissionError):
    """A tool reached for what it had not declared."""


@dataclass(frozen=True, slots=True)
class Read:
    """A file's bytes with its real path and the digest of its content."""

    path: str
    data: bytes
    digest: str


WEAK = {
    "landlock": (
        "confined by Landlock and seccomp only: no network and no writes outside, but /tmp, other "
        "terminals and the process list are shared; `codex-py sandbox doctor` says more"
    )
}
