"""Pure: what the small embedded model is: its words, its tools, and what it is told of files."""

from __future__ import annotations

from collections.abc import Sequence

from codex_py.core.entries import Context
from codex_py.models.local_moves import nudge
from codex_py.models.local_words import NAMES

INSTRUCTIONS = """\
You are a coding agent in a directory. You do what the user asks, step by step. Each of your
answers is one action, in one of these forms:

read FILE

run COMMAND

write FILE
```
the whole new content
```

edit FILE
<<<<<<< old
lines to replace, copied from the file
=======
the new lines
>>>>>>> new

done ONE SHORT SENTENCE THAT ANSWERS THE USER

Do not guess: count and compute with a command. Answer done only when the task is done."""
TOOLS = ("shell", "read_file", "write_file", "edit_file")
MAX_STEPS = 14

__all__ = ["INSTRUCTIONS", "MAX_STEPS", "TOOLS", "files", "nudge"]


def files(found: Sequence[tuple[str, int]]) -> Context:
    """The workspace's files with their sizes, as this model is told them with each task."""
    lines = [f"{size} {name}" for name, size in found[:NAMES]]
    if len(found) > NAMES:
        lines.append("and more")
    return Context(name="files", text="\n".join(lines))
