"""The keeper: a small process that knows what every file of the workspace holds.

It walks the workspace once, while the model thinks, then hears from the kernel what changed.
Before a step it says which tree there is; after it, what the step changed. One JSON line is one
request or answer; the end of the connection is the end of the keeper.
"""

from __future__ import annotations

import gc
import json
import os
import select
import time
from collections.abc import Iterator, Sequence
from typing import Any

from codex_py.snapshots import bases, sweep
from codex_py.snapshots.changes import kind, net
from codex_py.snapshots.measure import measured
from codex_py.snapshots.state import State, look, same
from codex_py.snapshots.store import Record, Store
from codex_py.snapshots.tree import TooMuch, Tree, reach
from codex_py.snapshots.watch import Watch

SLICE = 0.02
"""Seconds of walking between two looks at the connection."""
CALM = 0.05
"""Seconds of quiet before what somebody else changed is looked at."""
IDLE = 1.0
"""Seconds without a question before old snapshots are swept away."""
SHOWN = 50
"""Files named in an answer; all are in the journal."""
FULL = 50_000
"""Names heard before everything is walked instead."""


class Keeper:
    """The keeper of one session. `given` is the first request; `fd` and `out` the connection."""

    def __init__(self, given: dict[str, Any], fd: int, out: int, pending: bytes = b"") -> None:
        self.fd, self.out = fd, out
        self.pending = pending
        self.given = given
        self.store = Store(given["folder"], given["name"])
        self.tree = Tree(given["roots"], given["own"], self._keep, (given["limit"], given["most"]))
        self.off = ""
        """Why whole trees are not kept, once that is so."""
        self.ready = False
        self.stepping = False
        self.swept = False
        self.extra: dict[str, State | None] = {}
        """Paths written by name where no tree is known: outside, or before the first walk."""
        self.names: set[tuple[str, str]] = set()
        self.folders: set[str] = set()
        self.lost = False
        self._first = self._begin()
        self._room = int(given["disk"])

    def run(self) -> None:
        """Answer until the connection ends."""
        while True:
            *lines, self.pending = self.pending.split(b"\n")
            for line in lines:
                answer = self._answer(json.loads(line))
                text = json.dumps(answer, separators=(",", ":")).encode() + b"\n"
                while text:
                    text = text[os.write(self.out, text) :]
            if self.fd in self._wait():
                data = os.read(self.fd, 1 << 20)
                if not data:
                    self.store.close()
                    sweep.abandon(self.store.folder, self.store.name)
                    return
                self.pending += data

    def _wait(self) -> list[int]:
        """Walk on, or hear what happens, until there is a request."""
        watch = self.tree.watch
        if not self.ready and not self.off:
            self._advance(time.monotonic() + SLICE)
            return select.select([self.fd], [], [], 0)[0]
        heard = [watch.fileno()] if watch is not None else []
        dirty = bool(self.names or self.folders or self.lost) and not self.stepping
        patience = CALM if dirty and not self.off else None if self.swept else IDLE
        readable: list[int] = select.select([self.fd, *heard], [], [], patience)[0]
        if not readable and dirty and not self.off:
            self._guarded(lambda: self._write(self._differences(), ""))
        elif not readable:
            self.swept = True
            sweep.sweep(os.path.dirname(self.store.folder), self.given["disk"], self.store)
        elif watch is not None and watch.fileno() in readable:
            self._hear()
        return readable

    def _advance(self, until: float) -> None:
        """Walk until some time, or to the end."""

        def walk() -> None:
            for _ in self._first:
                if time.monotonic() > until:
                    return
            self.ready = True

        self._guarded(walk)

    def _begin(self) -> Iterator[None]:
        """The first walk, told by what an earlier session knew."""
        found = bases.newest(self.store.folder, self.tree.roots)
        packs: list[str] = []
        if found is not None:
            self.tree.known, packs, self.store.known = found.folders, found.packs, found.contents
            self.tree.count = found.paths
        if found is None:
            yield from measured(self.tree, self.given["disk"] // 2)
        try:
            self.tree.watch = Watch() if self.given["watch"] else None
        except OSError:
            self.tree.watch = None
        records: list[Record] = []
        walk = self.tree.walk()
        while True:
            try:
                records += next(walk)
            except StopIteration:
                break
            except OSError:
                if self.tree.watch is None:
                    raise
                self._unwatch()
                walk = self.tree.walk()
            yield
        base = found.name if found is not None else ""
        if found is None or len(records) > max(200, self.tree.count // 5):
            self.store.flush()
            base, packs = self.store.name, [*packs, self.store.name]
            bases.write(self.store.folder, base, self.tree.roots, self.tree.known, packs)
            records = []
        staged = self._at(self.given["index"]) if self.given.get("index") else None
        self.store.begin(base, packs, self.tree.roots, staged)
        self._write(records, "")
        self.store.settle()

    def _unwatch(self) -> None:
        """The kernel watches no more: walk instead, from now on."""
        assert self.tree.watch is not None
        self.tree.watch.close()
        self.tree.watch = None

    def _keep(self, data: bytes, digest: str) -> tuple[str, int]:
        found = self.store.known.get(digest)
        if found is None:
            self._room -= len(data)
            if self._room < 0:
                raise TooMuch("its files take more room than undo_disk_limit allows")
            found = self.store.keep(data, digest)
        return found

    def _guarded(self, act: Any) -> None:
        try:
            act()
        except TooMuch as error:
            self._stop(str(error))
        except OSError as error:
            self._stop(f"the snapshot could not be kept: {error.strerror or error}")

    def _stop(self, why: str) -> None:
        self.off = why
        self.tree.known = {}
        if self.tree.watch is not None:
            self._unwatch()

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"ok": False}

        def act() -> None:
            if asked["do"] == "before":
                answer.update(self._before(asked))
            else:
                answer.update(self._after(asked))

        self.stepping = asked["do"] == "before"
        self._guarded(act)
        if not answer["ok"] and "why" not in answer:
            answer["why"] = self.off
        return answer

    def _before(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["all"]:
            until = time.monotonic() + asked["wait"]
            while not self.ready and not self.off:
                self._advance(until)
                if time.monotonic() > until and not self.ready:
                    told = f"the first snapshot took longer than {asked['wait']:.0f} s"
                    return {"ok": False, "why": told, "later": True}
            if self.off:
                return {"ok": False, "why": self.off}
        if not self.store.open:
            self.store.begin("", [], self.tree.roots)
        if self.ready and not self.off:
            self._write(self._differences(), "")
        if asked["paths"]:
            records = self._named(asked["paths"], first=True)
            self._write([each._replace(before=each.after) for each in records], f"?{asked['call']}")
        self.store.settle()
        return {"ok": True, "tree": self.store.place, "left": sorted(self.tree.left)[:SHOWN]}

    def _after(self, asked: dict[str, Any]) -> dict[str, Any]:
        records = self._named(asked["paths"], first=False) if asked["paths"] else []
        records = [each for each in records if not same(each.before, each.after)]
        if self.ready and not self.off:
            named = {each.path for each in records}
            found = [each for each in self._differences() if each.path not in named]
            if asked["all"]:
                records += found
            else:
                self._write(found, "")
        ref = self._write(records, asked["call"])
        self.store.settle()
        lost = [each.path for each in records if each.before is not None and not each.before.kept]
        return {
            "ok": True,
            "changes": ref if records else "",
            "total": len(records),
            "files": [[each.path, kind(each)] for each in records[:SHOWN]],
            "lost": lost[:SHOWN],
            "left": sorted(self.tree.left)[:SHOWN],
        }

    def _write(self, records: Sequence[Record], call: str) -> str:
        return self.store.write([each._replace(by=call) for each in records])

    def _named(self, paths: Sequence[str], *, first: bool) -> list[Record]:
        """Paths that a step writes by name: what they hold, and the folders to be made for them."""
        wanted: list[str] = []
        for path in paths:
            above: list[str] = []
            folder = os.path.dirname(path)
            while first and folder not in self.tree.known and not os.path.lexists(folder):
                above.append(folder)
                folder = os.path.dirname(folder)
            wanted += [*reversed(above), path]
        if first:
            self.extra = dict.fromkeys(wanted)
        records: list[Record] = []
        for path in wanted if first else list(self.extra):
            if first and self.tree.covers(path):
                self._write(self.tree.look(path), "")
            if first:
                self.extra[path] = self._at(path)
                records.append(Record(path, None, self.extra[path]))
            else:
                records.append(Record(path, self.extra[path], self._at(path)))
                if self.tree.covers(path):
                    self.tree.look(path)
        return records

    def _at(self, path: str) -> State | None:
        parent, name = os.path.split(path)
        try:
            fd = reach(parent)
        except OSError:
            return None
        try:
            return look(fd, name, self._keep, self.tree.limit)
        finally:
            os.close(fd)

    def _hear(self) -> None:
        if self.tree.watch is None:
            return
        heard = self.tree.watch.drain()
        self.names |= heard.names
        self.folders |= heard.folders
        self.lost |= heard.lost or len(self.names) > FULL
        if self.lost:
            self.names.clear()
            self.folders.clear()

    def _differences(self) -> list[Record]:
        """What is not as it was, all looked at now."""
        self._hear()
        if self.tree.watch is None or self.lost:
            return self._walked()
        names, self.names = self.names, set()
        folders, self.folders = self.folders, set()
        records: list[Record] = []
        try:
            for folder, name in sorted(names):
                records += self.tree.look(os.path.join(folder, name))
            for path in sorted(folders):
                for each in self.tree.walk_below(path):
                    records += each
            records += self.tree.look_linked()
        except OSError as error:
            if error.errno not in (28, 12, 24) or "watches" not in str(error):
                raise
            self._unwatch()
            records += self._walked()
        return net(records)

    def _walked(self) -> list[Record]:
        self.lost = False
        self._hear()
        self.names.clear()
        self.folders.clear()
        self.lost = False
        records: list[Record] = []
        for each in self.tree.walk():
            records += each
        return net(records)


def main() -> None:
    """Serve the connection on descriptors 0 and 1; its first line says what to keep, and where."""
    line = b""
    while b"\n" not in line:
        piece = os.read(0, 1 << 16)
        if not piece:
            return
        line += piece
    first, _, pending = line.partition(b"\n")
    gc.disable()  # nothing here goes in circles, and there is much of it
    Keeper(json.loads(first), 0, 1, pending).run()
    os._exit(0)  # no need to take apart what goes anyway
