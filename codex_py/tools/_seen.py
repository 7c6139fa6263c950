"""A picture that a tool shows: kept beside the log, its size and cost in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_py.core.entries import Image
from codex_py.core.tool import Call

if TYPE_CHECKING:
    from codex_py.host.images import Seen


def pictured(seen: Seen, name: str, call: Call) -> tuple[str, Image]:
    """The picture as a part of the conversation, and how it is shown."""
    tokens = call.eyes.tokens(seen.width, seen.height)
    image = Image(
        blob=call.keep(seen.data),
        media_type=seen.media_type,
        name=name,
        width=seen.width,
        height=seen.height,
        detail=call.eyes.detail,
        tokens=tokens,
    )
    scaled = ", scaled down to what you can see" if seen.shrunk else ""
    size = f"{seen.width} x {seen.height}{scaled}"
    return f"shown {size}, about {tokens:,} tokens, kept:{image.blob[:8]}", image
