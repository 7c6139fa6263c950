"""Texts for models, kept as files."""

from __future__ import annotations

from pathlib import Path


def text(name: str) -> str:
    """A prompt file's text. `name` is its file name here."""
    return (Path(__file__).parent / name).read_text("utf-8")
