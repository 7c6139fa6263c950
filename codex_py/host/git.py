"""What we ask of git, without ever letting a repository run its programs."""

from __future__ import annotations

import os
from pathlib import Path


def find_root(path: str) -> Path | None:
    """The folder of the repository that `path` lies in; looks only, runs nothing."""
    folder = Path(os.path.realpath(path))
    for each in (folder, *folder.parents):
        if (each / ".git").exists():
            return each
    return None
