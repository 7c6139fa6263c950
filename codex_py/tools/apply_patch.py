"""apply_patch: edits across files in the `*** Begin Patch` form, all or nothing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host
from codex_py.tools._lines import EditError
from codex_py.tools._patch import Operation, PatchError, Update, parse
from codex_py.tools._plan import plan, summary
from codex_py.tools._written import write


class Params(BaseModel):
    """The patch."""

    model_config = ConfigDict(extra="forbid")

    input: str = Field(description="The whole patch, from *** Begin Patch to *** End Patch.")


def effects(params: Params, host: Host) -> Effects:
    """Writes every path that the patch names."""
    paths: list[str] = []
    for operation in _parsed(params.input):
        paths.append(operation.path)
        if isinstance(operation, Update) and operation.move_to:
            paths.append(operation.move_to)
    return Effects(writes=tuple(dict.fromkeys(host.absolute(path, home=False) for path in paths)))


def _parsed(text: str) -> tuple[Operation, ...]:
    try:
        operations = parse(text)
    except PatchError as error:
        raise ToolError(f"apply_patch verification failed: {error}") from None
    if not operations:
        raise ToolError("patch rejected: empty patch")
    return operations


async def run(params: Params, call: Call) -> Output:
    """Every change is computed before the first is written."""
    host = call.host
    try:
        changes = plan(
            _parsed(params.input),
            host.content,
            cwd=host.cwd,
            key=host.real,
            link=host.link,
            once=True,
        )
    except EditError as error:
        raise ToolError(f"apply_patch verification failed: {error}") from None
    return write(changes, call, summary(changes))


GRAMMAR = """\
start: begin_patch hunk+ end_patch
begin_patch: "*** Begin Patch" LF
end_patch: "*** End Patch" LF?

hunk: add_hunk | delete_hunk | update_hunk
add_hunk: "*** Add File: " filename LF add_line+
delete_hunk: "*** Delete File: " filename LF
update_hunk: "*** Update File: " filename LF change_move? change?

filename: /(.+)/
add_line: "+" /(.*)/ LF -> line

change_move: "*** Move to: " filename LF
change: (change_context | change_line)+ eof_line?
change_context: ("@@" | "@@ " /(.+)/) LF
change_line: ("+" | "-" | " ") /(.*)/ LF
eof_line: "*** End of File" LF

%import common.LF
"""

TOOL = Tool(
    name="apply_patch",
    description=(
        "Edit files: add, update, move and delete, all or nothing. The input is a patch in the "
        "form your instructions describe; paths are relative to the working directory."
    ),
    params=Params,
    effects=effects,
    run=run,
    grammar=GRAMMAR,
    freeform="input",
)
