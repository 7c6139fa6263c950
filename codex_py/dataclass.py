"""A `dataclass` that makes its classes in a quarter of the time; a start makes over a hundred.

The standard one compiles every method of every class anew. Here only `__init__` is compiled;
the others are shared by all classes ([performance](../docs/performance.md)).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen=False, slots=False, kw_only=False):
        """As `dataclasses.dataclass`, of whose options it takes these three.

        `fields`, `replace`, `asdict`, `field(repr=…, compare=…)`, copying and pickling work as
        with the standard one. `__post_init__`, `InitVar` and `field(init=False)` are not there.
        """

        def made(cls):
            plain = dataclasses.dataclass(
                init=False, repr=False, eq=False, slots=slots, kw_only=kw_only
            )(cls)
            shared = {**_SHARED, **_FROZEN} if frozen else _SHARED
            for name, method in shared.items():
                if name not in cls.__dict__:
                    setattr(plain, name, method)
            plain.__init__ = _init(plain, frozen)
            plain._compared = tuple(each.name for each in dataclasses.fields(plain) if each.compare)
            return plain

        return made


def _init(cls: type, frozen: bool) -> object:
    """`__init__`, compiled, so that a call of it costs what it costs with the standard one."""
    space: dict[str, object] = {"_set": object.__setattr__, "_missing": dataclasses.MISSING}
    given, named = ["self"], list[str]()
    lines: list[str] = []
    for each in dataclasses.fields(cls):
        name = taken = each.name
        if each.default is not dataclasses.MISSING:
            space[f"_default_{name}"] = each.default
            taken = f"{name}=_default_{name}"
        elif each.default_factory is not dataclasses.MISSING:
            space[f"_make_{name}"] = each.default_factory
            taken = f"{name}=_missing"
            lines.append(f" if {name} is _missing: {name} = _make_{name}()")
        lines.append(f" _set(self, '{name}', {name})" if frozen else f" self.{name} = {name}")
        (named if each.kw_only else given).append(taken)
    takes = ", ".join([*given, "*", *named] if named else given)
    exec(f"def __init__({takes}):\n" + "\n".join(lines or [" pass"]), space)
    made = space["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"  # type: ignore[attr-defined]
    return made


def _repr(self: object) -> str:
    shown = (each.name for each in dataclasses.fields(self) if each.repr)  # type: ignore[arg-type]
    told = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({told})"


def _eq(self: object, other: object) -> object:
    if type(other) is not type(self):
        return NotImplemented
    return all(getattr(self, name) == getattr(other, name) for name in self._compared)  # type: ignore[attr-defined]


def _hash(self: object) -> int:
    return hash(tuple(getattr(self, name) for name in self._compared))  # type: ignore[attr-defined]


def _refuse_set(self: object, name: str, value: object) -> None:
    del self, value
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(self: object, name: str) -> None:
    del self
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: object) -> list[object]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]  # type: ignore[arg-type]


def _restore(self: object, state: list[object]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):  # type: ignore[arg-type]
        object.__setattr__(self, each.name, value)


_SHARED = {"__repr__": _repr, "__eq__": _eq, "__hash__": None}
_FROZEN = {
    "__hash__": _hash,
    "__setattr__": _refuse_set,
    "__delattr__": _refuse_delete,
    "__getstate__": _state,
    "__setstate__": _restore,
}
