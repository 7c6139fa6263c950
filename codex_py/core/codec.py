"""Pure: entries to JSON data and back; older and newer logs open."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from codex_py.core.entries import (
    KINDS,
    Cited,
    Entry,
    Image,
    Json,
    Part,
    Source,
    Text,
    ToolResult,
    Unknown,
    Usage,
    User,
)


def plain(entry: Entry) -> Json:
    """An entry as JSON data; fields that hold their default are left out."""
    if isinstance(entry, Unknown):
        return {key: value for key, value in entry.data.items() if key != "chain"}
    found: Json = {"kind": entry.kind, "n": entry.n, "at": round(entry.at, 3)}
    for each in fields(entry):
        value = getattr(entry, each.name)
        if each.name in ("n", "at") or value is None or value in ("", {}, ()):
            continue
        if each.name == "retries" and not value:
            continue
        if each.name == "parts":
            value = [_plain_part(part) for part in value]
        elif each.name == "sources":
            value = [{"url": one.url, "title": one.title} for one in value]
        elif isinstance(value, Usage):
            value = plain_usage(value)
        found[each.name] = value
    return found


def plain_usage(usage: Usage) -> Json:
    """Token counts as JSON data."""
    return {each.name: getattr(usage, each.name) for each in fields(usage)}


def usage_of(data: Json) -> Usage:
    """The counts that `plain_usage` wrote, by this or another version."""
    names = [each.name for each in fields(Usage) if isinstance(data.get(each.name), (int, float))]
    return Usage(**{name: data[name] for name in names})


def _plain_part(part: Part) -> Json:
    if isinstance(part, Text):
        return {"text": part.text}
    found = {each.name: getattr(part, each.name) for each in fields(part)}
    return {"image": found.pop("blob"), **{key: value for key, value in found.items() if value}}


def revive(data: Json) -> Entry:
    """The entry that `plain` wrote; unknown kinds and unreadable lines become Unknown.

    Fields of a later version are dropped, so an older program opens a newer log.
    """
    kind = KINDS.get(str(data.get("kind")))
    if kind is None:
        return _unknown(data)
    names = {each.name for each in fields(kind)}
    given = {key: value for key, value in data.items() if key in names}
    shapes = _typed(kind)
    if any(name in shapes and not isinstance(given[name], shapes[name]) for name in given):
        return _unknown(data)
    try:
        if "parts" in given:
            given["parts"] = tuple(_part(part) for part in given["parts"])
        elif kind in (User, ToolResult):
            given["parts"] = ()
        if "sources" in given or kind is Cited:
            given["sources"] = tuple(Source(**one) for one in given.get("sources", ()))
        if kind is ToolResult and "data" in given:
            given["data"] = {key: x for key, x in given["data"].items() if _whole(key, x)}
        if "at" in given:
            given["at"] = _time(given["at"])
        if "usage" in given:
            given["usage"] = usage_of(given["usage"])
        for name in _LISTS & given.keys():
            given[name] = tuple(str(each) for each in given[name])
        for name in _TUPLES & given.keys():
            given[name] = tuple(tuple(x) if isinstance(x, list) else x for x in given[name])
        for name in _TEXTS & names:
            given.setdefault(name, "")
        return kind(**given)
    except (TypeError, KeyError, AttributeError):
        return _unknown(data)


_TEXTS = {"text", "name", "summary", "arguments", "value", "cwd"}
_TUPLES = {"left", "paths", "lost", "calls", "kept", "failed"}

_SHAPES = {"str": str, "int": int, "float": (int, float), "bool": bool, "Json": dict}
_TYPED: dict[type[Entry | Image], dict[str, Any]] = {}


def _typed(kind: type[Entry | Image]) -> dict[str, Any]:
    """What the simple fields of a kind must be: a log may come from anybody."""
    found = _TYPED.get(kind)
    if found is None:
        types = {each.name: str(each.type) for each in fields(kind)}
        words = {"Verdict": "str", "By": "str", "Reason": "str"}
        told = {name: words.get(text, text) for name, text in types.items()}
        found = {name: _SHAPES[text] for name, text in told.items() if text in _SHAPES}
        _TYPED[kind] = found
    return found


_LISTS = {"said", "files", "opened"}


def _whole(key: str, value: Any) -> bool:
    """Whether a fact of a result that everybody reads has its shape."""
    if key not in ("changes", "denied"):
        return True
    return isinstance(value, (list, tuple)) and all(isinstance(each, dict) for each in value)


def _time(at: Any) -> float:
    """A time that has a date; 0 for what has none."""
    return float(at) if isinstance(at, (int, float)) and 0 <= at < 1e11 else 0.0


def _unknown(data: Json) -> Unknown:
    n = data.get("n")
    return Unknown(
        n=n if isinstance(n, int) else -1,
        at=_time(data.get("at")),
        data=data,
    )


def _part(data: Json) -> Part:
    if "image" not in data:
        return Text(str(data["text"]))
    given = {**data, "blob": data["image"]}
    given = {each.name: given[each.name] for each in fields(Image) if each.name in given}
    shapes = _typed(Image)
    if any(not isinstance(value, shapes[key]) for key, value in given.items()):
        raise TypeError("a picture has words and sizes")
    return Image(**given)
