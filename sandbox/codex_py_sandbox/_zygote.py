"""The launcher process: single-threaded, started early, makes one room per policy.

Run by path with `-I -S -E`; the control socket is descriptor 0 and nothing else is inherited.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    import signal as sig

    from codex_py_sandbox import _cgroup, audit, history
else:
    import _signal as sig


def _own_package() -> None:
    """Import from our own folder without running the package's public face."""
    import types

    folder = os.path.dirname(os.path.abspath(__file__))
    package = types.ModuleType("codex_py_sandbox")
    package.__path__ = [folder]
    sys.modules["codex_py_sandbox"] = package


def main() -> None:
    """Serve requests on descriptor 0 until the other side is gone."""
    os.closerange(3, 64)
    _own_package()
    import _socket
    import time

    from codex_py_sandbox import _cgroup, _host, _serve, _wire
    from codex_py_sandbox import _linux as lx

    lx.close_from(3)
    os.chdir("/")
    os.setsid()
    sig.signal(sig.SIGCHLD, sig.SIG_IGN)
    sig.signal(sig.SIGPIPE, sig.SIG_IGN)
    for number in (sig.SIGINT, sig.SIGTERM, sig.SIGHUP):
        sig.signal(number, sig.SIG_DFL)
    control = _socket.socket(fileno=os.dup(0))
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    gc.disable()
    gc.freeze()
    rooms: list[int] = []
    groups: list[_cgroup.Group] = []
    keepers: dict[str, history.Keeper] = {}
    sweeps: list[audit.Sweep] = []
    claims: list[int] = []
    quiet_until = 0.0
    session = ""
    while True:
        text, fds = _wire.receive(control)
        if not text:
            break
        if text.startswith("session "):
            session = text[8:]
            _host.sweep(os.path.dirname(session))
            _cgroup.sweep()
            continue
        if text == "check":
            for keeper in keepers.values():
                _keep(keeper)
            if time.monotonic() > quiet_until:
                began = time.monotonic()
                _tell(control, sweeps)
                # At most a tenth of one processor goes into looking.
                quiet_until = began + 10 * (time.monotonic() - began)
            continue
        room = _serve.serve(fds, groups, keepers, sweeps, claims)
        if room >= 0:
            rooms.append(room)
    _end(control, rooms, groups, keepers, sweeps)
    for fd in claims:
        os.close(fd)
    if session:
        _host.finish(*os.path.split(session))


def _keep(keeper: history.Keeper) -> None:
    """Look after one repository's history; what fails now is tried again after the next command."""
    try:
        if not keeper.put_back():
            keeper.keep()
    except OSError:
        pass


def _end(
    control: _socket.socket,
    rooms: list[int],
    groups: list[_cgroup.Group],
    keepers: dict[str, history.Keeper],
    sweeps: list[audit.Sweep],
) -> None:
    """Wait for the rooms, then put right what is left of them."""
    import select

    for room in rooms:
        # The room's own connection is closed too, so it is ending its commands by itself.
        if not select.select([room], [], [], 3)[0]:
            sig.pidfd_send_signal(room, sig.SIGKILL)
            select.select([room], [], [])
    for keeper in keepers.values():
        try:
            keeper.put_back()
        except OSError:
            pass  # the rest is to be put right all the same
        for links in keeper.links:
            links.look()
    _tell(control, sweeps)
    for group in groups:
        group.remove()


def _tell(control: _socket.socket, sweeps: list[audit.Sweep]) -> None:
    """Look for repositories that would run code; report what was set aside."""
    from codex_py_sandbox import _wire

    for sweep in sweeps:
        for path, why in sweep.look():
            try:
                _wire.send(control, f"audit\t{path}\t{why}", wait=False)
            except OSError:
                pass  # the agent is gone or does not listen; it is set aside all the same


if __name__ == "__main__":
    main()
