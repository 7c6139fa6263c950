"""Pictures made fit to be sent or looked at; decoding happens in a sealed child, never here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from codex_py.dataclass import dataclass
from codex_py.eyes import Eyes
from codex_py.pictures.kinds import LARGEST, PICTURES, NotAnImage, inspect, lacking
from codex_py.pictures.steps import Step

__all__ = [
    "LARGEST",
    "ORIGINAL",
    "PICTURES",
    "NotAnImage",
    "Seen",
    "inspect",
    "lacking",
    "see",
    "thumbnail",
]

PATIENCE = 60.0
"""Seconds a child may take."""
KEPT = ("PATH", "LANG", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
"""What the child needs of the environment."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as it is sent. Sizes in pixels."""

    data: bytes
    media_type: str
    width: int
    height: int
    original: tuple[int, int]
    """Its size before any step or scaling, upright."""
    shrunk: bool = False
    """It was scaled down to what the model takes."""
    steps: tuple[str, ...] = ()
    """A line for each step, with the size of its result."""
    where: str = ""
    """Which part of the original is shown, and how large."""
    sealed: tuple[str, ...] = ()
    """What kept the child from files and network."""


ORIGINAL = Eyes(side=4_096, most=50_000_000)
"""Takes pictures as they are, up to a size beyond what any model looks at."""


def see(
    data: bytes,
    eyes: Eyes = ORIGINAL,
    *,
    name: str = "",
    steps: Sequence[Step] = (),
    others: Sequence[tuple[str, bytes]] = (),
) -> Seen:
    """The picture upright, without metadata, in a size these eyes take, after some steps.

    Blocks; call it from a thread. Raises NotAnImage, its message fit for one line, for what is
    no whole picture, is too large to be decoded, or does not take a step. `others` are the
    pictures, with their names, that `beside` and `diff` stand for.
    """
    _known(data, name)
    for each, blob in others:
        try:
            _known(blob, each)
        except NotAnImage as error:
            raise NotAnImage(f"{each}: {error}") from None
    told, found = _ask(
        {"eyes": asdict(eyes), "steps": [asdict(each) for each in steps]},
        [data, *(blob for _, blob in others)],
        [each for each, _ in others],
    )
    return Seen(
        data=found,
        media_type=f"image/{told['media']}",
        width=told["width"],
        height=told["height"],
        original=(told["original"][0], told["original"][1]),
        shrunk=told["shrunk"],
        steps=tuple(told["steps"]),
        where=told["where"],
        sealed=tuple(told["sealed"]),
    )


def _known(data: bytes, name: str) -> None:
    lack = lacking(inspect(data, name).kind)
    if lack:
        raise NotAnImage(lack)


def thumbnail(data: bytes, width: int, height: int, form: str) -> tuple[bytes, int, int]:
    """A small PNG, or Sixel text, at most so many pixels, with its size. Raises NotAnImage."""
    inspect(data)
    told, found = _ask({"eyes": {}, "steps": [], "thumb": [width, height, form]}, [data], [])
    return found, told["width"], told["height"]


def _ask(head: dict[str, object], blobs: list[bytes], names: list[str]) -> tuple[dict, bytes]:  # type: ignore[type-arg]
    line = json.dumps({**head, "sizes": [len(each) for each in blobs]}).encode() + b"\n"
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    try:
        # -P and the folder keep a repository's own modules from being imported.
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "codex_py.pictures.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,
            cwd="/",
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        raise NotAnImage(f"it could not be decoded: {error.strerror}") from error
    with child:
        try:
            out, _ = child.communicate(line + b"".join(blobs), PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            raise NotAnImage(f"decoding it took longer than {PATIENCE:.0f} seconds") from None
        except BaseException:
            child.kill()
            raise
    first, _, data = out.partition(b"\n")
    if child.returncode != 0 or not first.startswith(b"{"):
        raise NotAnImage(_died(child.returncode))
    told = json.loads(first)
    if "error" in told:
        which = f"{names[told['blob'] - 1]}: " if told.get("blob") else ""
        raise NotAnImage(f"{which}{told['error']}")
    return told, data


def _died(code: int) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "decoding it takes too long, or too much memory"
    return f"it cannot be decoded: the decoder ended ({f'signal {-code}' if code < 0 else code})"
