"""The child process that serves a local model: `python -P -m codex_py.models.local_child`.

It reads one line of JSON from stdin (model, key, template, context, threads, cache), prints one
line with its address when the model answers, and ends when stdin ends: with its parent.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any


def main() -> int:
    """Serve until stdin ends. Anything that goes wrong is one JSON line with `error`."""
    given = json.loads(sys.stdin.readline())
    # The address goes to the pipe alone: whatever the library prints goes to the log.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _die_with(given["parent"])
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        server = _serve(given)
        told = {"url": server.listening_address}
    except Exception as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    answer.write(json.dumps(told) + "\n")
    answer.flush()
    if "url" in told:
        threading.Event().wait()
    return 1


def _serve(given: dict[str, Any]) -> Any:
    import xllamacpp  # late: 100 MB of libraries

    params = xllamacpp.CommonParams()
    params.model.path = given["model"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [given["key"]]
    params.chat_template = given["template"]
    params.n_ctx = given["context"]
    params.n_parallel = 1
    params.model_alias = {given["name"]}
    params.n_gpu_layers = given["gpu_layers"]
    params.cpuparams.n_threads = given["threads"]
    params.cpuparams_batch.n_threads = given["threads"]
    params.cache_ram_mib = 0
    params.cors_origins = "http://127.0.0.1"
    params.ui = False
    params.offline = True
    params.verbosity = given.get("verbosity", 1)
    params.slot_save_path = given["cache"]
    return xllamacpp.Server(params)


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def _die_with(parent: int) -> None:
    """Linux: be killed with the parent even while the model is loading."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
