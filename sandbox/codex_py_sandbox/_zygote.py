"""The launcher process: single-threaded, started early, makes one room per policy.

Run by path with `-I -S -E`; the control socket is descriptor 0 and nothing else is inherited.
"""

from __future__ import annotations

import gc
import os
import sys


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
    import _signal
    import _socket
    import select

    from codex_py_sandbox import _linux as lx
    from codex_py_sandbox import _cgroup, _host, _rooms, _wire, history

    lx.close_from(3)
    os.setsid()
    _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
        _signal.signal(number, _signal.SIG_DFL)
    control = _socket.socket(fileno=os.dup(0))
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    gc.disable()
    gc.freeze()
    rooms: list[int] = []
    groups: list[_cgroup.Group] = []
    keepers: dict[str, history.Keeper] = {}
    session = ""
    while True:
        text, fds = _wire.receive(control)
        if not text:
            break
        if text.startswith("session "):
            session = text[8:]
            _host.sweep(os.path.dirname(session))
            continue
        if text == "check":
            for keeper in keepers.values():
                if not keeper.put_back():
                    keeper.keep()
            continue
        room = _rooms.serve(fds, groups, keepers)
        if room >= 0:
            rooms.append(room)
    for room in rooms:
        # The room's own connection is closed too, so it is ending its commands by itself.
        if not select.select([room], [], [], 3)[0]:
            _signal.pidfd_send_signal(room, _signal.SIGKILL)
            select.select([room], [], [])
    for keeper in keepers.values():
        keeper.put_back()
    for group in groups:
        group.remove()
    if session:
        _host.finish(*os.path.split(session))


if __name__ == "__main__":
    main()
