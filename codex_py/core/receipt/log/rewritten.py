"""Files that a command line rewrites in place, for logs that do not keep what changed."""

from __future__ import annotations

import re

_IN_PLACE = re.compile(
    r"\bsed\s+(?:-\w+\s+)*-i|\bperl\s+-\w*i|\bpatch\s+-|\bgit\s+(?:apply|checkout|stash\s+pop|reset"
    r"|revert|merge|rebase|pull|cherry-pick|restore)\b|\bblack\b(?!.*--check)|\bprettier\b.*--write"
    r"|\bruff\s+format\b(?!.*--check)|--fix\b|\bisort\b(?!.*--check)|\bgofmt\s+-w"
    r"|\bcargo\s+fmt\b(?!.*--check)"
)
_FILE = re.compile(r"[\w./-]+\.\w{1,5}\b")


def rewritten(line: str) -> str:
    """The file that a line rewrites in place, `the work tree` for several; empty for none."""
    if not _IN_PLACE.search(line):
        return ""
    named = [each for each in _FILE.findall(line) if "/" in each or not each[0].isdigit()]
    return named[-1] if named else "the work tree"
