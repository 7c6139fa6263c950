"""The log: written before shown, whole after anything, private, open to older and newer forms."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py.core import session as sessions
from codex_py.core.chain import chained, verify
from codex_py.core.codec import plain, revive
from codex_py.core.entries import (
    KINDS,
    Assistant,
    Context,
    Decision,
    Image,
    Notice,
    Sampled,
    Started,
    Text,
    ToolCall,
    ToolResult,
    TurnEnded,
    Unknown,
    Usage,
    User,
)
from codex_py.core.errors import LogError, UsageError
from codex_py.core.logfile import decode, lines, read, spent
from codex_py.core.request import project
from codex_py.core.session import create, resume

ENTRIES = [
    Started(session="s", cwd="/w", app="x", mode="suggest", model="m"),
    Context(name="environment", text="here"),
    User(parts=(Text("hi"), Image(blob="ab", media_type="image/png", width=3, height=4))),
    Assistant(text="", raw={"type": "message", "content": []}),
    ToolCall(call_id="c", name="shell", arguments="{}", freeform=True, raw={"a": [1]}),
    Sampled(model="m", usage=Usage(1, 2, 3, 4), seconds=0.5),
    Decision(call_id="c", verdict="deny", by="headless", effects={"command": "x"}),
    ToolResult(call_id="c", ok=False, parts=(), data={"exit_code": 0}),
    Notice(text="n"),
    TurnEnded(reason="done", usage=Usage(1, 2, 3, 4)),
]


def test_every_kind_comes_back_as_it_was_written(tmp_path: Path) -> None:
    session = create(tmp_path)
    written = [session.append(entry) for entry in ENTRIES]
    session.close()
    found = read(session.path)
    assert [plain(entry) for entry in found] == [plain(entry) for entry in written]
    assert [type(entry) for entry in found] == [type(entry) for entry in ENTRIES]
    assert [entry.n for entry in found] == list(range(len(ENTRIES)))


def test_a_listener_hears_of_an_entry_only_when_it_is_in_the_file(tmp_path: Path) -> None:
    session = create(tmp_path)
    seen: list[int] = []
    session.subscribe(lambda event: seen.append(session.path.read_bytes().count(b"\n")))
    session.append(Notice(text="a"))
    session.append(Notice(text="b"))
    assert seen == [1, 2]


def test_any_prefix_of_a_log_opens_and_the_torn_line_is_dropped(tmp_path: Path) -> None:
    whole = b"".join(chained(plain(entry), "")[0] for entry in ENTRIES)
    path = tmp_path / "log.jsonl"
    for size in range(0, len(whole) + 1, 7):
        path.write_bytes(whole[:size])
        session = resume(path)
        assert len(session.entries) == whole[:size].count(b"\n")
        session.append(Notice(text="after"))
        session.close()
        lines = path.read_bytes().splitlines()
        assert all(json.loads(line) for line in lines)
        assert json.loads(lines[-1])["text"] == "after"


def test_the_log_and_what_lies_beside_it_are_the_owners_alone(tmp_path: Path) -> None:
    session = create(tmp_path / "a" / "b")
    name = session.keep(b"picture")
    spilled, file = session.spill("../../evil name")
    file.close()
    assert session.path.stat().st_mode & 0o777 == 0o600
    assert session.beside.stat().st_mode & 0o777 == 0o700
    assert spilled.stat().st_mode & 0o777 == 0o600
    assert spilled.parent == session.beside
    assert session.blob(name) == b"picture"
    with pytest.raises(FileNotFoundError):
        session.blob("../" + session.path.name)


def test_two_processes_cannot_write_one_log(tmp_path: Path) -> None:
    session = create(tmp_path)
    session.append(ENTRIES[0])
    code = (
        "import sys; from pathlib import Path\n"
        "from codex_py.core.session import resume\n"
        "resume(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(session.path)], capture_output=True, text=True
    )
    assert "open in another process" in done.stderr
    session.close()
    with pytest.raises(UsageError, match="cannot open"):
        resume(tmp_path / "missing.jsonl")


def test_a_line_that_does_not_fit_is_taken_back_whole(tmp_path: Path) -> None:
    import resource

    session = create(tmp_path)
    session.append(Notice(text="fits"))
    before = session.path.read_bytes()
    child = os.fork()
    if child == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, resource.RLIM_INFINITY))
        try:
            session.append(Notice(text="x" * 10_000))
        except LogError:
            os._exit(0 if session.path.read_bytes() == before else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_unreadable_and_later_lines_are_kept_whole() -> None:
    lines = b'{"kind":"hologram","n":0,"beam":1}\nnot json\n[1]\n{"kind":"user","n":3,"parts":7}\n'
    found = decode(lines)
    assert all(isinstance(entry, Unknown) for entry in found)
    assert plain(found[0]) == {"kind": "hologram", "n": 0, "beam": 1}
    newer = revive({"kind": "notice", "n": 1, "text": "t", "later_field": 1})
    assert isinstance(newer, Notice) and newer.text == "t"


@given(st.text())
def test_any_text_survives(words: str) -> None:
    line = chained(plain(Notice(text=words)), "")[0]
    assert line.count(b"\n") == 1
    (found,) = decode(line)
    assert isinstance(found, Notice)
    assert found.text == words.encode("utf-8", "replace").decode()


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.integers())))
def test_no_line_breaks_the_reader(data: dict[str, object]) -> None:
    for kind in ("user", "tool_result", "turn_ended", "tool_call"):
        revive({**data, "kind": kind, "n": 0})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.data(), st.sampled_from(sorted(KINDS)))
def test_no_value_in_any_field_of_any_kind_breaks_what_reads_logs(
    data: st.DataObject, kind: str
) -> None:
    names = [each.name for each in fields(KINDS[kind])]
    line = data.draw(st.dictionaries(st.sampled_from(names), JSON))
    entry = revive({"n": 3, "at": 1.0, **line, "kind": kind})
    assert isinstance(entry.n, int) and isinstance(entry.at, (int, float))
    project([entry])
    spent([entry])
    plain(entry)


@pytest.mark.parametrize("name", ["SYNC", "write"])
def test_an_interrupt_in_the_middle_of_a_write_leaves_the_log_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = create(tmp_path)
    made.append(Notice(text="one"))
    place = sessions if name == "SYNC" else os
    real = getattr(place, name)

    def interrupted(*given: object) -> object:
        real(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(place, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.append(Notice(text="lost"))
    monkeypatch.setattr(place, name, real)
    assert made.append(Notice(text="two")).n == 1
    assert verify(list(lines(made.path))).whole
    assert [each.text for each in read(made.path) if isinstance(each, Notice)] == ["one", "two"]


def test_where_nothing_can_be_locked_a_session_begins_and_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(sessions.fcntl, "flock", unable)
    made = create(tmp_path)
    made.append(Notice(text="one"))
    made.close()
    with pytest.raises(UsageError, match="cannot be locked"):
        resume(made.path)
