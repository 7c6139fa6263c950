"""Pure: tool-call deltas, in every shape servers send them, become calls."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from codex_py.core.entries import Delta, Json, ToolCall
from codex_py.dataclass import dataclass

CALL_FIELDS = ("id", "index", "type", "function", "custom", "name", "arguments")


@dataclass(slots=True)
class _Slot:
    """One call under construction; `index` is what the server called it, None when untold."""

    index: int | None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    extra: Json | None = None

    def whole(self) -> bool:
        """True when the arguments are already a complete JSON object."""
        return self.arguments.rstrip().endswith("}") and _is_object(self.arguments)


class Calls:
    """The calls of one answer under construction.

    Ids, indexes and types may be missing, repeated or reused; arguments may be text or objects.
    """

    def __init__(self, known: Collection[str]) -> None:
        self.known = known
        self.slots: list[_Slot] = []

    def feed(self, data: Json) -> Iterator[Delta]:
        """Take one delta of a call, or a whole call."""
        function = data.get("function") or data.get("custom")
        function = function if isinstance(function, dict) else {}
        name = _text(function.get("name")) or _text(data.get("name"))
        given = function.get("arguments", function.get("input", data.get("arguments")))
        slot = self._slot(data, name, given)
        slot.call_id = slot.call_id or _text(data.get("id"))
        if name and not slot.arguments and name != slot.name:
            slot.name += name
        extra = {key: value for key, value in data.items() if key not in CALL_FIELDS and value}
        if extra:
            slot.extra = {**(slot.extra or {}), **extra}
        fragment = _fragment(slot, given)
        if fragment:
            slot.arguments += fragment
            yield Delta("arguments", fragment, slot.call_id, slot.name)

    def _slot(self, data: Json, name: str, given: object) -> _Slot:
        """The call that a delta belongs to, a new one when it is of none so far."""
        index = data.get("index")
        index = index if isinstance(index, int) else None
        call_id = _text(data.get("id"))
        for slot in self.slots:
            if call_id and slot.call_id == call_id and _fits(slot, index, name, given):
                return slot
        old = self._by_index(index)
        if old is not None and not self._begins(old, call_id, name):
            return old
        self.slots.append(_Slot(index))
        return self.slots[-1]

    def _by_index(self, index: int | None) -> _Slot | None:
        if index is None:
            return self.slots[-1] if self.slots else None
        return next((each for each in reversed(self.slots) if each.index == index), None)

    def _begins(self, old: _Slot, call_id: str, name: str) -> bool:
        """Whether a delta for the place of `old` is the start of another call."""
        if not name or not old.name:
            return False
        if call_id and old.call_id:
            return True  # the same id was looked for before
        if old.arguments:
            return old.whole() or name != old.name
        return name != old.name and old.name + name not in self.known

    def entries(self, place: int) -> Iterator[ToolCall]:
        """The finished calls; ids that are missing or used twice are made from `place`."""
        taken: set[str] = set()
        for number, slot in enumerate(each for each in self.slots if each.name or each.arguments):
            call_id = slot.call_id or f"call_{place}_{number}"
            while call_id in taken:
                call_id += "x"
            taken.add(call_id)
            raw = {"type": "chat", "extra": slot.extra} if slot.extra else None
            yield ToolCall(
                call_id=call_id, name=slot.name or "unnamed", arguments=slot.arguments, raw=raw
            )


def _fits(slot: _Slot, index: int | None, name: str, given: object) -> bool:
    """Whether a delta with the id of `slot` goes on with it, or is another call of that id."""
    if index is not None and slot.index is not None and index != slot.index:
        return False
    return not (name and given and slot.whole() and _as_text(given) != slot.arguments)


def _fragment(slot: _Slot, given: object) -> str:
    """What a delta adds to a call's arguments; a whole that is repeated adds nothing."""
    if not given:
        return ""
    if slot.arguments == "{}" and _as_text(given).startswith("{"):
        slot.arguments = ""  # some servers open every call with an empty object
    if slot.whole() and (not isinstance(given, str) or slot.arguments == given):
        return ""
    return _as_text(given)


def _as_text(given: object) -> str:
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
