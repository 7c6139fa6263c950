"""The small tasks are fair: each check fails on the files as given and holds for a good answer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent.parent / "benchmarks/local"
sys.path.insert(0, str(HERE))
try:
    from held_out import HELD_OUT  # type: ignore[import-not-found]
    from tasks import TASKS  # type: ignore[import-not-found]
    from tuning import TUNING  # type: ignore[import-not-found]
finally:
    sys.path.remove(str(HERE))


def put(folder: Path, files: dict[str, str | None]) -> None:
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


@pytest.mark.parametrize("task", TASKS, ids=lambda each: each.name)
def test_a_check_tells_done_from_not_done(task, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    put(tmp_path, task.files)
    assert not task.check(tmp_path, "Done. Everything was changed as asked.")
    put(tmp_path, task.solution)
    assert task.check(tmp_path, task.reply or "Done.")


def test_the_halves_are_whole_and_apart() -> None:
    assert len(TUNING) >= 24
    assert len(HELD_OUT) >= 24
    assert len({each.name for each in TASKS}) == len(TASKS)
    assert len({(each.prompt, *each.files.values()) for each in TASKS}) == len(TASKS)
