"""Search for the model, behind the walls of commands: it reads nothing that they could not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_py.host.processes import capture, environment
from codex_py.host.tree import Hits
from codex_py.host.tree import search as look

if TYPE_CHECKING:
    from codex_py.host import Host


def search(
    host: Host, top: str, pattern: str, *, glob: str, fixed: bool, ignore_case: bool, limit: int
) -> Hits:
    """Lines under a real path that match. Blocks; call it from a thread."""
    env = environment(host.environ, host.hidden)
    mode = "workspace-write" if host.free else "read-only"
    closed = host.confined.hidden(mode)
    # What was asked for by name and allowed, as our own saved outputs are, is seen by us alone.
    allowed = any((top + "/").startswith(path + "/") for path in closed)

    def run(argv: list[str], folder: str, given: bytes, most: int) -> tuple[int, str, str, bool]:
        at = seen_inside(host, folder)
        walled = None
        if at or not allowed:
            walled = host.confined.reading(mode, argv, at or folder, given, most)
        if walled is None or walled[0] in (126, 127):
            return capture(argv, folder, env, given, most)
        return walled

    return look(
        top,
        pattern,
        glob=glob,
        fixed=fixed,
        ignore_case=ignore_case,
        limit=limit,
        env=env,
        run=run,
        hidden=closed,
    )


def seen_inside(host: Host, folder: str) -> str:
    """The name that commands have for a folder of their /tmp; empty for any other folder."""
    for name, inside in (("tmp", "/tmp"), ("var-tmp", "/var/tmp")):
        top = f"{host.temporary}/{name}"
        if host.temporary and (folder + "/").startswith(top + "/"):
            return inside + folder[len(top) :]
    return ""
