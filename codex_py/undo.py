"""Undo and redo of a session's steps: chosen from its log, previewed, written down, then done."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from codex_py.core.entries import Context, Entry, Undoing, Undone
from codex_py.core.errors import UsageError
from codex_py.core.steps import History, Step, Taken, history
from codex_py.dataclass import dataclass
from codex_py.host.putback import put_back
from codex_py.snapshots import store as kept
from codex_py.snapshots.changes import kind, net
from codex_py.snapshots.plan import Move, observe, plan
from codex_py.snapshots.state import State
from codex_py.snapshots.store import Damaged, Record, Store, workspace
from codex_py.snapshots.tree import Tree, inside

__all__ = ["Choice", "Damaged", "History", "Move", "Step", "Undo", "history"]

SHOWN = 50
"""Files named in an entry."""
Take = Callable[[str], bool]


def always(path: str) -> bool:
    """Whatever is there now gives way."""
    del path
    return True


def leave(path: str) -> bool:
    """Whatever somebody else changed stays as it is."""
    del path
    return False


@dataclass(frozen=True, slots=True)
class Choice:
    """Which steps are undone or redone, in the order in which that is done."""

    redo: bool
    steps: tuple[Step, ...]
    back: tuple[Taken, ...] = ()
    """The undo that is taken back as a whole, the newest part first."""

    @property
    def title(self) -> str:
        """What would be done, in a line."""
        word = "redo" if self.redo else "undo"
        turns = sorted({step.turn for step in self.steps})
        numbers = ", ".join(str(step.number) for step in sorted(self.steps, key=_number))
        where = f"turn {turns[0]}" if len(turns) == 1 else f"turns {turns[0]} to {turns[-1]}"
        return f"{word} {where}, step{'s' if len(self.steps) > 1 else ''} {numbers}"


def _number(step: Step) -> int:
    return step.number


class Undo:
    """Undo for one session: its entries, and where to add more.

    `limit` is the largest file, in bytes, that is kept.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        append: Callable[[Entry], Entry],
        home: Path,
        limit: int,
    ) -> None:
        self.history = history(entries)
        self._append = append
        self._home = os.path.realpath(home)
        self._limit = limit

    def choose(self, *, redo: bool, turn: int = 0, step: int = 0, again: bool = False) -> Choice:
        """The steps meant; without a number the last turn, or the last undo. Raises UsageError.

        With `again` steps may be undone once more, for what was left as it was.
        """
        steps = self.history.steps
        if turn or step:
            what = f"turn {turn}" if turn else f"step {step}"
            meant = [each for each in steps if (each.turn == turn if turn else each.number == step)]
            if not meant:
                raise UsageError(f"{what} changed no files (see `codex-py undo --list`)")
            able = [each for each in meant if (each.state == "undone") == redo or again]
            if not able:
                raise UsageError(f"{what} is {'not undone' if redo else 'undone already'}")
            return Choice(redo, tuple(able if redo else able[::-1]))
        if redo:
            return self._last_undo()
        standing = [each for each in steps if each.state != "undone"]
        if not standing and steps and again:
            calls = self.history.taken[-1].calls
            return Choice(False, tuple(each for each in steps[::-1] if each.call_id in calls))
        if not standing and steps:
            raise UsageError("all is undone already (--take FILE: also what was left as it was)")
        if not standing:
            lost = len(self.history.uncovered)
            why = f"what {lost} steps changed was not kept" if lost else "no step changed files"
            raise UsageError(f"there is nothing to undo in this session: {why}")
        last = standing[-1].turn
        return Choice(False, tuple(each for each in standing[::-1] if each.turn == last))

    def _last_undo(self) -> Choice:
        if not self.history.taken:
            raise UsageError("there is nothing to redo: nothing was undone")
        back = self.history.taken[-1]
        steps = [each for each in self.history.steps if each.call_id in back.calls]
        parts = [each for each in self.history.taken if set(each.calls) == set(back.calls)]
        return Choice(True, tuple(steps), tuple(parts[::-1]))

    def preview(self, choice: Choice, take: Take = leave) -> list[Move]:
        """What would become of each file. Raises Damaged when what was kept is gone."""
        batches, unsure = self._batches(choice)
        places = {
            state.content: state
            for batch in batches
            for record in batch
            for state in (record.before, record.after)
            if state is not None and state.kind == "file" and state.pack
        }

        def see(path: str) -> State | None:
            now = observe(path, None, self._limit)
            known = places.get(now.content) if now is not None and now.kind == "file" else None
            return now._replace(pack=known.pack, at=known.at) if now and known else now

        return sorted(plan(batches, see, take, unsure), key=_path)

    def perform(self, choice: Choice, moves: Sequence[Move]) -> Undone:
        """Do it: first written to the log with the way back, then done, then what came of it.

        Raises OSError when what is there now cannot be kept; nothing is touched then.
        """
        moves = [move for move in moves if move.verdict != "already"]
        acting = [move for move in moves if move.verdict == "put"]
        folder = self._folder(choice)
        store = Store(
            folder, f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-u{secrets.token_hex(4)}"
        )
        try:
            store.begin("", _packs(acting), [])
            acting = [self._saved(move, store) for move in acting]
            records = [Record(move.path, move.now, move.to) for move in acting]
            changes = store.write(records)
            store.settle()
        finally:
            store.close()
        calls = tuple(step.call_id for step in choice.steps)
        shown = tuple((each.path, kind(each)) for each in records[:SHOWN])
        self._append(
            Undoing(redo=choice.redo, calls=calls, changes=changes, total=len(records), paths=shown)
        )
        failed = put_back(acting, lambda state: kept.content(folder, state), self._limit)
        stayed = tuple(f"{each.path}: {each.why}" for each in moves if each.why and not each.taken)
        done = Undone(
            redo=choice.redo,
            calls=calls,
            total=len(acting) - len(failed),
            kept=stayed[:SHOWN],
            failed=tuple(f"{path}: {why}" for path, why in failed.items())[:SHOWN],
        )
        self._append(done)
        told = [f"{word} {path}" for path, word in shown if path not in failed]
        if told:
            more = f" and {len(records) - SHOWN} more" if len(records) > SHOWN else ""
            verb = "redid" if choice.redo else "undid"
            text = f"The user {verb} earlier steps; files now: {', '.join(told)}{more}."
            self._append(Context(name="undo", text=text))
        return done

    def _saved(self, move: Move, store: Store) -> Move:
        """The move with what is there now kept, as the way back."""
        now = move.now
        if now is None or now.kind != "file" or now.pack:
            return move
        fresh = observe(move.path, store.keep, self._limit)
        return Move(move.path, fresh, move.to, move.verdict, move.why, move.taken)

    def _folder(self, choice: Choice) -> str:
        places = {step.cwd for step in choice.steps}
        if len(places) != 1:
            raise UsageError("these steps were made in several folders: undo them by --step")
        return workspace(self._home, places.pop())

    def _batches(self, choice: Choice) -> tuple[list[list[Record]], set[str]]:
        folder = self._folder(choice)
        if choice.back:
            parts = [kept.read(folder, each.changes) for each in choice.back if each.changes]
            return [[_turned(each) for each in part] for part in parts], set()
        batches: list[list[Record]] = []
        unsure: set[str] = set()
        for step in choice.steps:
            if step.state == "cut off":
                records = self._cut_off(folder, step)
                unsure |= {each.path for each in records}
            else:
                records = net(kept.read(folder, step.changes)) if step.changes else []
            batches.append(records if choice.redo else [_turned(each) for each in records])
        return batches, unsure

    def _cut_off(self, folder: str, step: Step) -> list[Record]:
        """What a step that never ended may have changed: whatever is not as it was before it."""
        if not step.last:
            raise UsageError(
                f"step {step.number} was cut off and others followed: what it changed is not known"
            )
        marks = kept.marks(folder, step.tree, step.call_id)
        if marks:
            return [each._replace(after=observe(each.path, None, self._limit)) for each in marks]
        roots = [str(each) for each in kept.header(folder, step.tree.partition(":")[0])["roots"]]
        tree = Tree(roots, self._home, None, (self._limit, 1 << 40))
        tree.known = kept.tree(folder, step.tree)
        return net([record for each in tree.walk() for record in each])


def repeated(undoing: Undoing, home: Path, cwd: str, work: str) -> dict[str, str]:
    """Do in `work` what an undo or redo once did in the folder `cwd`.

    Returns the paths, as they were, that could not be, each with why. Raises Damaged, OSError.
    """
    folder = workspace(os.path.realpath(home), cwd)
    records: list[Record] = []
    for each in kept.read(folder, undoing.changes) if undoing.changes else ():
        if not inside(each.path, cwd) or ".." in each.path.split("/"):
            raise Damaged(f"{each.path} lies outside of the folder")
        path = work + each.path[len(cwd.rstrip("/")) :]
        records.append(Record(path, each.before, each.after))
    limit = 1 << 62
    moves = plan([records], lambda path: observe(path, None, limit), always)
    failed = put_back(moves, lambda state: kept.content(folder, state), limit)
    return {cwd.rstrip("/") + path[len(work) :]: why for path, why in failed.items()}


def _path(move: Move) -> str:
    return move.path


def _turned(record: Record) -> Record:
    return record._replace(before=record.after, after=record.before)


def _packs(moves: Sequence[Move]) -> list[str]:
    states = [state for move in moves for state in (move.now, move.to)]
    return sorted({state.pack for state in states if state is not None and state.pack})
