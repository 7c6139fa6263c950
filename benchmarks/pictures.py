"""Loading and scaling a 12-megapixel photo: time, and peak memory of us and of the sealed child.

    python benchmarks/pictures.py [--runs N] [--json FILE]

The picture is made here, with fine noise over large shapes, as a camera's is. `floor` is Pillow
alone in a fresh interpreter: open, load, scale, save. Times are milliseconds, the median of all
runs; memory is MiB.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from PIL import Image  # noqa: E402

from codex_py.eyes import Eyes  # noqa: E402
from codex_py.host.images import ORIGINAL, see, thumbnail  # noqa: E402
from codex_py.pictures.steps import parse  # noqa: E402

TILES = Eyes("tiles")
FLOOR = """\
import io, sys
from PIL import Image
image = Image.open(io.BytesIO(sys.stdin.buffer.read()))
image.load()
image.resize((1024, 768), Image.Resampling.LANCZOS).save(io.BytesIO(), "JPEG", quality=90)
"""


def photo(form: str, width: int = 4_000, height: int = 3_000) -> bytes:
    """A picture with what makes photos large: gradients, edges, grain."""
    base = Image.merge("RGB", [Image.linear_gradient("L").rotate(90 * n) for n in range(3)])
    image = base.resize((width, height), Image.Resampling.BICUBIC)
    grain = Image.effect_noise((width, height), 12)
    image = Image.blend(image, Image.merge("RGB", [grain] * 3), 0.15)
    into = io.BytesIO()
    image.save(into, form, **({"quality": 92} if form == "JPEG" else {"compress_level": 1}))
    return into.getvalue()


def floor(data: bytes) -> None:
    """Pillow alone."""
    subprocess.run([sys.executable, "-c", FLOOR], input=data, check=True)


def measure(work: Callable[[], object], runs: int) -> dict[str, float]:
    """Medians of some runs, after one that is not counted: time, and computing of the child."""
    work()
    times, computed = [], []
    for _ in range(runs):
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        work()
        times.append((time.perf_counter() - began) * 1_000)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        computed.append(used * 1_000)
    return {"ms": statistics.median(times), "cpu": statistics.median(computed)}


def peak(argument: str, data: bytes) -> float:
    """MiB of the largest process of one job, run in a child of ours so that each is apart."""
    code = (
        "import resource, sys\n"
        f"sys.path.insert(0, {str(TOP)!r})\n"
        "from benchmarks.pictures import jobs\n"
        f"jobs(sys.stdin.buffer.read())[{argument!r}]()\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,\n"
        "      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    return int(done.stdout.split()[0]) / 1_024


def jobs(data: bytes) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    return {
        "floor: Pillow alone, scaled": lambda: floor(data),
        "whole, texts removed": lambda: see(data, ORIGINAL),
        "scaled for the model (1024 x 768)": lambda: see(data, TILES),
        "cropped, zoomed, gridded": lambda: see(
            data, TILES, steps=parse(["crop 1000 800 400 300", "zoom 2", "grid 50"])
        ),
        "difference with itself": lambda: see(
            data, TILES, steps=parse(["diff other"]), others=[("other", data)]
        ),
        "thumbnail": lambda: thumbnail(data, 320, 128, "png"),
    }


def main() -> None:
    """Measure, print a table, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", default="")
    args = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    for form in ("JPEG", "PNG"):
        data = photo(form)
        print(f"{form}, 4000 x 3000, {len(data) / 1e6:.1f} MB")
        for name, work in jobs(data).items():
            numbers = measure(work, args.runs) | {"child": peak(name, data)}
            found[f"{form} {name}"] = numbers
            told = f"{numbers['ms']:6.0f} ms  {numbers['cpu']:6.0f} ms computing"
            print(f"  {name:34} {told}  {numbers['child']:5.0f} MiB")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(f"this process, which made the pictures: {own:.0f} MiB")
    if args.json:
        Path(args.json).write_text(json.dumps(found, indent=2), "utf-8")


if __name__ == "__main__":
    main()
