"""Settings: flags over environment over profile over user file, as one frozen value."""

from codex_py.settings.amounts import money, span
from codex_py.settings.reading import home, load, merged, override
from codex_py.settings.secret import secret_places
from codex_py.settings.values import EFFORTS, THEMES, Provider, Settings

__all__ = [
    "EFFORTS",
    "THEMES",
    "Provider",
    "Settings",
    "home",
    "load",
    "merged",
    "money",
    "override",
    "secret_places",
    "span",
]
