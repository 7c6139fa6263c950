"""Every kind of entry as it is printed, wide and narrow, in colour and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from codex_py.ui.render import Renderer
from tests.ui.render.script import entries

GOLDEN = Path(__file__).parent / "golden"
PAPERS = {
    "80-colour": Renderer(80, True, True, "dark", links=True),
    "80-plain": Renderer(80, False, True),
    "40-colour": Renderer(40, True, True),
    "40-ascii": Renderer(40, False, False),
}


def printed(name: str) -> str:
    renderer = PAPERS[name]
    told = "".join(renderer.entry(entry) or "" for entry in entries())
    return told.replace("\x1b", "␛")


@pytest.mark.parametrize("name", PAPERS)
def test_every_entry_is_drawn_as_it_was(name: str) -> None:
    assert printed(name) == (GOLDEN / f"{name}.txt").read_text("utf-8")


if __name__ == "__main__":  # after a wanted change: write the files, then read the difference
    GOLDEN.mkdir(exist_ok=True)
    for each in PAPERS:
        (GOLDEN / f"{each}.txt").write_text(printed(each), "utf-8")
