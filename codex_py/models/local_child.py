"""The process that serves a local model: `python -P -m codex_py.models.local_child`.

It belongs to no session. It reads one line of JSON from stdin (model, key, context, threads,
folders, idle), tells on stdout how loading goes and its address, writes the address and the key
to `server.json` in its folder, and ends by itself when no session has used it for a while.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BLOCK = 1 << 23
LOOK = 5.0
"""Seconds between two looks at whether it is still used."""


def main() -> int:
    """Started plainly: start the server as nobody's child, and end. With `serve`: be it."""
    if sys.argv[1:] != ["serve"]:
        # Twice removed from the session, so that it is not ended with it, nor waited for.
        command = [sys.executable, "-P", "-m", "codex_py.models.local_child", "serve"]
        subprocess.Popen(command, start_new_session=True, pass_fds=_passed())
        os._exit(0)
    given = json.loads(sys.stdin.readline())
    answer = os.fdopen(os.dup(1), "w")
    # The address goes to the pipe alone: whatever the library prints goes to the log.
    os.dup2(2, 1)
    with contextlib.suppress(OSError):
        _fetch(given["model"], answer)
    try:
        server = _serve(given)
    except Exception as error:
        _tell(answer, {"error": f"{type(error).__name__}: {error}"})
        return 1
    told = {"url": server.listening_address, "key": given["key"], "pid": os.getpid()}
    folder = Path(given["folder"])
    _write(folder / "server.json", json.dumps(told))
    _tell(answer, {"ready": True})
    with contextlib.suppress(OSError):
        answer.close()
    _until_idle(folder, float(given["idle"]))
    os._exit(0)


def _passed() -> tuple[int, ...]:
    """The descriptors whose lock says that the server lives."""
    return tuple(int(each) for each in sys.argv[1:])


def _fetch(model: str, answer: Any) -> None:
    """Bring the file into memory, in order, and tell how far it is: mapping it would be silent."""
    size = max(1, os.path.getsize(model))
    done, told, block = 0, -1, bytearray(BLOCK)
    with open(model, "rb", buffering=0) as file:
        while count := file.readinto(block):
            done += count
            if (percent := 100 * done // size) >= told + 5:
                told = percent
                _tell(answer, {"percent": percent})


def _tell(answer: Any, told: dict[str, Any]) -> None:
    """Nobody may listen any more: the session that started us has ended."""
    with contextlib.suppress(OSError):
        answer.write(json.dumps(told) + "\n")
        answer.flush()


def _write(path: Path, content: str) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(content)
    os.replace(new, path)


def _serve(given: dict[str, Any]) -> Any:
    import xllamacpp  # late: 100 MB of libraries

    params = xllamacpp.CommonParams()
    params.model.path = given["model"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [given["key"]]
    params.n_ctx = given["context"]
    params.n_parallel = 1
    # Small batches: loading can be told and ended in between.
    params.n_batch = 256
    params.model_alias = {given["name"]}
    params.n_gpu_layers = given["gpu_layers"]
    params.cpuparams.n_threads = given["threads"]
    params.cpuparams_batch.n_threads = given["threads"]
    params.cache_ram_mib = 0
    params.cors_origins = "http://127.0.0.1"
    params.ui = False
    params.offline = True
    params.verbosity = 1
    params.slot_save_path = given["cache"]
    return xllamacpp.Server(params)


def _until_idle(folder: Path, idle: float) -> None:
    """Return when no session has held the turn for `idle` seconds; holding it ourselves then."""
    turn = os.open(folder / "turn", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    used, mark = time.monotonic(), os.fstat(turn).st_mtime_ns
    while True:
        time.sleep(min(LOOK, idle / 4))
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            used = time.monotonic()
            continue
        if os.fstat(turn).st_mtime_ns != mark:
            used, mark = time.monotonic(), os.fstat(turn).st_mtime_ns
        if time.monotonic() - used >= idle:
            (folder / "server.json").unlink(missing_ok=True)
            return
        fcntl.flock(turn, fcntl.LOCK_UN)


if __name__ == "__main__":
    sys.exit(main())
