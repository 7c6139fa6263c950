"""Settings become a brain: a model client with all that is known of its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from codex_py.core.client import ModelClient
from codex_py.core.entries import Entry
from codex_py.core.errors import UsageError
from codex_py.core.kit import silent
from codex_py.core.request import ModelSettings
from codex_py.settings import Settings


@dataclass(frozen=True, slots=True)
class Profile:
    """A model that needs its own small set of tools and words."""

    instructions: str
    tools: tuple[str, ...]
    max_steps: int = 0
    nudge: Callable[[Sequence[Entry]], str] = silent


@dataclass(frozen=True, slots=True)
class Brain:
    """A client and what the agent must know of the model behind it."""

    client: ModelClient
    label: str
    settings: ModelSettings
    patch_style: str
    vision: bool
    key_names: frozenset[str]
    """Environment variables that hold our own keys: no command sees them."""
    body: Callable[..., object]
    """What the client would send for a request, as JSON data."""
    profile: Profile | None = None

    def sampling(self, session: str) -> ModelSettings:
        """How to sample in one session: its id keys the provider's prompt cache."""
        return replace(self.settings, cache_key=session)

    @property
    def max_steps(self) -> int:
        """The model's own limit of steps; 0 for none."""
        return self.profile.max_steps if self.profile else 0

    @property
    def nudge(self) -> Callable[[Sequence[Entry]], str]:
        """Reminders for a model that stops early."""
        return self.profile.nudge if self.profile else silent


def choose(settings: Settings, environ: Mapping[str, str]) -> Brain:
    """The brain that the settings name. Raises UsageError with all the ways when there is none."""
    from codex_py.models.door import Door
    from codex_py.models.responses import ResponsesClient
    from codex_py.models.retrying import Retrying

    key = environ.get("OPENAI_API_KEY", "")
    if not key:
        raise UsageError("OPENAI_API_KEY is not set")
    client = ResponsesClient(Door(settings.openai_base_url, key))
    return Brain(
        Retrying(client),
        settings.model,
        ModelSettings(settings.model, reasoning=True, summary="auto"),
        "patch",
        True,
        frozenset({"OPENAI_API_KEY"}),
        client.body,
    )
