"""Pictures that a person or a program hands over become parts of a message."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from codex_py.core.entries import Image, Part, Text
from codex_py.core.errors import UsageError
from codex_py.dataclass import dataclass
from codex_py.eyes import Eyes

if TYPE_CHECKING:
    from codex_py.host.images import Seen

PAGE = re.compile(r"(.+)#(?:page=)?([1-9]\d{0,4})")


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that was decoded once: whole, upright, without metadata."""

    name: str
    seen: Seen


Given = Any
"""A path, bytes, (name, bytes), a PIL image, or what `take` made of one."""


def take(given: Given, cwd: str, roots: Sequence[str], flag: str = "") -> Shown:
    """Read and decode one picture. Blocks; call it from a thread where that matters.

    `FILE#2` is the second page of a PDF or TIFF. Raises UsageError: one line, the picture's
    name first, `flag` before it. A link that leads out of the workspace is not followed.
    """
    if isinstance(given, Shown):
        return given
    from codex_py.host.images import ORIGINAL, NotAnImage, see  # late: few messages have one
    from codex_py.pictures.steps import Step

    name, page = "picture", 1
    try:
        if isinstance(given, (bytes, bytearray, memoryview)):
            data = bytes(given)
        elif isinstance(given, tuple):
            name, data = str(given[0]), bytes(given[1])
        elif isinstance(given, (str, os.PathLike)):
            name = os.fspath(given)
            path, page = _paged(name, cwd)
            data = _read(path, cwd, roots)
        elif hasattr(given, "save"):
            data = _png(given)
        else:
            raise NotAnImage(
                f"{type(given).__name__} is no picture: give a path, bytes or an image"
            )
        steps = (Step("page", (float(page),)),) if page > 1 else ()
        label = "" if isinstance(given, tuple) or page > 1 else name
        shown = os.path.basename(name).encode("utf-8", "replace").decode()
        return Shown(shown, see(data, ORIGINAL, name=label, steps=steps))
    except NotAnImage as error:
        raise UsageError(f"{flag}{name}: {error}") from None
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{flag}{name}: {told}") from None


def read(name: str, cwd: str, roots: Sequence[str]) -> bytes:
    """A picture file's bytes, looked at but not decoded. Raises UsageError as `take` does."""
    from codex_py.host.images import NotAnImage, inspect, lacking  # late: few messages have one

    try:
        data = _read(name, cwd, roots)
        lack = lacking(inspect(data, name).kind)
        if lack:
            raise NotAnImage(lack)
    except NotAnImage as error:
        raise UsageError(f"{name}: {error}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: {getattr(error, 'strerror', None) or error}") from None
    return data


def parts(shown: Sequence[Shown], eyes: Eyes, keep: Callable[[bytes], str]) -> list[Part]:
    """The pictures in the size these eyes take, each kept; one that was scaled is said to be."""
    from codex_py.host.images import see  # late: few messages have one

    found: list[Part] = []
    for each in shown:
        seen = each.seen
        fits = eyes.fit(seen.width, seen.height) == (seen.width, seen.height)
        if not fits or len(seen.data) > eyes.most:
            seen = see(seen.data, eyes)
            width, height = each.seen.original
            text = f"[{each.name}: {width} x {height} pixels, sent as {seen.width} x {seen.height}]"
            found.append(Text(text))
        found.append(
            Image(
                blob=keep(seen.data),
                media_type=seen.media_type,
                name=each.name,
                width=seen.width,
                height=seen.height,
                detail=eyes.detail,
                tokens=eyes.tokens(seen.width, seen.height),
            )
        )
    return found


def blind(model: str) -> str:
    """What is said when pictures are given to a model that cannot look at them."""
    return f"{model} cannot look at pictures: leave them out, or choose a model that can with -m"


def _paged(name: str, cwd: str) -> tuple[str, int]:
    found = PAGE.fullmatch(name)
    if found is None or os.path.lexists(os.path.join(cwd, os.path.expanduser(name))):
        return name, 1
    return found[1], int(found[2])


def _read(path: str, cwd: str, roots: Sequence[str]) -> bytes:
    from codex_py.host.images import LARGEST, NotAnImage
    from codex_py.host.opened import leads_out, read

    full = os.path.normpath(os.path.join(cwd, os.path.expanduser(path)))
    real = os.path.realpath(full)
    if leads_out(full, roots):
        raise NotAnImage(
            f"it is a link that leads out of the workspace, to {real}; name that file itself"
        )
    try:
        return read(real, LARGEST)
    except FileNotFoundError:
        raise NotAnImage("no such file") from None
    except IsADirectoryError:
        raise NotAnImage("it is a folder") from None


def _png(image: Any) -> bytes:
    import io

    into = io.BytesIO()
    plain = image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else image.convert("RGB")
    plain.save(into, "PNG")
    return into.getvalue()
