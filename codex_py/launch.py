"""How a run was started: what is not a setting."""

from __future__ import annotations

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Launch:
    """Where to work, and how."""

    cwd: str
    add_dirs: tuple[str, ...] = ()
    interactive: bool = False
    skip_git_check: bool = False
    pictures: int = 0
    """How many pictures the first message has: the model must be one that sees."""
    scratch: str = ""
    """Where to keep the log instead of the home folder: for runs that leave nothing."""
    resume: str = ""
    """The log to go on with, instead of a new one."""
