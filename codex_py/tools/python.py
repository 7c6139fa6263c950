"""python: code in an interpreter that keeps its state; what it draws is seen."""

from __future__ import annotations

import asyncio
import hashlib
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.entries import Image, Part, Text
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.core.truncate import join, truncate
from codex_py.effects import Effects
from codex_py.host import Host
from codex_py.host.interpreter import Drawn, Told, spoken
from codex_py.tools._seen import pictured

LONGEST = 3_600
FRAME = 6_000
"""Characters left for what stands around the output."""


class Params(BaseModel):
    """What to run."""

    model_config = ConfigDict(extra="forbid")

    code: str
    timeout: int | None = Field(default=None, description="Seconds.")


def effects(params: Params, host: Host) -> Effects:
    """Whatever the code does, confined wherever anything can confine."""
    if not params.code.strip():
        raise ToolError("The code is empty.")
    if "\0" in params.code:
        raise ToolError("The code holds a NUL character.")
    return Effects(command=spoken(params.code, host.cwd), cwd=host.cwd, confined=True)


async def run(params: Params, call: Call) -> Output:
    """What was printed, the last expression's value, an error, and what was drawn."""
    from codex_py.host.images import NotAnImage  # late: most sessions run no Python

    wanted = params.timeout if params.timeout and params.timeout > 0 else 0
    told = await call.host.interpreter.run(
        call.host,
        params.code,
        float(min(wanted, LONGEST)) or call.host.timeout,
        call.say,
        lambda: _spill(call),
        max(1_000, call.limit - FRAME),
    )
    parts: list[Part] = [Text(report(told, call.limit))]
    names: list[str] = []
    for drawn in told.pictures:
        try:
            names += await _shown(drawn, call, parts)
        except NotAnImage as error:
            parts.append(Text(f"[{drawn.name} cannot be shown: {error}]"))
    if told.more:
        parts.append(Text(f"[{told.more} more pictures are not shown; view_image shows files]"))
    text = report(told, call.limit)
    same = hashlib.sha256(f"{params.code}\0{text}\0{names}".encode()).hexdigest()[:16]
    data = {"same": same, "confined": call.confined, "python": True}
    return Output(tuple(parts), told.ok, data, told.full)


async def _shown(drawn: Drawn, call: Call, parts: list[Part]) -> list[str]:
    from codex_py.host.images import see  # late: not all code draws

    seen = await asyncio.to_thread(see, drawn.data, call.eyes)
    if not call.vision:
        size = f"{seen.original[0]} x {seen.original[1]}"
        parts.append(Text(f"[{drawn.name}: a picture of {size} pixels, which you cannot see]"))
        return [drawn.name]
    told, image = pictured(seen, drawn.name, call)
    assert isinstance(image, Image)
    parts += [Text(f"{drawn.name}: {told}"), image]
    return [image.blob]


def report(told: Told, limit: int) -> str:
    """What the model reads: whether it went well, output, value, error."""
    lines: list[str] = []
    if told.lost:
        lines.append(f"{told.lost[:1].upper()}{told.lost[1:]}. {RESTART}")
    elif told.fresh and told.fresh != "first call":
        lines.append(f"[A fresh interpreter: {told.fresh}. Variables of earlier calls are gone.]")
    body = told.head
    if told.tail:
        body = join(told.head, told.tail, told.size, "bytes", told.full, told.missing)
    if body.strip():
        lines.append(body.rstrip())
    if told.error:
        lines.append(truncate(told.error.rstrip(), limit // 2))
    elif told.value:
        lines.append(truncate(told.value, limit // 2))
    return "\n".join(lines) or "(no output)"


RESTART = "Variables are gone; the next call starts a fresh interpreter."


def _spill(call: Call) -> tuple[str, BinaryIO]:
    path, file = call.spill(call.call_id)
    return str(path), file


TOOL = Tool(
    name="python",
    description=(
        "Run Python code; variables last across calls. Gives printed text, the last expression's "
        "value, and, as pictures, figures and image files it makes."
    ),
    params=Params,
    effects=effects,
    run=run,
)
