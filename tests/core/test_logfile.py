"""Opening a log is a matter of its end: what is loaded, and that it is always what counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_py.core import logfile
from codex_py.core.chain import chained
from codex_py.core.codec import plain
from codex_py.core.entries import (
    Assistant,
    Compacted,
    Context,
    Entry,
    Notice,
    Sampled,
    Started,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    User,
    stamped,
)
from codex_py.core.request import project
from codex_py.core.session import create, place, resume
from codex_py.core.shelf import summed_up


def filled(tmp_path: Path, entries: list[Entry]) -> Path:
    session = create(tmp_path)
    for entry in entries:
        session.append(entry)
    session.close()
    return session.path


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    """Whatever may come after one another in a log."""
    found: list[Entry] = [Started(session="s", cwd="/"), Context(name="environment", text="e")]
    for number in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from("uaacrrsskn"))
        if kind == "u":
            found.append(User(parts=(Text(draw(st.text(max_size=30))),)))
        elif kind == "a":
            found.append(Assistant(text=draw(st.text(max_size=300)), partial=draw(st.booleans())))
        elif kind == "c":
            found.append(ToolCall(call_id=f"c{number}", name="shell", arguments="{}"))
        elif kind == "r":
            call = f"c{draw(st.integers(0, number))}"
            found.append(ToolResult(call_id=call, ok=True, parts=(Text("out"),)))
        elif kind == "s":
            found.append(Sampled(model=draw(st.sampled_from("ab")), usage=Usage(10, 1, 2, 0)))
        elif kind == "k":
            found.append(Context(name="environment", text=f"again {number}"))
            cut = draw(st.integers(2, len(found) - 1))
            found.append(Compacted(summary=f"sum {number}", keep_from=cut))
        else:
            found.append(Notice(text="n"))
    return found


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(1, 400), st.floats(0, 1))
def test_what_is_loaded_is_sent_as_if_all_had_been(
    entries: list[Entry], block: int, part: float
) -> None:
    import tempfile

    before = logfile.BLOCK
    logfile.BLOCK = block
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = filled(Path(folder), entries)
            whole = path.read_bytes()
            size = int(part * len(whole))
            path.write_bytes(whole[:size])
            every = logfile.decode(whole[: whole.rfind(b"\n", 0, size) + 1])
            session = resume(path)
            assert session.history() == every
            assert project(session.entries) == project(every)
            total: dict[str, Usage] = {}
            for entry in every:
                if isinstance(entry, Sampled):
                    total[entry.model] = total.get(entry.model, Usage()) + entry.usage
            assert {name: each.usage for name, each in session.spent.items()} == total
            assert session.append(Notice(text="x")).n == len(every)
            session.close()
            assert path.read_bytes().startswith(whole[: whole.rfind(b"\n", 0, size) + 1])
    finally:
        logfile.BLOCK = before


def big(tmp_path: Path, megabytes: int) -> tuple[Path, int]:
    """A log as a long session leaves it: summed up now and then, with a step every 4 kB."""
    path, link, count, number, size = place(tmp_path), "", 0, 0, 0
    with open(path, "wb") as file:

        def add(entry: Entry) -> None:
            nonlocal link, count, size
            line, link = chained(plain(stamped(entry, count, 1.7e9)), link)
            size += file.write(line)
            count += 1

        add(Started(session="s", cwd="/", version=2))
        add(Context(name="environment", text="here"))
        while size < megabytes << 20:
            if number % 400 == 0:
                add(Context(name="environment", text=f"here {number}"))
                add(Compacted(summary="s", keep_from=count - 1))
                add(User(parts=(Text("go on"),)))
            call, number = f"c{number}", number + 1
            add(ToolCall(call_id=call, name="shell", arguments='{"command":"make"}'))
            so_far = {"m": {"input": 100 * number, "output": 10 * number, "requests": number}}
            add(Sampled(model="m", usage=Usage(100, 0, 10, 0), so_far=so_far))
            add(ToolResult(call_id=call, ok=True, parts=(Text("x" * 3_500),)))
    return path, number


Found = TypeVar("Found")


def bytes_read(does: Callable[[], Found]) -> tuple[Found, int]:
    """What a function gives, and how many bytes of a log were read to that end."""
    pread, counted = os.pread, 0

    def counting(file: int, size: int, at: int) -> bytes:
        nonlocal counted
        found = pread(file, size, at)
        counted += len(found)
        return found

    os.pread = counting
    try:
        return does(), counted
    finally:
        os.pread = pread


def test_opening_reads_the_end_whatever_the_size(tmp_path: Path) -> None:
    small, _ = big(tmp_path / "a", 4)
    large, steps = big(tmp_path / "b", 16)
    one, few = bytes_read(lambda: resume(small))
    two, more = bytes_read(lambda: resume(large))
    assert two.spent["m"].usage == Usage(100 * steps, 0, 10 * steps, 0)
    assert max(few, more) < 4 << 20
    assert isinstance(two.entries[0], Started)
    assert len(two.entries) < 1_300 < len(two.history())
    assert project(two.entries) == project(two.history())
    one.close()
    two.close()
    card, read = bytes_read(lambda: summed_up(large, named=False))
    assert read < 3 << 20 and card.spent["m"]["input"] == 100 * steps
    again, read = bytes_read(lambda: summed_up(large, card))
    assert read < 3 << 20 and again == card


def test_a_long_log_that_was_never_summed_up_is_opened_from_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "LIVE", 40_000)
    entries: list[Entry] = [Started(session="s", cwd="/"), Context(name="environment", text="e")]
    for number in range(100):
        entries += [User(parts=(Text(f"m{number}"),)), Assistant(text="a" * 1_000)]
    session = resume(filled(tmp_path, entries))
    assert [each.kind for each in session.entries[:2]] == ["started", "context"]
    assert 40 < len(session.entries) < 100
    assert session.append(Notice(text="n")).n == 202
    session.close()
