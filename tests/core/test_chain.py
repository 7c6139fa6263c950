"""The chain: what was edited, taken out, put in or moved is noticed, and where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_py.core import logfile
from codex_py.core.chain import chained, parted, verify
from codex_py.core.codec import plain
from codex_py.core.entries import KINDS, Notice, Sampled, Started, Unknown, Usage, User
from codex_py.core.session import create, resume

GOLDEN = Path(__file__).parent.parent / "golden"


def log(count: int = 8) -> list[bytes]:
    found, link = [], ""
    for n in range(count):
        line, link = chained({"kind": "notice", "n": n, "at": 1.0, "text": f"line {n}"}, link)
        found.append(line[:-1])
    return found


def broken(lines: list[bytes]) -> list[int]:
    return [each.line for each in verify(lines).breaks]


def test_what_was_written_verifies_and_each_kind_of_change_is_found_at_its_line() -> None:
    whole = log()
    assert verify(whole).whole and verify(whole).unchained == 0
    edited = [*whole[:3], whole[3].replace(b"line 3", b"line X"), *whole[4:]]
    assert broken(edited) == [4]
    assert broken([*whole[:3], *whole[4:]]) == [4]
    assert broken([*whole[:3], whole[4], whole[3], *whole[5:]]) == [4, 5, 6]
    assert broken([*whole[:3], whole[2], *whole[3:]]) == [4]
    bare, _ = parted(whole[3])
    assert broken([*whole[:3], bare + b"}", *whole[4:]]) == [4, 5]
    assert broken(whole[1:]) == [1]
    first = b'{"kind":"started","version":2}'
    assert broken([first, *(parted(each)[0] + b"}" for each in whole)]) == [1]
    assert broken([first.replace(b"2", b"1"), *(parted(each)[0] + b"}" for each in whole)]) == []


@settings(max_examples=60)
@given(st.integers(0, 7), st.integers(0, 400), st.integers(1, 255))
def test_no_byte_changes_unnoticed(line: int, place: int, by: int) -> None:
    whole = log()
    victim = bytearray(whole[line])
    victim[place % len(victim)] ^= by
    if b"\n" in victim:
        return
    whole[line] = bytes(victim)
    assert not verify(whole).whole


@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.dictionaries(st.text(), st.text()))
)
def test_any_data_can_be_chained_and_parted(data: dict[str, object]) -> None:
    given = {"kind": "notice", **data}
    given.pop("chain", None)
    line, link = chained(given, "ab")
    body, found = parted(line[:-1])
    assert found == link and verify([line[:-1]]).breaks
    assert json.loads(body + b"}") == json.loads(json.dumps(given).encode("utf-8", "replace"))


def test_a_log_goes_on_with_its_chain_and_an_older_one_begins_one(tmp_path: Path) -> None:
    session = create(tmp_path)
    session.append(Started(session="s", cwd="/"))
    session.append(Unknown(data={"kind": "later", "n": 1, "chain": "stale"}))
    session.close()
    again = resume(session.path)
    again.append(Notice(text="after"))
    again.close()
    assert verify(logfile.lines(session.path)).whole
    assert len(logfile.read(session.path)) == 3

    older = tmp_path / "2026-01-01T000000-0123456789ab.jsonl"
    older.write_bytes((GOLDEN / "version-1.jsonl").read_bytes())
    opened = resume(older)
    assert [each.kind for each in opened.entries] == [
        json.loads(line)["kind"] for line in older.read_bytes().splitlines()
    ]
    assert opened.spent["o4-mini"].usage == Usage(320, 120, 16, 3)
    assert opened.spent["o4-mini"].total is None  # written before money was counted
    opened.append(Sampled(model="o4-mini", usage=Usage(1, 1, 1, 1)))
    opened.append(Notice(text="n"))
    opened.close()
    told = verify(logfile.lines(older))
    assert (told.unchained, told.whole, told.lines) == (11, True, 13)
    assert resume(older).spent["o4-mini"].usage == Usage(321, 121, 17, 4)


def test_the_reference_names_every_kind_and_a_golden_log_holds_it() -> None:
    told = (GOLDEN.parent.parent / "docs/reference/entries.md").read_text("utf-8")
    kept = {each.kind for path in GOLDEN.glob("*.jsonl") for each in logfile.read(path)}
    for kind in KINDS:
        assert f"`{kind}`" in told, f"docs/reference/entries.md does not name {kind}"
        assert kind in kept, f"no golden log holds {kind}: python -m tests.golden.make"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.jsonl")), ids=lambda path: path.stem)
def test_every_older_log_opens_as_it_was(path: Path) -> None:
    found = logfile.read(path)
    assert not any(isinstance(entry, Unknown) for entry in found)
    for entry, line in zip(found, logfile.lines(path), strict=True):
        said = json.loads(line)
        said.pop("chain", None)
        told = json.loads(json.dumps(plain(entry)))
        assert {key: told[key] for key in said} == said
    assert any(isinstance(entry, User) for entry in found)
    assert verify(logfile.lines(path)).whole
