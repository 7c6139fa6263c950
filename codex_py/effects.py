"""What a call would touch: declared by a tool, judged by policy, enforced by the host."""

from __future__ import annotations

from collections.abc import Sequence

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything one call would touch. Paths are absolute, as text, links not yet resolved."""

    command: str | None = None
    """A shell command line that would run."""
    cwd: str | None = None
    """The folder the command would run in; the session's own when None."""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    """With a command: what it may write beyond what confines it; `reads`, `network` likewise."""
    links: tuple[str, ...] = ()
    """Once resolved: the places of written paths that are links, for a link may go itself."""
    network: bool = False
    typed: str | None = None
    """Text that would be written to a process that runs already."""
    into: str = ""
    """That process, in words: its number and command."""
    walled: str = ""
    """How that process is confined; empty when it runs as the user would run it."""
    outward: tuple[str, ...] = ()
    """Links inside the workspace, as given, that lead out of it: read after a question only."""
    confined: bool = False
    """The command runs confined in every mode, wherever anything can confine."""
    unknown: bool = False
    """True when the tool cannot say: policy then asks."""

    @property
    def reading(self) -> bool:
        """True when the call changes nothing: it may run beside other such calls."""
        starts = self.command is not None or self.typed is not None
        return not (starts or self.writes or self.network or self.unknown)

    def plain(self) -> dict[str, object]:
        """The effects as JSON data, empty fields left out."""
        found: dict[str, object] = {}
        if self.command is not None:
            found["command"] = self.command
        if self.cwd is not None:
            found["cwd"] = self.cwd
        if self.reads:
            found["reads"] = list(self.reads)
        if self.writes:
            found["writes"] = list(self.writes)
        if self.outward:
            found["outward"] = list(self.outward)
        if self.confined:
            found["confined"] = True
        if self.network:
            found["network"] = True
        if self.typed is not None:
            found |= {"typed": self.typed, "into": self.into, "walled": self.walled}
        if self.unknown:
            found["unknown"] = True
        return found


def option(writes: Sequence[str] = (), reads: Sequence[str] = (), *, network: bool = False) -> str:
    """The options of the command line that open just this to the commands of a whole run."""
    import json  # late: only when something is refused
    import shlex  # late: as above

    told: list[str] = []
    for key, paths in (("writable", writes), ("readable", reads)):
        if paths:
            value = json.dumps(list(paths), ensure_ascii=False)
            told += ["-c", shlex.quote(f"sandbox_workspace_write.{key}={value}")]
    if network:
        told += ["-c", "sandbox_workspace_write.network_access=true"]
    return " ".join(told)


UNKNOWN = Effects(unknown=True)
