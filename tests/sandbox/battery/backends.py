"""Command lines of every way to run a script: bare, our own sandbox, and plain bubblewrap."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.sandbox.battery.model import Options

ROOT = Path(__file__).resolve().parents[3]
OURS = ("auto", "namespaces", "bubblewrap", "landlock")
ALL = ("none", *OURS, "bwrap-by-hand")


def command(
    backend: str, argv: list[str], workspace: Path, opt: Options, emulate: tuple[str, ...] = ()
) -> list[str]:
    """The whole argument list that runs `argv` through `backend`, on the emulated machine."""
    if backend == "none":
        return [*opt.wrap, *argv]
    if backend == "bwrap-by-hand":
        return [*opt.wrap, *emulate, *_bwrap(workspace, opt), *argv]
    return [*opt.wrap, *emulate, *_ours(backend, workspace, opt), "--", *argv]


def launcher_path() -> str:
    """The PYTHONPATH with which our sandbox can be imported from BATTERY_SANDBOX, else the source tree."""
    source = os.environ.get("BATTERY_SANDBOX", str(ROOT / "sandbox"))
    given = os.environ.get("PYTHONPATH", "")
    return f"{source}:{given}" if given else source


def _ours(backend: str, workspace: Path, opt: Options) -> list[str]:
    line = [
        sys.executable,
        "-m",
        "codex_py_sandbox",
        "run",
        "--mode",
        opt.mode,
        "--keep-env",
        "NONCE",
    ]
    if backend != "auto":
        line += ["--backend", backend]
    line += ["--cwd", str(opt.cwd or workspace), "--git", opt.git, "--network", opt.network]
    if opt.cwd is not None:
        line += ["--root", str(workspace)]
    for root in opt.roots:
        line += ["--root", str(root)]
    for path in opt.deny_read:
        line += ["--deny-read", str(path)]
    for name in opt.protect:
        line += ["--protect", name]
    return [*line, *opt.limits]


def _bwrap(workspace: Path, opt: Options) -> list[str]:
    line = [shutil.which("bwrap") or "bwrap", "--ro-bind", "/", "/", "--dev", "/dev"]
    line += ["--proc", "/proc", "--tmpfs", "/tmp", "--unshare-all", "--die-with-parent"]
    line += ["--cap-drop", "ALL"]
    if opt.network == "on":
        line.append("--share-net")
    if opt.mode == "workspace-write":
        for root in (workspace, *opt.roots):
            line += ["--bind", str(root), str(root)]
        if (workspace / ".git").exists():
            line += ["--ro-bind", str(workspace / ".git"), str(workspace / ".git")]
    for path in opt.deny_read:
        if path.is_dir():
            line += ["--tmpfs", str(path)]
        elif path.exists():
            line += ["--ro-bind", "/dev/null", str(path)]
    return [*line, "--chdir", str(opt.cwd or workspace), "--"]
