"""view_image: look at a picture in the workspace."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.entries import Image, Text
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host
from codex_py.host.images import LARGEST, NotAnImage, inspect


class Params(BaseModel):
    """Which picture."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="A PNG, JPEG, GIF or WebP file.")


def effects(params: Params, host: Host) -> Effects:
    """Reads one file."""
    return Effects(reads=(host.absolute(params.path),))


async def run(params: Params, call: Call) -> Output:
    """The picture itself becomes part of the conversation."""
    found = call.host.read(params.path, LARGEST)
    try:
        picture = inspect(found.data)
    except NotAnImage as error:
        raise ToolError(f"{params.path} cannot be shown: {error}.") from None
    image = Image(
        blob=call.keep(found.data),
        media_type=picture.media_type,
        name=params.path,
        width=picture.width,
        height=picture.height,
    )
    note = Text(f"{params.path}: {picture.width} x {picture.height} pixels")
    return Output((note, image))


TOOL = Tool(
    name="view_image",
    description="Look at a picture file in the workspace.",
    params=Params,
    effects=effects,
    run=run,
)
