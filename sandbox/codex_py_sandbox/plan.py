"""A policy worked out on this machine: absolute paths only, ready for the launcher."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Plan:
    """What to mount, hide and limit. All paths are absolute and free of links.

    - `mode`, `network`: as in Policy. `roots`: (path, writable), shown at their own place.
    - `binds`: (path, how) in depth order; how is "rw", "ro" or "pin" (writable, not removable).
    - `absent`: (path, "aside" or "tell"): what other programs would run and was not there.
    - `linked`: files in writable roots that are also elsewhere by a hard link; read-only.
    - `masks`: paths nobody can read; `shown`: paths below them that stay as they are.
    - `covers`: sockets of other programs.
    - `made`: (path, kind) placeholders made on the host, removed at the end of the session.
    - `home`: the user's own folder. `tmp`: host folder seen as /tmp; `var_tmp` the one seen as /var/tmp; empty when not private.
    - `repos`: (git folder, its common folder); `trees`: (work tree, git folder). `overlays`: (path, upper, work), writes go to upper.
    - `redirects`: variable to (usual place, place to use when that is not writable). `keep_run`: paths below /run and /tmp that stay visible, read-only.
    - `notes`: findings worth telling the user, one line each.
    """

    __slots__ = (
        "absent",
        "binds",
        "covers",
        "home",
        "keep_run",
        "limits",
        "linked",
        "made",
        "masks",
        "mode",
        "network",
        "notes",
        "overlays",
        "redirects",
        "repos",
        "roots",
        "shown",
        "tmp",
        "trees",
        "var_tmp",
        "warm",
    )

    def __init__(self, mode: str, network: str) -> None:
        self.mode = mode
        self.network = network
        self.absent: list[tuple[str, str]] = []
        self.roots: list[tuple[str, bool]] = []
        self.binds: list[tuple[str, str]] = []
        self.linked: list[str] = []
        self.masks: list[str] = []
        self.shown: list[str] = []
        self.covers: list[str] = []
        self.made: list[tuple[str, str]] = []
        self.warm = True
        self.home = ""
        self.tmp = ""
        self.var_tmp = ""
        self.overlays: list[tuple[str, str, str]] = []
        self.redirects: dict[str, tuple[str, str]] = {}
        self.keep_run: list[str] = []
        self.limits: dict[str, float] = {}
        self.repos: list[tuple[str, str]] = []
        self.trees: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def wire(self) -> dict[str, Any]:
        """As plain data that `unwire` turns back."""
        return {name: getattr(self, name) for name in self.__slots__}

    @staticmethod
    def unwire(data: Mapping[str, Any]) -> Plan:
        plan = Plan(data["mode"], data["network"])
        for name in Plan.__slots__:
            setattr(plan, name, data[name])
        return plan
