"""`python -m codex_py` and the `codex-py` command; `--version` is answered before any import."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line. Returns the exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from codex_py.version import __version__  # late: all that this answer needs

        sys.stdout.write(f"codex-py {__version__}\n")
        return 0
    from codex_py.cli import main as run  # late: the parser costs what --version need not pay

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
