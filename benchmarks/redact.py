"""What taking secrets out costs: short texts, a full tool result, a 50 MB stream."""

from __future__ import annotations

import base64
import random
import string
import time

from codex_py.redact import Redactor


def main() -> None:
    """Print one line for each size."""
    chosen = random.Random(1)
    letters = string.ascii_letters + string.digits + "_-"
    keys = ["sk-proj-" + "".join(chosen.choices(letters, k=156)) for _ in range(5)]
    redactor = Redactor(keys)
    for size in (100, 2_000, 40_000):
        text = ("def f(x): return x + 1  # a comment\n" * 2_000)[:size]
        began = time.perf_counter()
        for _ in range(200):
            redactor.text(text)
        print(f"{size:>10,} characters: {(time.perf_counter() - began) / 200 * 1e6:>10.1f} µs")
    line = b"line of output 12345 abcdefgh\n"
    streams = {"text": line * 1_700_000, "base64": base64.b64encode(chosen.randbytes(37_500_000))}
    for name, data in streams.items():
        feed, began = redactor.stream(), time.perf_counter()
        for at in range(0, len(data), 1 << 16):
            feed(data[at : at + (1 << 16)])
        feed(b"", last=True)
        print(f"{len(data):>10,} bytes of {name}: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
