"""Pure: recognise a line that stands for text left out, such as `# ... rest unchanged ...`."""

from __future__ import annotations

import re

_DOTS = re.compile(r"\.\.\.|…")
_WORDS = re.compile(
    r"\b(rest of|the rest|remaining|remainder|existing|unchanged|omitted|unmodified"
    r"|(previous|other|same|original|above) (code|lines?|content|methods?|functions?|imports?)"
    r"|same as (before|above)|as before|no changes?|(code|content)s? (here|continues?))\b",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^\s*(#+|//+|/\*+|\*+|<!--|--|;+|%+|\{/\*|\.\.\.|…|\[|\()")


def placeholder(new: str, old: str = "") -> str | None:
    """The first line of `new` that stands for text left out and is not a line of `old`.

    Such a line starts as a comment or with dots, holds dots, and speaks of what stays.
    """
    if not _DOTS.search(new):
        return None
    known = {line.strip() for line in old.split("\n")}
    for line in new.split("\n"):
        if (
            _DOTS.search(line)
            and len(line) < 160
            and _LEAD.match(line)
            and _WORDS.search(line)
            and line.strip() not in known
        ):
            return line
    return None
