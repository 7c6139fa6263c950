"""A process seals itself: no files, no network, no new programs, for ever."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def seal(reads: Sequence[str] = ()) -> tuple[str, ...]:
    """Give up all that is not open already; returns the names of what the kernel enforces.

    What lies beneath `reads` can still be read.
    For a process that only computes: what it will import must be imported before. Where the
    system has nothing of the kind the answer is empty and nothing changed.
    """
    if not sys.platform.startswith("linux"):
        return ()
    from codex_py_sandbox import _bpf, _landlock  # late: Linux alone has them
    from codex_py_sandbox import _linux as lx

    found: list[str] = []
    try:
        lx.prctl(lx.PR_SET_NO_NEW_PRIVS, 1)
        version = _landlock.abi()
        if version:
            rules = _landlock.Ruleset(version, reads=True, tcp=True, scope=True)
            for path in reads:
                rules.allow(path, _landlock.READS & ~1)  # all but execute
            rules.restrict()
            found.append("landlock")
        lx.load_filter(_bpf.program(families=()))
        found.append("seccomp")
    except OSError:
        pass
    return tuple(found)
