"""A whole output on disk: all of it, or head and tail of too long a one, and a disk that fills."""

from __future__ import annotations

import errno
import os
import random
import re
from pathlib import Path
from typing import BinaryIO

import pytest

from codex_py.host.whole import Whole

MOST = 1_000


class Folder:
    """Where the files go."""

    def __init__(self, path: Path) -> None:
        self.path = path / "out.txt"

    def spill(self) -> tuple[str, BinaryIO]:
        return str(self.path), open(self.path, "xb", buffering=0)


def pieces(data: bytes, seed: int) -> list[bytes]:
    """The same bytes in pieces of any size, some of them longer than what is kept."""
    chance = random.Random(seed)
    found, at = [], 0
    while at < len(data):
        size = chance.choice([1, 7, 300, 499, 500, 501, 1_700])
        found.append(data[at : at + size])
        at += size
    return found


@pytest.mark.parametrize("size", [1, 499, 500, 501, 999, 1_000, 1_001, 1_500, 1_501, 9_999])
@pytest.mark.parametrize("seed", range(5))
def test_head_and_tail_are_kept_and_what_is_missing_is_said(
    tmp_path: Path, size: int, seed: int
) -> None:
    data = random.Random(size).randbytes(size).replace(b"[", b"(")
    whole = Whole(Folder(tmp_path).spill, MOST)
    for piece in pieces(data, seed):
        whole.write(piece)
    whole.close()
    kept = Path(whole.path).read_bytes()
    if size <= MOST:
        assert (kept, whole.lost) == (data, "")
        return
    missing = f"{size - MOST:,}"
    assert kept == data[:500] + f"\n[… {missing} bytes were not kept …]\n".encode() + data[-500:]
    assert "the first and the last 500 bytes" in whole.lost
    assert f"{missing} bytes between them were not kept" in whole.lost
    assert [each.name for each in tmp_path.iterdir()] == ["out.txt"]


def test_nothing_lies_in_the_folder_but_the_file_while_output_comes(tmp_path: Path) -> None:
    whole = Whole(Folder(tmp_path).spill, MOST)
    for _ in range(50):
        whole.write(b"x" * 333)
        assert [each.name for each in tmp_path.iterdir()] == ["out.txt"]
        assert Path(whole.path).stat().st_size <= MOST
    assert "once it has ended" in whole.lost
    whole.close()
    assert "once it has ended" not in whole.lost


def test_a_limit_of_nothing_keeps_nothing_and_says_why(tmp_path: Path) -> None:
    whole = Whole(Folder(tmp_path).spill, 0)
    whole.write(b"x")
    whole.close()
    assert (whole.path, list(tmp_path.iterdir())) == ("", [])
    assert whole.lost == "the whole output could not be kept: output_file_mb is 0"


def test_where_no_file_can_be_made_the_reason_is_said_once(tmp_path: Path) -> None:
    tries = []

    def full() -> tuple[str, BinaryIO]:
        tries.append(1)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    whole = Whole(full, MOST)
    whole.write(b"x")
    whole.write(b"y")
    whole.close()
    assert whole.lost == "the whole output could not be kept: No space left on device"
    assert tries == [1]


def test_a_disk_that_fills_gets_half_of_the_file_back(tmp_path: Path) -> None:
    made = Folder(tmp_path)

    def limited() -> tuple[str, BinaryIO]:
        path, file = made.spill()
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, before[1]))
        return path, file

    import resource  # late: only this test lowers a limit

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    whole = Whole(limited, 100_000)
    try:
        for n in range(10):
            whole.write(bytes([n]) * 1_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    whole.close()
    assert re.search("could not be kept: File too large; its beginning is in .*out.txt", whole.lost)
    assert made.path.read_bytes() == b"\0" * 1_000 + b"\1" * 500
