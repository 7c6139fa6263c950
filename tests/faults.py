"""Runs the real program and kills it, for good and at once, in the middle of one write to its log.

    python -m tests.faults WRITE PART ARGS…

The write number WRITE (from 0) to a file that ends in `.jsonl` is cut to PART percent of its
bytes; then the process gets SIGKILL. A WRITE that is never reached changes nothing. With a PART
of -1 it is the power that fails: of the log is left what was brought to the disk.
"""

from __future__ import annotations

import os
import signal
import sys

from codex_py.cli import main

real, really = os.write, os.fdatasync
durable, log = 0, ""
count = 0
at, part = int(sys.argv[1]), int(sys.argv[2])


def write(file: int, data: bytes) -> int:
    """The same, until it is time."""
    global count
    if os.path.realpath(f"/proc/self/fd/{file}").endswith(".jsonl"):
        if count == at and part < 0:
            os.ftruncate(file, durable)
            os.kill(os.getpid(), signal.SIGKILL)
        if count == at:
            real(file, data[: len(data) * part // 100])
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
    return real(file, data)


def sync(file: int) -> None:
    """The same, remembered."""
    global durable, log
    really(file)
    path = os.path.realpath(f"/proc/self/fd/{file}")
    if path.endswith(".jsonl"):
        durable, log = os.fstat(file).st_size, path


os.write, os.fdatasync = write, sync
code = main(sys.argv[3:])
if part < 0:
    os.truncate(log, durable)
sys.exit(code)
