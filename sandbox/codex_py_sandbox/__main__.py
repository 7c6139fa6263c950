"""`python -m codex_py_sandbox`: run, doctor, explain, profile."""

from __future__ import annotations

import sys

from codex_py_sandbox.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
