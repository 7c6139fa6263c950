"""The list of sessions: what is remembered of a log is what its lines say, or nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from codex_py.core import logfile, shelf
from codex_py.core.chain import verify
from codex_py.core.entries import Changed, Entry, Notice, Sampled, Started, Text, Usage, User
from codex_py.core.errors import UsageError
from codex_py.core.fork import fork
from codex_py.core.session import Session, create, resume
from codex_py.core.shelf import Card, Shelf, delete, move, rename


def session(home: Path, *entries: Entry, words: str = "hello there") -> Path:
    made = create(home / "sessions")
    first = Started(session=made.id, cwd="/w", branch="main", choice="o3", model="o3")
    for entry in (first, User(parts=(Text(words),)), *entries):
        made.append(entry)
    made.close()
    return made.path


def listed(home: Path) -> list[Card]:
    found = Shelf(home)
    cards = list(found.cards())
    found.save()
    return cards


@pytest.fixture(autouse=True)
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there are many sessions: the cache is asked from the first one on."""
    monkeypatch.setattr(shelf, "FEW", 0)


def test_what_is_remembered_is_what_the_log_says_however_it_grew(tmp_path: Path) -> None:
    path = session(tmp_path, Changed(setting="name", value="first"))
    other = session(tmp_path, words="another \x1b[31m one")
    cache = tmp_path / "sessions" / "summaries.json"
    for grow in (
        [],
        [Sampled(model="o3", usage=Usage(10, 1, 2, 0))],
        [User(parts=(Text('talk of {"kind":"changed","setting":"name"}'),))],
        [Changed(setting="name", value="second"), Sampled(model="o3", usage=Usage(5, 0, 1, 0))],
        [User(parts=(Text("x" * 3_000_000),))],
    ):
        again: Session = resume(path)
        for entry in grow:
            again.append(entry)
        again.close()
        remembered = listed(tmp_path)
        assert remembered == listed(tmp_path)
        cache.unlink()
        assert remembered == listed(tmp_path), "the cache said something else than the logs"
    (card,) = (each for each in remembered if each.path == str(path))
    assert (card.name, card.words, card.branch, card.choice) == (
        "second", "hello there", "main", "o3",
    )  # fmt: skip
    assert card.spent["o3"]["input"] == 15
    assert {each.path for each in remembered} == {str(path), str(other)}


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[]", b'{"/x": 3}', b'{"P": [1, 2, {"id": 1}]}', b"\xff\xfe"]
)
def test_a_spoilt_cache_is_made_anew(tmp_path: Path, junk: bytes) -> None:
    path = session(tmp_path)
    known = listed(tmp_path)
    cache = tmp_path / "sessions" / "summaries.json"
    cache.write_bytes(junk.replace(b"P", str(path).encode()))
    assert listed(tmp_path) == known
    assert json.loads(cache.read_text())[str(path)][2]["words"] == "hello there"
    assert cache.stat().st_mode & 0o777 == 0o600


def test_nothing_is_remembered_of_what_was_removed_or_put_away(tmp_path: Path) -> None:
    one, two = session(tmp_path, words="secret plum"), session(tmp_path, words="secret pear")
    listed(tmp_path)
    kept = Shelf(tmp_path)
    delete(one)
    kept.forget(one)
    moved = move(tmp_path, two, archive=True)
    kept.forget(two)
    assert "secret" not in (tmp_path / "sessions" / "summaries.json").read_text()
    assert [each.path for each in Shelf(tmp_path, archived=True).cards()] == [str(moved)]
    assert move(tmp_path, moved, archive=False) == two and two.exists()


def test_names_ids_and_paths_find_a_session(tmp_path: Path) -> None:
    path = session(tmp_path)
    rename(path, "plums")
    copy = fork(tmp_path, path)
    name = path.stem.rpartition("-")[2]
    found = Shelf(tmp_path)
    assert found.find(name) == found.find(name[:8]) == found.find(str(path)) == path
    with pytest.raises(shelf.UsageError, match="2 sessions are named"):
        found.find("plums")
    rename(copy, "pears")
    assert found.find("plums") == path and found.find("pears") == copy


def test_a_fork_says_where_its_source_was_changed(tmp_path: Path) -> None:
    path = session(tmp_path, Changed(setting="name", value="mine"))
    assert not [each for each in logfile.read(fork(tmp_path, path)) if isinstance(each, Notice)]
    path.write_bytes(path.read_bytes().replace(b"hello", b"howdy"))
    copy = fork(tmp_path, path)
    told = logfile.read(copy)[-1]
    assert isinstance(told, Notice) and "was changed at line 2" in told.text and told.n == 3
    assert verify(logfile.lines(copy)).whole
    assert len(logfile.read(fork(tmp_path, path, 0))) == 1


def test_what_is_no_file_is_no_session(tmp_path: Path) -> None:
    path = session(tmp_path)
    os.mkfifo(path.with_name("2026-01-01T000000-aaaa00000001.jsonl"))
    path.with_name("2026-01-01T000000-aaaa00000002.jsonl").mkdir()
    path.with_name("2026-01-01T000000-aaaa00000003.jsonl").symlink_to("nowhere")
    assert [each.path for each in listed(tmp_path)] == [str(path)]
    with pytest.raises(UsageError, match="no session"):
        Shelf(tmp_path).find("aaaa0000")


def test_a_move_that_cannot_be_whole_changes_nothing(tmp_path: Path) -> None:
    path = session(tmp_path)
    path.with_suffix("").mkdir()
    (path.with_suffix("") / "picture").write_bytes(b"x")
    away = tmp_path / "archived" / path.relative_to(tmp_path / "sessions")
    (away.with_suffix("") / "in the way").mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot move"):
        move(tmp_path, path, archive=True)
    assert path.is_file() and not away.exists()
    (away.with_suffix("") / "in the way").rmdir()
    away.with_suffix("").rmdir()
    away.write_text("another")
    with pytest.raises(UsageError, match="exists"):
        move(tmp_path, path, archive=True)
    away.unlink()
    os.rename(path, away)  # killed between the two renames
    assert move(tmp_path, away, archive=False) == path
    assert (path.with_suffix("") / "picture").read_bytes() == b"x"


@pytest.mark.parametrize("text", ['naïve \\ "quoted"\nwords ', "日本 ", "a日本", "x", '","n":1}'])
def test_a_long_first_message_is_known_by_its_beginning(tmp_path: Path, text: str) -> None:
    long = text * (3_000_000 // len(text))
    session(tmp_path, words=long)
    session(tmp_path, words=text)
    one, two = sorted(listed(tmp_path), key=lambda card: card.size)
    assert two.words.startswith(one.words) and len(two.words) > 50


def test_what_cannot_be_remembered_is_no_matter(tmp_path: Path) -> None:
    session(tmp_path)
    found = Shelf(tmp_path)
    assert len(list(found.cards())) == 1
    (tmp_path / "sessions").rename(tmp_path / "away")
    (tmp_path / "sessions").write_text("no folder, as on a disk that cannot be written")
    found.save()
