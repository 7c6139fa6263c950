"""Writing many files: all or none, nothing lost, no link followed; on a real disk."""

from __future__ import annotations

import errno
import gc
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py.host.change import Change, Wish, wishes
from codex_py.host.files import Moved, commit
from codex_py.host.opened import folder, read
from codex_py.tools._lines import EditError
from codex_py.tools._patch import Add, Block, Delete, Update
from codex_py.tools._plan import plan


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def tree(top: Path) -> dict[str, object]:
    """Everything under a folder: bytes of files, targets of links, None for folders."""
    found: dict[str, object] = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def perform(top: Path, *changes: Change) -> tuple[str, ...]:
    return commit(wishes(changes, lambda path: os.path.realpath(top / path)))


def test_changes_of_many_files_are_all_made(top: Path) -> None:
    (top / "a").write_bytes(b"1")
    (top / "b").write_bytes(b"2")
    (top / "c").write_bytes(b"3")
    perform(
        top,
        Change("update", "a", b"1", b"one"),
        Change("delete", "b", b"2", None),
        Change("add", "x/y/new", None, b"new"),
        Change("update", "z/moved", b"3", b"three", "c"),
    )
    assert tree(top) == {
        "a": b"one",
        "x": None,
        "x/y": None,
        "x/y/new": b"new",
        "z": None,
        "z/moved": b"three",
    }


LAST = [
    ("W4-folder", Change("add", "folder", None, b""), "Failed to write file {}/folder: Is a directory (os error 21)"),
    ("W4-below-a-file", Change("add", "file/x", None, b""), "Failed to write file {}/file/x: Not a directory (os error 20)"),
    ("W9-missing", Change("delete", "gone", b"x", None), "Failed to delete file {}/gone: changed while the edit was being made; try again"),
    ("changed", Change("update", "file", b"older", b"y"), "Failed to write file {}/file: changed while the edit was being made; try again"),
    ("appeared", Change("add", "file", None, b"y"), "Failed to write file {}/file: changed while the edit was being made; try again"),
    ("pipe", Change("update", "pipe", b"", b"y"), "Failed to write file {}/pipe: is not a regular file"),
    ("no-link", Change("delete", "file", None, None, link="x"), "Failed to delete file {}/file: is no longer a link; try again"),
    ("long-name", Change("add", "x" * 300, None, b""), "Failed to write file {}/" + "x" * 300 + ": File name too long (os error 36)"),
    ("W13", Change("update", "folder", b"f", b"f", "file"), "Failed to write file {}/folder: Is a directory (os error 21)"),
]  # fmt: skip


@pytest.mark.parametrize(("last", "message"), [r[1:] for r in LAST], ids=[r[0] for r in LAST])
def test_when_one_change_fails_none_is_made(top: Path, last: Change, message: str) -> None:
    for name in ("a", "b", "c", "file"):
        (top / name).write_bytes(name[0].encode())
    (top / "folder").mkdir()
    os.mkfifo(top / "pipe")
    before = {name: (top / name).stat().st_ino for name in os.listdir(top)}
    with pytest.raises(OSError) as caught:
        perform(
            top,
            Change("update", "a", b"a", b"A"),
            Change("delete", "b", b"b", None),
            Change("add", "new/deep/d", None, b"D"),
            Change("update", "new/c", b"c", b"C", "c"),
            last,
        )
    assert caught.value.strerror == message.format(top)
    assert {name: (top / name).stat().st_ino for name in os.listdir(top)} == before
    assert [(top / name).read_bytes() for name in ("a", "b", "c", "file")] == [
        b"a",
        b"b",
        b"c",
        b"f",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another user")
def test_what_a_plain_user_may_not_do_leaves_everything(top: Path) -> None:
    """W16, W17: a read-only folder stops the last step; the first ones are taken back."""
    for name in ("open", "shut"):
        (top / name).mkdir()
        (top / name / "f").write_bytes(name.encode())
    (top / "open/locked").write_bytes(b"l")
    for path in (top, top / "open", top / "open/f", top / "shut/f", top / "open/locked"):
        os.chown(path, 1234, 1234)
    (top / "open/locked").chmod(0o444)
    (top / "shut").chmod(0o711)
    for parent in list(top.parents)[:-2]:
        parent.chmod(0o711)  # passing through needs no right to list
    script = (
        "import os, sys; import codex_py.host.files; from codex_py.ui.apply_patch import main\n"
        "os.setgid(1234); os.setuid(1234)\n"
        f"sys.exit(main(['-C', {str(top)!r}, '*** Begin Patch\\n' + sys.argv[1] + '\\n*** End Patch']))"
    )
    before = tree(top)
    for body, message in [
        ("*** Update File: open/f\n-open\n+x\n*** Update File: shut/f\n*** Move to: open/g\n-shut\n+x", f"Failed to remove original {top}/shut/f: Permission denied (os error 13)"),
        ("*** Update File: open/f\n-open\n+x\n*** Add File: shut/new/g\n+x", f"Failed to create parent directories for {top}/shut/new/g: Permission denied (os error 13)"),
        ("*** Update File: open/f\n-open\n+x\n*** Delete File: shut/f", f"Failed to delete file {top}/shut/f: Permission denied (os error 13)"),
        ("*** Update File: open/f\n-open\n+x\n*** Update File: open/locked\n-l\n+x", f"Failed to write file {top}/open/locked: Permission denied (os error 13)"),
    ]:  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", script, body],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", message)
        assert tree(top) == before


def test_modes_stay_and_new_files_follow_the_mask(top: Path) -> None:
    for name, mode in (
        ("run", 0o755),
        ("own", 0o600),
        ("move", 0o750),
        ("both", 0o640),
        ("suid", 0o4755),
    ):
        (top / name).write_bytes(b"x")
        (top / name).chmod(mode)
    mask = os.umask(0o027)
    try:
        perform(
            top,
            Change("update", "run", b"x", b"y"),
            Change("update", "own", b"x", b"y"),
            Change("update", "suid", b"x", b"y"),
            Change("update", "moved", b"x", b"y", "move"),
            Change("update", "moved", b"y", b"z"),
            Change("update", "run2", b"x", b"y", "both"),
            Change("add", "both", None, b"fresh"),
            Change("add", "new", None, b"y"),
        )
    finally:
        os.umask(mask)
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in top.iterdir()}
    assert modes == {
        "run": "0o755",
        "own": "0o600",
        "suid": "0o755",
        "moved": "0o750",
        "run2": "0o640",
        "both": "0o640",
        "new": "0o640",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_the_owner_stays(top: Path) -> None:
    (top / "a").write_bytes(b"x")
    os.chown(top / "a", 1234, 4321)
    perform(top, Change("update", "b", b"x", b"y", "a"))
    info = (top / "b").stat()
    assert (info.st_uid, info.st_gid) == (1234, 4321)


def test_user_attributes_stay(top: Path) -> None:
    (top / "a").write_bytes(b"x")
    try:
        os.setxattr(top / "a", "user.note", b"keep")
    except (OSError, AttributeError):
        pytest.skip("no user attributes here")
    perform(top, Change("update", "a", b"x", b"y"))
    assert os.getxattr(top / "a", "user.note") == b"keep"


def test_a_change_through_a_link_changes_the_target_and_keeps_the_link(top: Path) -> None:
    (top / "real").write_bytes(b"x")
    (top / "link").symlink_to("real")
    perform(top, Change("update", "link", b"x", b"y"))
    assert tree(top) == {"link": "real", "real": b"y"}


def test_removing_or_moving_a_link_leaves_the_target(top: Path) -> None:
    (top / "real").write_bytes(b"x")
    (top / "real").chmod(0o755)
    (top / "l1").symlink_to("real")
    (top / "l2").symlink_to("real")
    (top / "l3").symlink_to("nowhere")
    (top / "l4").symlink_to("real")
    perform(
        top,
        Change("delete", "l1", None, None, link="real"),
        Change("update", "copy", b"x", b"y", "l2", link="real"),
        Change("delete", "l3", None, None, link="nowhere"),
        Change("delete", "l4", None, None, link="real"),
        Change("add", "l4", None, b"plain"),
    )
    assert tree(top) == {"copy": b"y", "l4": b"plain", "real": b"x"}
    assert (top / "copy").stat().st_mode & 0o777 == 0o755


def test_another_name_of_a_hard_linked_file_keeps_the_old_content_and_it_is_said(top: Path) -> None:
    (top / "a").write_bytes(b"x")
    os.link(top / "a", top / "outside")
    notes = perform(top, Change("update", "a", b"x", b"y"))
    assert notes == (f"{top}/a was a hard link: its other names keep the old content.",)
    assert tree(top) == {"a": b"y", "outside": b"x"}


def test_moving_one_name_of_a_file_onto_its_other_name_keeps_the_content(top: Path) -> None:
    (top / "a").write_bytes(b"x")
    os.link(top / "a", top / "b")
    perform(top, Change("update", "b", b"x", b"y", "a", replaced=b"x"))
    assert tree(top) == {"b": b"y"}


def test_moving_to_the_same_name_in_another_case_loses_nothing_where_case_does_not_count(
    top: Path,
) -> None:
    (top / "Name").write_bytes(b"x")
    if not (top / "name").exists():
        pytest.skip("case counts in this file system")
    perform(top, Change("update", "name", b"x", b"y", "Name", replaced=b"x"))
    assert tree(top) == {"name": b"y"}


# An interrupt between opening a file and `with` leaves closing it to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_commit_cut_off_at_any_line_has_done_all_or_nothing(top: Path) -> None:
    """An interrupt is raised at each line of the commit in turn; files are never between."""
    place = top / "w"

    def fresh() -> None:
        subprocess.run(["rm", "-rf", str(place)], check=True)
        place.mkdir()
        (place / "a").write_bytes(b"1")
        (place / "b").write_bytes(b"2")
        (place / "c").write_bytes(b"3")

    def named() -> dict[str, object]:
        return {name: held for name, held in tree(place).items() if not name.startswith(".")}

    fresh()
    before = named()
    after = {"a": b"one", "d": None, "d/c": b"three"}
    seen: list[bool] = []
    while True:
        fresh()
        left = [len(seen)]

        def trace(frame, event, _arg, left=left):
            if frame.f_code.co_filename.endswith("host/files.py"):
                left[0] -= event == "line"
                if left[0] < 0 and event == "line":
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return trace

        old = sys.gettrace()
        sys.settrace(trace)
        try:
            perform(
                place,
                Change("update", "a", b"1", b"one"),
                Change("delete", "b", b"2", None),
                Change("update", "d/c", b"3", b"three", "c"),
            )
        except KeyboardInterrupt:
            assert named() in (before, after), f"at line {len(seen)}"
            seen.append(named() == after)
        else:
            break
        finally:
            sys.settrace(old)
    assert named() == after
    gc.collect()
    assert seen.count(False) > 50
    # Once all is done nothing takes it back.
    assert sorted(seen) == seen


def test_a_commit_killed_at_any_line_leaves_no_half_file_and_loses_none(top: Path) -> None:
    """Nothing can be taken back then; still every file is whole under its old or new path."""
    place, ended, line = top / "w", False, 0
    while not ended:
        subprocess.run(["rm", "-rf", str(place)], check=True)
        place.mkdir()
        (place / "a").write_bytes(b"1")
        (place / "c").write_bytes(b"3")
        child = os.fork()
        if child == 0:
            left = [line]

            def trace(frame, event, _arg, left=left):
                if frame.f_code.co_filename.endswith("host/files.py"):
                    left[0] -= event == "line"
                    if left[0] < 0:
                        os._exit(9)
                return trace

            sys.settrace(trace)
            perform(
                place,
                Change("update", "d/c", b"3", b"three", "c"),
                Change("update", "a", b"1", b"one"),
            )
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        held = tree(place)
        assert held["a"] in (b"1", b"one"), f"at line {line}"
        assert (held.get("c", b"3"), held.get("d/c", b"three")) == (b"3", b"three")
        assert "c" in held or "d/c" in held, f"at line {line}"
        line += 1
    assert line > 50
    assert held == {"a": b"one", "d": None, "d/c": b"three"}


def test_a_link_in_the_place_of_a_folder_is_not_followed(top: Path) -> None:
    (top / "outside").mkdir()
    (top / "outside/f").write_bytes(b"secret")
    (top / "w").mkdir()
    (top / "w/d").symlink_to("../outside")
    for attempt in (
        lambda: read(f"{top}/w/d/f"),
        lambda: commit([Wish(f"{top}/w/d/f", b"secret", b"owned")]),
        lambda: commit([Wish(f"{top}/w/d/new", None, b"owned")]),
        lambda: commit([Wish(f"{top}/w/d", b"", b"owned")]),
        lambda: commit([Wish(f"{top}/w/d/new/deep", None, b"owned")]),
        lambda: commit([Wish(f"{top}/w/d/f", b"secret", None)]),
    ):
        with pytest.raises(Moved, match="became a link while it was being opened"):
            attempt()
    assert tree(top / "outside") == {"f": b"secret"}
    for path in ("relative", f"{top}/w/../outside", f"{top}/\0"):
        with pytest.raises(ValueError, match="not a real path"):
            folder(path)


SWAP = """
import os, sys
os.chdir(sys.argv[1])
print(flush=True)
while os.getppid() == int(sys.argv[2]):
    for _ in range(300):
        os.stat("d")  # a while with the folder in place, so that some edits succeed
    os.rename("d", "kept")
    os.rename("l", "d")
    for _ in range(100):
        os.stat("d")
    os.rename("d", "l")
    os.rename("kept", "d")
"""


def test_links_swapped_in_all_the_time_never_lead_outside(top: Path) -> None:
    """Another process turns a folder into a link out and back while files in it are edited."""
    inner, outside = top / "w", top / "outside"
    (inner / "d").mkdir(parents=True)
    outside.mkdir()
    (outside / "f").write_bytes(b"out")
    (inner / "d/f").write_bytes(b"0")
    (inner / "l").symlink_to(outside)
    argv = [sys.executable, "-c", SWAP, str(inner), str(os.getpid())]
    made, refusals, path = 0, [], f"{inner}/d/f"
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as swapper:
        try:
            swapper.stdout.readline()
            while (made < 50 or len(refusals) < 50) and made + len(refusals) < 20_000:
                try:
                    data = read(path)
                    commit([Wish(path, data, b"%d" % made), Wish(f"{inner}/d/x{made}", None, data)])
                    made += 1
                except OSError as error:
                    refusals.append(error.errno)
        finally:
            swapper.kill()
    assert (made >= 50, len(refusals) >= 50) == (True, True)
    assert set(refusals) <= {errno.ELOOP, errno.ENOENT, errno.EEXIST}
    assert errno.ELOOP in refusals
    assert tree(outside) == {"f": b"out"}


def test_reading_is_bounded_and_only_of_files(top: Path) -> None:
    (top / "f").write_bytes(b"12345")
    os.mkfifo(top / "pipe")
    assert read(f"{top}/f", 5) == b"12345"
    with pytest.raises(OSError, match="is larger than 4 bytes"):
        read(f"{top}/f", 4)
    with pytest.raises(OSError, match="is not a regular file"):
        read(f"{top}/pipe")
    with pytest.raises(OSError, match="is not a regular file"):
        read("/dev/zero")
    with pytest.raises(IsADirectoryError):
        read(str(top))
    with pytest.raises(FileNotFoundError):
        read(f"{top}/missing")


NAME = st.sampled_from(["a", "b", "d/a", "d/e/b"])
TEXT = st.sampled_from(["one\n", "two\n", ""])
CHANGE = st.builds(lambda new: Block((), ("+" + new,)), st.sampled_from(["x", "y"]))
OPERATION = st.one_of(
    st.builds(Add, NAME, st.lists(st.sampled_from(["n", "m"]), max_size=2).map(tuple)),
    st.builds(Delete, NAME),
    st.builds(Update, NAME, st.none() | NAME, CHANGE.map(lambda block: (block,))),
)


def expected(files: dict[str, bytes], operations: list) -> dict[str, bytes] | None:
    """The same operations on a dictionary; None when one of them cannot be."""
    files = dict(files)
    for each in operations:
        match each:
            case Add(path, lines):
                files[path] = "".join(line + "\n" for line in lines).encode()
            case Delete(path) if path in files:
                del files[path]
            case Update(path, move_to, (block,)) if path in files:
                files[move_to or path] = files.pop(path) + (block.lines[0][1:] + "\n").encode()
            case _:
                return None
    return files


@given(st.dictionaries(NAME, TEXT.map(str.encode)), st.lists(OPERATION, max_size=6))
def test_any_operations_do_what_they_would_do_one_by_one_or_nothing(
    tmp_path_factory, files: dict[str, bytes], operations: list
) -> None:
    top = tmp_path_factory.mktemp("t").resolve()
    for name, data in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)

    def held(path: str) -> bytes | None:
        return (top / path).read_bytes() if (top / path).exists() else None

    wanted = expected(files, operations)
    if wanted is None:
        with pytest.raises(EditError):
            plan(operations, held, cwd=str(top))
        wanted = files
    else:
        perform(top, *plan(operations, held, cwd=str(top)))
    assert {name: data for name, data in tree(top).items() if data is not None} == wanted
