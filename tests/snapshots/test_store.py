"""The store's parts: rules beside Git's own, what is damaged, what is swept away."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import threading
from pathlib import Path

import pytest

from codex_py.snapshots import bases, rules, store, sweep
from codex_py.snapshots.keeper import Keeper
from codex_py.snapshots.state import State, look
from codex_py.snapshots.store import Damaged, Record, Store

LINES = [
    "build", "build/", "/build", "a/b", "/a/", "**/x", "a/**", "a/**/x", "*.d", "!keep", "!a/b/",
    "x*", "?", "[ab]", "[!ab]", "[^x]y", "\\!odd", "\\#h", "# note", "", "a b", "a b  ", "tr\\ ",
    "*", "!*/", "a/*", "!a/keep", "**", "b/**/", "[a-c]x", "[]]", "[[:alpha:]]", "ü", "*/x", "\\",
    "x/**/y/z", "a**b", "foo/", "!foo/bar", "/*", "!/a",
]  # fmt: skip
PARTS = [
    "a",
    "b",
    "x",
    "y",
    "z",
    "build",
    "keep",
    "c.d",
    "xx",
    "!odd",
    "#h",
    "a b",
    "tr ",
    "ü",
    "foo",
]


@pytest.mark.parametrize("seed", range(12))
def test_folders_are_left_out_as_git_leaves_them_out(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    top = tmp_path / "repo"
    top.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=top, check=True)
    for where in ("", "a/", "a/b/"):
        (top / where).mkdir(exist_ok=True)
        (top / where / ".gitignore").write_text("\n".join(rng.sample(LINES, rng.randrange(6))))
    for _ in range(80):
        names = rng.choices(PARTS, k=rng.randrange(1, 4))
        (top / Path(*names)).mkdir(parents=True, exist_ok=True)
    folders = [
        path for path in sorted(top.rglob("*")) if path.is_dir() and ".git" not in path.parts
    ]
    given = b"".join(os.fsencode(f"./{path.relative_to(top)}") + b"\0" for path in folders)
    argv = ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "-z", "--stdin"]
    done = subprocess.run(argv, cwd=top, input=given, stdout=subprocess.PIPE, check=False)
    out = {os.fsdecode(each).removeprefix("./") for each in done.stdout.split(b"\0")}
    left: set[str] = set()
    for path in folders:
        where = str(path.relative_to(top))
        if os.path.dirname(where) in left:
            left.add(where)
            continue
        found = rules.above(str(path))
        if rules.ignored(str(path), found):
            left.add(where)
    assert left == out - {""}


def kept(folder: Path, name: str, data: bytes) -> State:
    digest = hashlib.sha256(data).hexdigest()
    writer = Store(str(folder), name)
    writer.begin("", [], [])
    pack, at = writer.keep(data, digest)
    writer.close()
    return State("file", 0o644, digest, pack, at, len(data))


def test_what_is_damaged_is_noticed(tmp_path: Path) -> None:
    state = kept(tmp_path, "one", b"content")
    assert store.content(str(tmp_path), state) == b"content"
    pack = tmp_path / "packs" / "one"
    pack.write_bytes(b"cOntent")
    with pytest.raises(Damaged, match="damaged"):
        store.content(str(tmp_path), state)
    pack.unlink()
    with pytest.raises(Damaged, match="gone"):
        store.content(str(tmp_path), state)
    with pytest.raises(Damaged):
        store.content(str(tmp_path), state._replace(pack="../../etc/passwd"))
    for wrong in ("", "one", "one:x:y", "../one:0:3", "one:0:99999", "none:0:3"):
        with pytest.raises(Damaged):
            store.read(str(tmp_path), wrong)


def test_changes_are_read_as_they_were_written(tmp_path: Path) -> None:
    writer = Store(str(tmp_path), "one")
    writer.begin("", [], ["/w"])
    old = State("link", 0o777, os.fsdecode(b"\xff"), size=1)
    records = [
        Record(os.fsdecode(b"/w/\xfe\n"), old, None, "c"),
        Record("/w/ü", None, State("file", 0o644, "0" * 64, "one", 3, 4, 5, 6, 7, 2), "c"),
    ]
    first = writer.write([Record("/w/x", None, old)])
    second = writer.write(records)
    writer.close()
    assert store.read(str(tmp_path), second) == records
    assert [each.path for each in store.read(str(tmp_path), first)] == ["/w/x"]


def test_a_torn_base_is_no_base(tmp_path: Path) -> None:
    state = kept(tmp_path, "one", b"content")
    folders = {"/w": {"a": state}}
    bases.write(str(tmp_path), "one", ["/w"], folders, ["one"])
    found = bases.newest(str(tmp_path), ["/w"])
    assert found is not None and found.folders == folders and found.packs == ["one"]
    assert bases.newest(str(tmp_path), ["/other"]) is None
    whole = (tmp_path / "bases" / "one").read_bytes()
    (tmp_path / "bases" / "one").write_bytes(whole[:-3])
    assert bases.newest(str(tmp_path), ["/w"]) is None
    (tmp_path / "bases" / "one").write_bytes(whole)
    (tmp_path / "packs" / "one").write_bytes(b"con")
    assert bases.newest(str(tmp_path), ["/w"]) is None, "a pack that lost its end"


def test_the_oldest_go_first_and_what_is_in_use_stays(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots" / "w"
    for place, name in enumerate(("old", "used", "newer", "newest")):
        kept(folder, name, name.encode() * 1000)
        for kind in ("journals", "packs"):
            os.utime(folder / kind / name, (place * 1000.0, place * 1000.0))
    writer = Store(str(folder), "mine")
    writer.begin("", ["used"], [])
    top = str(folder.parent)
    sweep.sweep(top, 1 << 30, writer, days=1e9)
    assert len(list((folder / "packs").iterdir())) == 4, "there is room, and none is old"
    sweep.sweep(top, 12_000, writer, days=1e9)
    left = {each.name for each in (folder / "packs").iterdir()}
    assert "old" not in left and {"used", "newest"} <= left
    sweep.sweep(top, 1 << 30, writer)
    assert {each.name for each in (folder / "packs").iterdir()} == {"used"}
    assert {each.name for each in (folder / "journals").iterdir()} == {"mine"}
    writer.close()


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    fd = os.open(tmp_path, os.O_RDONLY)
    seen: list[bytes] = []

    def keep(data: bytes, digest: str) -> tuple[str, int]:
        seen.append(data)
        return "p", 0

    found = look(fd, "a", keep, 1 << 20)
    assert found is not None and found.changed == 0, "too fresh to be trusted by its times"
    os.utime(tmp_path / "a", (1, 1))
    os.close(fd)
    assert seen == [b"one"]


def test_what_a_step_stands_on_is_on_the_disk_before_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable: dict[int, int] = {}

    def sync(file: int) -> None:
        told = os.fstat(file)
        durable[told.st_ino] = told.st_size

    monkeypatch.setattr(store, "SYNC", sync)
    top = tmp_path / "ws"
    (top / "sub").mkdir(parents=True)
    (top / "a").write_text("first")
    folder = tmp_path / "home" / "store"
    (hear, to), (back, out) = os.pipe(), os.pipe()
    bounds = {"limit": 1 << 20, "most": 1 << 20, "disk": 1 << 30}
    given = {"folder": str(folder), "name": "s", "roots": [str(top)], "own": str(tmp_path / "home")}
    keeper = Keeper({**given, **bounds, "watch": True, "index": str(top / "a")}, hear, out)
    running = threading.Thread(target=keeper.run)
    running.start()
    with os.fdopen(to, "w", buffering=1) as asks, os.fdopen(back) as answers:

        def ask(do: str, *paths: str) -> None:
            asked = {"do": do, "call": "c", "paths": paths, "all": not paths, "wait": 30}
            asks.write(json.dumps(asked) + "\n")
            assert json.loads(answers.readline())["ok"]
            for kind in ("packs", "journals", "bases"):
                for path in (folder / kind).iterdir():
                    told = path.stat()
                    assert durable.get(told.st_ino, 0) == told.st_size > 0, path

        for act, paths in (
            ("before", ()),
            ("after", ()),
            ("before", ("sub/b",)),
            ("after", ("c",)),
        ):
            (top / "a").write_text(f"{act} {paths}")
            ask(act, *(str(top / each) for each in paths))
    running.join()
    os.close(hear)
    os.close(out)
