"""`python -m codex_py` and the `codex-py` command; `--version` is answered before any import."""

from __future__ import annotations

import sys
from errno import EPIPE


def main() -> int:
    """Run the command line. Returns the exit code."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _reopen()
    if sys.argv[1:] in (["--version"], ["-V"]):
        from codex_py.version import __version__  # late: all that this answer needs

        sys.stdout.write(f"codex-py {__version__}\n")
        return 0
    if sys.argv[1:2] == ["exec"]:
        import gc  # late: as above

        gc.disable()  # what is imported stays; ui/exec.py enables it again
    from codex_py.cli import main as run  # late: the parser costs what --version need not pay

    return _leave(run(sys.argv[1:]))


def _reopen() -> None:
    """A stream that was closed at the start is the null device; no file of ours takes its place."""
    import os  # late: seldom needed

    for number, name, way in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
            stream = open(number, way, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def _leave(code: int) -> int:
    """End without taking the interpreter apart, which costs as much as a step."""
    import os  # late: all that leaving needs

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            code = code or 1
            if stream is sys.stdout and isinstance(error, OSError) and error.errno != EPIPE:
                sys.stderr.write(f"codex-py: stdout cannot be written: {error.strerror}\n")
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
