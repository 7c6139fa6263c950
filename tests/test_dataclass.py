"""The quick `dataclass`: what it promises is what the standard one does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Quick:
    """With every kind of field there is."""

    a: int
    b: str = "b"
    c: dict[str, int] = field(default_factory=dict)
    key: str = field(default="", repr=False)
    d: Any = field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Plain:
    """The same, made by the standard library."""

    a: int
    b: str = "b"
    c: dict[str, int] = field(default_factory=dict)
    key: str = field(default="", repr=False)
    d: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Quick):
    """A child whose own fields are given by name."""

    e: int = 5
    f: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Loose:
    """One that may change."""

    a: int = 1


GIVEN: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((1, "x"), {"c": {"k": 1}}),
    ((), {"a": 1, "key": "secret", "d": "other"}),
]


@pytest.mark.parametrize(("args", "kwargs"), GIVEN)
def test_values_are_made_shown_and_compared_as_with_the_standard_one(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    quick, plain = Quick(*args, **kwargs), Plain(*args, **kwargs)
    assert dataclasses.asdict(quick) == dataclasses.asdict(plain)
    assert repr(quick).replace("Quick", "Plain") == repr(plain)
    assert "secret" not in repr(quick)
    for other_args, other_kwargs in GIVEN:
        same = plain == Plain(*other_args, **other_kwargs)
        assert (quick == Quick(*other_args, **other_kwargs)) is same
    assert quick != plain
    assert Quick(1, d="other") == Quick(1)


def test_frozen_ones_refuse_to_change_and_loose_ones_do() -> None:
    for change in (lambda: setattr(Quick(1), "a", 2), lambda: delattr(Quick(1), "a")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    with pytest.raises(AttributeError):
        Loose().unknown = 1
    loose = Loose()
    loose.a = 2
    assert loose == Loose(2)
    assert Loose.__hash__ is None


def test_wrong_arguments_are_told_by_name() -> None:
    for make in (lambda: Quick(), lambda: Quick(1, z=1), lambda: Named(1, "b", {}, "", None, 6)):  # type: ignore[call-arg,misc]
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            make()


def test_fields_replace_hash_copy_pickle_and_children_work() -> None:
    one = Named(1, e=7, f=[1])
    assert [each.name for each in dataclasses.fields(one)] == ["a", "b", "c", "key", "d", "e", "f"]
    assert dataclasses.replace(one, b="y") == Named(1, "y", e=7, f=[1])
    assert copy.deepcopy(one) == copy.copy(one) == pickle.loads(pickle.dumps(one)) == one
    assert one != Quick(1)
    assert Quick(1).c is not Quick(1).c
    assert len({Point(1), Point(1), Point(2)}) == 2
    match Quick(3, "m"):
        case Quick(a, b):
            assert (a, b) == (3, "m")


@dataclass(frozen=True, slots=True)
class Point:
    """Hashable."""

    x: int
