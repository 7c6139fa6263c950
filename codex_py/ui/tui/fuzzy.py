"""Pure: which of many names fit a few typed letters, best first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence


def score(query: str, name: str) -> int | None:
    """How badly a lower-case query fits a lower-case name; None when it does not.

    The letters must come in order. Letters together, at word starts and in the last part of a
    path fit better; a short name fits better than a long one.
    """
    if not query:
        return len(name)
    base = name.rstrip("/").rfind("/") + 1
    place = name.find(query, base)
    if place >= 0:
        starts = place == base or not name[place - 1].isalnum()
        whole = name[base:].rstrip("/") == query
        return (0 if whole else 10 if place == base else 40 if starts else 100) + len(name)
    place = name.find(query)
    if place >= 0:
        starts = place == 0 or not name[place - 1].isalnum()
        return (200 if starts else 300) + len(name)
    loose = _loose(query, name, base)
    if loose is None:
        loose = _loose(query, name, 0)
        return None if loose is None else 2_000 + loose + len(name)
    return 1_000 + loose + len(name)


def _loose(query: str, name: str, begin: int) -> int | None:
    at, cost, last = begin, 0, begin - 1
    for letter in query:
        at = name.find(letter, at)
        if at < 0:
            return None
        cost += (at - last - 1) * 4
        last, at = at, at + 1
    return cost


def best(query: str, names: Iterable[str], most: int) -> list[str]:
    """The best-fitting names, at most so many."""
    asked = query.lower()
    found = ((score(asked, name.lower()), name) for name in names)
    return [
        name for _, name in heapq.nsmallest(most, (each for each in found if each[0] is not None))
    ]


def narrowed(query: str, names: Sequence[str]) -> list[str]:
    """The names that hold the query's letters in order: what a longer query can still fit."""
    found: list[str] = []
    for name in names:
        lower, at = name.lower(), 0
        for letter in query:
            at = lower.find(letter, at) + 1
            if not at:
                break
        else:
            found.append(name)
    return found
