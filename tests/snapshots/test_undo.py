"""Undo over random edits, commands and changes of the user: the whole tree, byte for byte.

Steps run under the real keeper process; what they do to files is done by the test.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from codex_py.core import session as sessions
from codex_py.core.covered import covered
from codex_py.core.entries import ToolResult, TurnEnded, User
from codex_py.core.session import Session
from codex_py.effects import Effects
from codex_py.host.keeping import Keeper, Keeping
from codex_py.undo import Undo

Tree = dict[str, tuple[str, int, bytes]]
NAMES = [
    "a.txt",
    "b.py",
    "ü.txt",
    "with space",
    "new\nline",
    os.fsdecode(b"\xff.bin"),
    "-x",
    "d",
    "e",
]


def tree(top: Path) -> Tree:
    """Everything under a folder: kind, mode and content of each path."""
    found: Tree = {}
    for folder, folders, files in os.walk(top):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            mode = stat.S_IMODE(info.st_mode)
            where = os.path.relpath(path, top)
            if stat.S_ISLNK(info.st_mode):
                found[where] = ("link", 0, os.fsencode(os.readlink(path)))
            elif stat.S_ISDIR(info.st_mode):
                found[where] = ("folder", mode, b"")
            else:
                found[where] = ("file", mode, Path(path).read_bytes())
    return found


class Work:
    """A workspace, a session and its keeper."""

    def __init__(self, tmp: Path, *, watch: bool = True, **bounds: int) -> None:
        self.top, self.home = tmp / "ws", tmp / "home"
        self.top.mkdir(exist_ok=True)
        self.home.mkdir(exist_ok=True)
        self.cwd = os.path.realpath(self.top)
        self.session: Session = sessions.create(self.home / "sessions")
        from codex_py.core.entries import Started

        self.session.append(Started(session=self.session.id, cwd=self.cwd))
        keeping = Keeping(os.path.realpath(self.home), self.cwd, (self.cwd,), watch=watch, **bounds)
        self.keeper = Keeper(keeping)
        self.calls = 0

    async def step(self, act: Callable[[], object], writes: tuple[str, ...] = ()) -> None:
        """One call that does something to files: by name, or as a command may."""
        self.calls += 1
        call = f"call-{self.calls}"
        effects = Effects(writes=writes) if writes else Effects(command="x", cwd=self.cwd)
        async with covered(self.session, self.keeper, call, effects, "workspace-write"):
            act()
        self.session.append(ToolResult(call_id=call, ok=True, parts=()))

    def user(self) -> None:
        """The turn ends, the next begins."""
        self.session.append(TurnEnded(reason="done"))
        self.session.append(User(parts=()))

    def undo(self) -> Undo:
        return Undo(self.session.history(), self.session.append, self.home, 16 << 20)

    def close(self) -> None:
        self.keeper.close()
        self.session.close()


def anywhere(rng: random.Random, top: Path, below: str) -> Path:
    """Some path in the tree, there or not."""
    folder = top / below
    for _ in range(rng.randrange(3)):
        inner = [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]
        if inner:
            folder = rng.choice(inner)
    return folder / rng.choice(NAMES)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def act(rng: random.Random, top: Path, below: str) -> None:
    """One random thing done to a tree."""
    path = anywhere(rng, top, below)
    kind = rng.randrange(12)
    real_file = path.is_file() and not path.is_symlink()
    if kind == 0:
        remove(path)
    elif kind == 1 and not os.path.lexists(path):
        path.symlink_to(rng.choice(["a.txt", "/nowhere", "d"]))
    elif kind == 2 and not path.is_symlink() and path.exists():
        path.chmod(rng.choice([0o644, 0o755, 0o600, 0o700]) if real_file else 0o755)
    elif kind == 3 and not os.path.lexists(path):
        path.mkdir()
    elif kind == 4 and not os.path.lexists(path):
        (path / "x" / "y").mkdir(parents=True)
        (path / "x" / "deep.txt").write_bytes(rng.randbytes(9))
    elif kind == 5 and os.path.lexists(path):
        target = anywhere(rng, top, below)
        if not os.path.lexists(target) and path not in target.parents:
            path.rename(target)
    elif kind == 6 and real_file and path.stat().st_size:
        # The same size and the same time: only the kernel knows.
        info = path.stat()
        path.write_bytes(rng.randbytes(info.st_size))
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    elif kind == 7 and real_file:
        target = anywhere(rng, top, below)
        if not os.path.lexists(target):
            os.link(path, target)
    elif kind == 8 and real_file:
        fresh = path.with_name(f"{path.name}.tmp")
        fresh.write_bytes(rng.randbytes(20))
        fresh.replace(path)
    elif not path.is_dir() and not path.is_symlink():
        with open(path, "ab") as file:
            file.write(rng.randbytes(rng.randrange(30)))


def begun(tmp: Path, seed: int, *, watch: bool) -> tuple[Work, random.Random]:
    rng = random.Random(seed)
    work = Work(tmp, watch=watch)
    for below in ("agent", "mine"):
        (work.top / below).mkdir()
        for _ in range(20):
            act(rng, work.top, below)
    work.session.append(User(parts=()))
    return work, rng


def touched(left: Tree, met: Tree, path: str) -> bool:
    """Whether content was changed; a mode alone is not worth keeping a file for."""
    one, other = left.get(path), met.get(path)
    return one is None or other is None or (one[0], one[2]) != (other[0], other[2])


async def some_steps(work: Work, rng: random.Random, below: str = "agent") -> None:
    for _ in range(3):
        for _ in range(rng.randrange(1, 4)):
            await work.step(lambda: [act(rng, work.top, below) for _ in range(6)])
            for _ in range(rng.randrange(3)):
                act(rng, work.top, "mine")
        work.user()


@pytest.mark.parametrize("watch", [True, False], ids=["heard", "walked"])
@pytest.mark.parametrize("seed", [*range(6), 114, 122, 192])
def test_undo_and_redo_everything(tmp_path: Path, seed: int, watch: bool) -> None:
    """The agent's part goes back and forth; what the user did elsewhere stays."""

    async def main() -> None:
        work, rng = begun(tmp_path, seed, watch=watch)
        before = tree(work.top / "agent")
        states = [before]
        for _ in range(5):
            await work.step(lambda: [act(rng, work.top, "agent") for _ in range(6)])
            for _ in range(rng.randrange(4)):
                act(rng, work.top, "mine")
            work.user()
            states.append(tree(work.top / "agent"))
        mine = tree(work.top / "mine")
        work.keeper.close()
        distinct = [a for a, b in zip(states, states[1:], strict=False) if a != b]
        for expected in reversed(distinct):
            choice = work.undo().choose(redo=False)
            done = work.undo().perform(choice, work.undo().preview(choice))
            assert not done.failed and not done.kept
            assert tree(work.top / "agent") == expected
        assert not [each for each in work.undo().history.steps if each.state != "undone"]
        for _ in distinct:
            choice = work.undo().choose(redo=True)
            assert not work.undo().perform(choice, work.undo().preview(choice)).failed
        assert tree(work.top / "agent") == states[-1]
        assert tree(work.top / "mine") == mine
        work.close()

    asyncio.run(main())


@pytest.mark.parametrize("seed", [*range(6), 10, 113, 186])
def test_nothing_of_the_user_is_lost(tmp_path: Path, seed: int) -> None:
    """The user meddles with the agent's own files: undo leaves them, or brings them back."""

    async def main() -> None:
        work, rng = begun(tmp_path, seed, watch=True)
        await some_steps(work, rng)
        work.keeper.close()
        left = tree(work.top)
        for _ in range(6):
            act(rng, work.top, "agent")
        met = tree(work.top)
        meddled = {path for path in left.keys() | met.keys() if touched(left, met, path)}
        taken = rng.random() < 0.5
        undo = work.undo()
        choice = undo.choose(redo=False)
        moves = undo.preview(choice, lambda _: taken)
        assert tree(work.top) == met, "a preview touches nothing"
        done = undo.perform(choice, moves)
        now = tree(work.top)
        if not taken:
            for path in meddled & met.keys():
                kind, _, content = met[path]
                if kind != "folder":
                    assert now[path][0] == kind and now[path][2] == content
        if done.failed:  # a folder where a file is to be, with something of the user's in it
            assert taken
        back = work.undo().choose(redo=True)
        again = work.undo().perform(back, work.undo().preview(back))
        assert not again.failed
        assert tree(work.top) == met
        work.close()

    asyncio.run(main())


def test_what_a_step_may_change_is_kept_even_outside_and_before_the_walk(tmp_path: Path) -> None:
    async def main() -> None:
        work = Work(tmp_path)
        outside = tmp_path / "out" / "er" / "x.txt"
        link = work.top / "link"
        link.symlink_to("target.txt")
        (work.top / "target.txt").write_text("t")
        work.session.append(User(parts=()))
        before = (tree(work.top), tree(tmp_path / "out"))

        def edit() -> None:
            outside.parent.mkdir(parents=True)
            outside.write_text("new")
            link.unlink()

        await work.step(edit, (str(outside), str(work.top / "target.txt"), str(link)))
        undo = work.undo()
        choice = undo.choose(redo=False)
        assert {move.word for move in undo.preview(choice)} == {"delete", "create"}
        undo.perform(choice, undo.preview(choice))
        assert (tree(work.top), tree(tmp_path / "out")) == before
        work.close()

    asyncio.run(main())


def test_steps_one_by_one_and_a_conflict_between_steps(tmp_path: Path) -> None:
    """The user's change between two steps of a turn is never undone with them."""

    async def main() -> None:
        work = Work(tmp_path)
        file = work.top / "a.txt"
        file.write_text("one")
        work.session.append(User(parts=()))
        await work.step(lambda: file.write_text("two"))
        file.write_text("mine")
        await work.step(lambda: file.write_text("three"))
        undo = work.undo()
        choice = undo.choose(redo=False)
        (move,) = undo.preview(choice)
        assert move.undecided and move.word == "restore"
        undo.perform(choice, [move])
        assert file.read_text() == "mine"
        work.undo().perform(*_redo(work))
        assert file.read_text() == "three"
        choice = work.undo().choose(redo=False, step=1)
        (move,) = work.undo().preview(choice)
        assert (move.verdict, move.why) == ("conflict", "it was changed since")
        work.close()

    asyncio.run(main())


def _redo(work: Work):  # type: ignore[no-untyped-def]
    choice = work.undo().choose(redo=True)
    return choice, work.undo().preview(choice)


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        work = Work(tmp_path, largest_file=100)
        big, pipe = work.top / "big.bin", work.top / "pipe"
        big.write_bytes(b"x" * 101)
        os.mkfifo(pipe)
        (work.top / "node_modules").mkdir()
        work.session.append(User(parts=()))
        await work.step(lambda: [big.unlink(), pipe.unlink()])
        undo = work.undo()
        moves = undo.preview(undo.choose(redo=False))
        assert [move.verdict for move in moves] == ["lost", "lost"]
        assert "too large" in moves[0].why and "pipe" in moves[1].why
        assert undo.history.left == (str(work.top / "node_modules"),)
        touched = next(each for each in work.session.entries if each.kind == "touched")
        assert len(touched.lost) == 2  # type: ignore[attr-defined]
        work.close()

    asyncio.run(main())


def test_a_folder_with_something_else_in_it_stays(tmp_path: Path) -> None:
    async def main() -> None:
        work = Work(tmp_path)
        work.session.append(User(parts=()))
        await work.step(lambda: (work.top / "d" / "e").mkdir(parents=True))
        (work.top / "d" / "mine").write_text("m")
        undo = work.undo()
        choice = undo.choose(redo=False)
        undo.perform(choice, undo.preview(choice))
        assert tree(work.top).keys() == {"d", "d/mine"}
        work.close()

    asyncio.run(main())


def test_modes_are_judged_apart_from_content(tmp_path: Path) -> None:
    async def main() -> None:
        work = Work(tmp_path)
        file, folder = work.top / "a.sh", work.top / "d"
        file.write_text("one")
        file.chmod(0o644)
        folder.mkdir(mode=0o755)
        (folder / "x").write_text("x")
        work.session.append(User(parts=()))

        def step() -> None:
            file.write_text("two")
            (folder / "x").unlink()
            folder.chmod(0o555)

        await work.step(step)
        file.chmod(0o755)  # the user's
        undo = work.undo()
        choice = undo.choose(redo=False)
        assert not undo.perform(choice, undo.preview(choice)).failed
        found = tree(work.top)
        assert found["a.sh"] == ("file", 0o755, b"one")
        assert found["d"][1] == 0o755 and found["d/x"][2] == b"x"
        work.close()

    asyncio.run(main())


def test_a_link_put_in_the_way_leads_nowhere(tmp_path: Path) -> None:
    async def main() -> None:
        work = Work(tmp_path)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (work.top / "d").mkdir()
        (work.top / "d" / "a").write_text("one")
        work.session.append(User(parts=()))
        await work.step(lambda: (work.top / "d" / "a").write_text("two"))
        undo = work.undo()
        choice = undo.choose(redo=False)
        moves = undo.preview(choice)
        shutil.rmtree(work.top / "d")
        (work.top / "d").symlink_to(elsewhere)
        assert undo.preview(choice, lambda _: True)[0].why == "its folder is something else now"
        done = undo.perform(choice, moves)
        assert done.failed and not list(elsewhere.iterdir())
        work.close()

    asyncio.run(main())


def test_a_later_session_reads_only_what_changed(tmp_path: Path) -> None:
    """The second keeper starts from the first one's tree; its undo reaches the same contents."""

    async def main() -> None:
        first = Work(tmp_path)
        for number in range(50):
            (first.top / f"f{number}").write_text(f"{number}" * 40)
        await first.step(lambda: None)
        first.close()
        packs = Path(first.keeper.keeping.store) / "packs"
        assert [each.stat().st_size > 0 for each in packs.iterdir()] == [True]
        second = Work(tmp_path)
        second.session.append(User(parts=()))
        before = tree(second.top)
        await second.step(lambda: [each.unlink() for each in second.top.iterdir()])
        assert len(list(packs.iterdir())) == 1, "nothing was read again"
        undo = second.undo()
        choice = undo.choose(redo=False)
        undo.perform(choice, undo.preview(choice))
        assert tree(second.top) == before
        for each in Path(first.keeper.keeping.store).rglob("*"):
            assert stat.S_IMODE(each.stat().st_mode) & 0o077 == 0, each
        second.close()

    asyncio.run(main())


def test_too_many_files_ends_commands_but_not_edits(tmp_path: Path) -> None:
    async def main() -> None:
        work = Work(tmp_path, most_files=10)
        for number in range(20):
            (work.top / f"f{number}").write_text("x")
        work.session.append(User(parts=()))
        for _ in range(2):
            await work.step(lambda: (work.top / "f1").write_text("y"))
        assert not list((Path(work.keeper.keeping.store) / "packs").iterdir()), "nothing was read"
        notices = [each for each in work.session.entries if each.kind == "notice"]
        assert len(notices) == 1 and "more than 10 files" in notices[0].text  # type: ignore[attr-defined]
        assert len(work.undo().history.steps) == 0
        file = work.top / "f2"
        await work.step(lambda: file.write_text("z"), (str(file),))
        undo = work.undo()
        choice = undo.choose(redo=False)
        undo.perform(choice, undo.preview(choice))
        assert file.read_text() == "x"
        work.close()

    asyncio.run(main())


def test_what_changes_between_the_preview_and_the_deed_stays(tmp_path: Path) -> None:
    async def main() -> None:
        work = Work(tmp_path)
        (work.top / "a").write_text("one")
        (work.top / "gone").write_text("one")
        work.session.append(User(parts=()))

        def step() -> None:
            (work.top / "a").write_text("two")
            (work.top / "new").write_text("two")
            (work.top / "gone").unlink()

        await work.step(step)
        undo = work.undo()
        choice = undo.choose(redo=False)
        moves = undo.preview(choice)
        for name in ("a", "new", "gone"):
            (work.top / name).write_text("mine")
        done = undo.perform(choice, moves)
        assert [each.split(": ")[1] for each in done.failed] == ["it changed just now"] * 3
        assert {content for _, _, content in tree(work.top).values()} == {b"mine"}
        work.close()

    asyncio.run(main())


def test_a_session_that_ends_before_the_walk_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        work = Work(tmp_path)
        for number in range(3_000):
            (work.top / f"f{number}").write_bytes(os.urandom(500))
        work.keeper.begin()
        packs = Path(work.keeper.keeping.store) / "packs"
        while not (packs.exists() and list(packs.iterdir())):
            os.sched_yield()
        work.close()
        bases = {each.name for each in (packs.parent / "bases").iterdir()}
        assert {each.name for each in packs.iterdir()} <= bases

    asyncio.run(main())
