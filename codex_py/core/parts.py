"""What entries are made of: text, pictures, token counts; and the passing Delta."""

from __future__ import annotations

from typing import Any, Literal

from codex_py.dataclass import dataclass

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture kept beside the log; `blob` is its content hash, sizes are in pixels."""

    blob: str
    media_type: str
    name: str = ""
    width: int = 0
    height: int = 0
    detail: str = "auto"
    tokens: int = 0
    """About what it costs the model: an estimate."""


Part = Text | Image


@dataclass(frozen=True, slots=True)
class Source:
    """A page that an answer rests on, as the provider named it."""

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more samples, as the provider told them; `cached` is part of `input`."""

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cached + other.cached,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )


DeltaOf = Literal["text", "reasoning", "arguments", "output", "retry", "quiet", "summary"]


@dataclass(frozen=True, slots=True)
class Delta:
    """A passing fragment: shown live, never saved. `retry` voids the sample's earlier deltas.

    `quiet` says that nothing came for long; `summary` is a piece of what will stand for the
    conversation in a full window, a sign of life rather than something to show.
    """

    of: DeltaOf
    text: str
    call_id: str = ""
    name: str = ""
    """For `arguments`: the tool whose arguments these are."""
    wait: float = 0.0
    """For `retry`: seconds until then."""


def words(parts: tuple[Part, ...]) -> str:
    """The text of some parts, pictures left out."""
    return "\n".join(part.text for part in parts if isinstance(part, Text))
