"""`python -m codex_py` and the `codex-py` command; `--version` is answered before any import."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line. Returns the exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from codex_py.version import __version__  # late: all that this answer needs

        sys.stdout.write(f"codex-py {__version__}\n")
        return 0
    if sys.argv[1:2] == ["exec"]:
        import gc  # late: as above

        gc.disable()  # what is imported stays; ui/exec.py enables it again
    from codex_py.cli import main as run  # late: the parser costs what --version need not pay

    return _leave(run(sys.argv[1:]))


def _leave(code: int) -> int:
    """End without taking the interpreter apart, which costs as much as a step."""
    import os  # late: all that leaving needs

    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        code = code or 1
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
