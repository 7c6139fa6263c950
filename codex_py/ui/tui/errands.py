"""Commands that are a message to the model: look at the changes, write AGENTS.md."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from codex_py.ui.tui.draft import Message

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting

INIT = """\
{what} AGENTS.md in the working directory: a guide of at most 40 lines for coding agents who work \
here. Look at the repository first. Say what the project is, how it is laid out, the exact \
commands to build, test and check it (run them to be sure), its conventions, and what must not be \
done. State only what you saw."""

REVIEW = """\
Review {of}. Change nothing. Report only defects that this change brings in and that its author \
would fix: wrong results, crashes, lost data, security holes, broken interfaces. For each give \
the severity (P0 to P3), file and line, the input or state that shows it, and why. Verify each by \
reading the code around it or running it. No remarks on style. If you find none, say so."""


def init(sitting: Sitting, rest: str) -> None:
    """Have AGENTS.md written, or improved."""
    del rest
    path = os.path.join(sitting.launch.cwd, "AGENTS.md")
    what = "Improve" if os.path.exists(path) else "Write"
    sitting.submit(Message(INIT.format(what=what), "/init"), steer=False)


def review(sitting: Sitting, rest: str) -> None:
    """Have changes looked at."""
    of = rest or "the changes not yet committed (git diff HEAD and new files)"
    sitting.submit(Message(REVIEW.format(of=of), f"/review {rest}".strip()), steer=False)
