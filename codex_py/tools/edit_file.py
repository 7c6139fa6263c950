"""edit_file: replace an exact piece of a file's text."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host
from codex_py.host.change import Change
from codex_py.tools._edit import edit
from codex_py.tools._lines import EditError
from codex_py.tools._written import encoded, write

SHOWN = 2_000
"""Characters of a file that are shown whole when the text to replace is not in it."""


class Params(BaseModel):
    """Which text becomes which."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="The file to edit.")
    old: str = Field(description="The exact text to replace, with enough lines to be unique.")
    new: str = Field(description="The text to put in its place.")
    all: bool | None = Field(default=None, description="Replace every occurrence.")


def effects(params: Params, host: Host) -> Effects:
    """Writes one file."""
    return Effects(writes=(host.absolute(params.path),))


async def run(params: Params, call: Call) -> Output:
    """One replacement, or all of them when asked."""
    before = call.host.content(params.path)
    if before is None:
        raise ToolError(f"{params.path} does not exist; write_file makes new files.")
    try:
        text = before.decode("utf-8")
    except UnicodeDecodeError:
        raise ToolError(f"{params.path} is not UTF-8 text and cannot be edited.") from None
    try:
        edited = edit(text, params.old, params.new, bool(params.all))
    except EditError as error:
        told = f"Nothing was changed in {params.path}. {error}"
        if len(text) > SHOWN or params.old in text:
            raise ToolError(told) from None
        seen = {"seen": {call.host.real(params.path): call.host.digest(before)}}
        raise ToolError(f"{told}\nIt holds:\n{text}", seen) from None
    after = encoded(edited.text)
    change = Change("update", params.path, before, after, notes=edited.notes)
    count = len(edited.lines)
    times = f"{count} replacement" + ("s" if count != 1 else "")
    return write((change,), call, f"Edited {params.path} ({times}).")


TOOL = Tool(
    name="edit_file",
    description=(
        "Replace one exact piece of text in a file. It must occur once, unless all is true. "
        "Copy it from the file as it is, without line numbers."
    ),
    params=Params,
    effects=effects,
    run=run,
)
