"""view_image: look at a picture, closer or changed so that more can be seen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.entries import Text
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host
from codex_py.pictures.steps import Step, WrongStep, parse
from codex_py.tools._seen import pictured

KEPT = "kept:"
"""Before the name of a picture that is kept beside the log."""


if TYPE_CHECKING:
    from codex_py.host.images import Seen


class Params(BaseModel):
    """Which picture, and how."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="A file, or kept:NAME of a picture shown before.")
    steps: list[str] | None = Field(
        default=None,
        description='Done in order: "crop X Y WIDTH HEIGHT" (pixels of the original, also after '
        'other steps), "zoom 3", "rotate 90", "flip h", "grey", "contrast 2", "invert", '
        '"threshold 128", "edges", "grid 100" (labelled lines), "beside FILE", "diff FILE", '
        '"page 2".',
    )


def effects(params: Params, host: Host) -> Effects:
    """Reads the picture and those it is compared with."""
    paths = [path for path in _paths(params) if not path.startswith(KEPT)]
    return Effects(
        reads=tuple(host.absolute(path) for path in paths),
        outward=tuple(host.absolute(path) for path in paths if host.outward(path)),
    )


async def run(params: Params, call: Call) -> Output:
    """The picture itself becomes part of the conversation, with the size after each step."""
    from codex_py.host.images import NotAnImage, see  # late: most sessions have no picture

    steps = _steps(params)
    first, *others = [(path, _read(path, call)) for path in _paths(params)]
    try:
        seen = await asyncio.to_thread(
            see, first[1], call.eyes, name=first[0], steps=steps, others=others
        )
    except NotAnImage as error:
        raise ToolError(f"{params.path} cannot be shown: {error}.") from None
    told, image = pictured(seen, params.path, call)
    return Output(
        (Text("\n".join([_head(params.path, seen, told), *seen.steps])), image),
        data={"same": image.blob[:16], "blob": image.blob},
    )


def _head(path: str, seen: Seen, told: str) -> str:
    size = f"{seen.original[0]} x {seen.original[1]} pixels"
    changed = f"; {seen.where}" if seen.steps or seen.shrunk else ""
    return f"{path}: {size}; {told}{changed}"


def _steps(params: Params) -> tuple[Step, ...]:
    try:
        return parse(params.steps or ())
    except WrongStep as error:
        raise ToolError(f"{error}.") from None


def _paths(params: Params) -> list[str]:
    """The picture and those of its steps, in order."""
    named = [step.word for step in _steps(params) if step.name in ("beside", "diff")]
    return [params.path, *named]


def _read(path: str, call: Call) -> bytes:
    from codex_py.host.images import LARGEST  # late: as above

    if path.startswith(KEPT):
        return call.kept(path.removeprefix(KEPT))
    return call.host.read(path, LARGEST).data


TOOL = Tool(
    name="view_image",
    description="Look at a picture file, closer or changed.",
    params=Params,
    effects=effects,
    run=run,
)
