"""The paths that hold keys and tokens."""

from __future__ import annotations

import os
from pathlib import Path

from codex_py.settings.values import Settings


def secret_places(settings: Settings) -> tuple[str, ...]:
    """Paths that hold keys and tokens: never read or written without a question."""
    user = str(Path.home())
    named = [f"{user}/{each}" for each in SECRETS]
    own = [str(settings.home)]
    given = [os.path.abspath(os.path.expanduser(each)) for each in settings.deny_read]
    allowed = {os.path.realpath(os.path.expanduser(each)) for each in settings.readable}
    found = (os.path.realpath(each) for each in (*named, *own, *given, *SYSTEM_SECRETS))
    return tuple(each for each in found if each not in allowed)


SECRETS = (
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".config/gcloud",
    ".config/gh",
    ".docker/config.json",
    ".netrc",
    ".git-credentials",
    ".npmrc",
    ".pypirc",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".password-store",
    ".local/share/keyrings",
    ".mozilla",
    ".config/google-chrome",
    ".config/chromium",
    ".bash_history",
    ".zsh_history",
    ".codex",
    ".claude",
    ".gemini",
)
SYSTEM_SECRETS = ("/etc/shadow", "/etc/gshadow", "/var/run/secrets", "/proc")
