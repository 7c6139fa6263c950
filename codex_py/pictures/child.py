"""The program that decodes pictures: limits itself, seals itself, answers once, ends."""

from __future__ import annotations

import json
import resource
import sys
import warnings
from collections.abc import Callable
from typing import Any

from codex_py.eyes import Eyes
from codex_py.pictures import decode, encode
from codex_py.pictures.kinds import NotAnImage, inspect
from codex_py.pictures.steps import Impossible, Step
from codex_py.pictures.strip import CutOff, strip
from codex_py.pictures.thumb import thumbnail
from codex_py.pictures.view import Matrix, View, apply, scaled, where

MEMORY = 2_500_000_000
"""Bytes of address space."""
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts")
"""What drawings and pages may still read."""
SECONDS = 30
"""Seconds of computing."""


def main() -> None:
    """Read one request from stdin, write one answer to stdout."""
    head = json.loads(sys.stdin.buffer.readline())
    blobs = [sys.stdin.buffer.read(size) for size in head["sizes"]]
    warnings.simplefilter("ignore")
    limit()
    kinds = {each["name"] for each in head["steps"]}
    for blob in blobs:
        try:
            kinds.add(inspect(blob).kind)
        except NotAnImage:
            continue
    extras = decode.prepare(kinds)
    sealed = _seal(FONTS if kinds & {"svg", "pdf"} else ())
    try:
        answer, data = work(head, blobs, extras)
    except (NotAnImage, Impossible) as error:
        answer, data = {"error": str(error), "blob": getattr(error, "blob", 0)}, b""
    except MemoryError:
        answer, data = {"error": "it needs too much memory", "blob": 0}, b""
    told = json.dumps({**answer, "sealed": sealed, "size": len(data)})
    sys.stdout.buffer.write(told.encode() + b"\n" + data)
    sys.stdout.buffer.flush()


def limit() -> None:
    """No more memory and time than any picture needs."""
    for which, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(which)[1]
        new = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (new, new))
        except (ValueError, OSError):  # macOS knows no limit of address space
            continue


def _seal(reads: tuple[str, ...]) -> list[str]:
    from codex_py_sandbox.seal import seal  # late: after what must be read was read

    return list(seal(reads))


def work(
    head: dict[str, Any], blobs: list[bytes], extras: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    """The answer to one request and the picture it is about."""
    steps = [Step(each["name"], tuple(each["numbers"]), each["word"]) for each in head["steps"]]
    page = int(steps[0].numbers[0]) if steps and steps[0].name == "page" else 1
    eyes = Eyes(**head["eyes"])
    plain = not [step for step in steps if step.name != "page"]
    small = head.get("thumb")
    enough = (lambda *_: (small[0], small[1])) if small else eyes.fit if plain else None
    first = _decoded(blobs[0], extras, page, 0, enough)
    image, kind, same = first.image, first.kind, first.same
    if small:
        return thumbnail(image, *small)
    others = [
        encode.flat(_decoded(blob, extras, 1, place).image)
        for place, blob in enumerate(blobs[1:], 1)
    ]
    told: list[str] = []
    view = View(image, _from(first))
    if not plain:
        view, told = apply(encode.flat(image), steps, others)
        same = False
    wide, high = eyes.fit(*(first.original if plain else view.image.size))
    shrunk = (wide, high) != (first.original if plain else view.image.size)
    if (wide, high) != view.image.size:
        keep = view.image if view.image.mode in ("L", "RGB") else _smooth(view.image)
        view = scaled(View(keep, view.matrix), wide, high)
    data, media = b"", ""
    if same and not shrunk and kind in ("png", "jpeg", "webp"):
        try:
            data, media = strip(blobs[0], kind), kind
        except CutOff:
            raise NotAnImage("it is cut off") from None
    if not data or len(data) > eyes.most:
        data, media = encode.encoded(view.image, kind in ("jpeg", "heic"), eyes.most)
    answer = {
        "kind": kind,
        "media": media,
        "original": list(first.original),
        "width": view.image.width,
        "height": view.image.height,
        "shrunk": shrunk,
        "steps": told,
        "where": where(view),
    }
    return answer, data


def _decoded(
    blob: bytes,
    extras: dict[str, Any],
    page: int,
    place: int,
    enough: Callable[[int, int], tuple[int, int]] | None = None,
) -> decode.Decoded:
    try:
        return decode.decode(blob, extras, page, enough)
    except NotAnImage as error:
        error.blob = place  # type: ignore[attr-defined]
        raise


def _from(first: decode.Decoded) -> Matrix:
    """From points of the original to those of what was decoded."""
    wide, high = first.original
    return (first.image.width / wide, 0, 0, 0, first.image.height / high, 0)


def _smooth(image: Any) -> Any:
    """A mode that can be scaled without jagged edges."""
    clear = image.mode in ("RGBA", "LA") or "transparency" in image.info
    return image.convert("RGBA" if clear else "RGB")


if __name__ == "__main__":
    main()
