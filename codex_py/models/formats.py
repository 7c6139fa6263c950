"""Pure: the schema of the final message, in the shapes that the wires take."""

from __future__ import annotations

import json

from codex_py.core.entries import Json
from codex_py.core.schema import strict


def named_schema(text: str) -> Json:
    """A schema with its name; `strict` where the provider can enforce it."""
    schema = json.loads(text)
    return {"name": "final_message", "schema": schema, "strict": strict(schema)}


def told_schema(text: str) -> str:
    """A schema in words, for servers that cannot enforce one."""
    return (
        "Your final message, the one without a tool call, must be one JSON value of this schema "
        f"and nothing else, no words around it and no code fence:\n{text}"
    )
