"""Pure: the sources that an answer names, in the shapes of both wires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from codex_py.core.entries import Cited, Source
from codex_py.models.faults import one_line

MOST = 50


def cited(annotations: Iterable[object]) -> Iterator[Cited]:
    """One entry with the pages cited, each once, in the order of the text; none without pages.

    An annotation is `{"type": "url_citation", "url": …, "title": …}`, or has these in an object
    under the name of its type.
    """
    found: dict[str, Source] = {}
    for each in annotations:
        if not isinstance(each, dict):
            continue
        inner = each.get("url_citation")
        told = inner if isinstance(inner, dict) else each
        url, title = told.get("url"), told.get("title")
        if isinstance(url, str) and _web(url):
            name = one_line(title, 200) if isinstance(title, str) else ""
            found.setdefault(url, Source(url, name))
    if found:
        yield Cited(sources=tuple(found.values())[:MOST])


def _web(url: str) -> bool:
    """An address of a page, with nothing in it that a terminal would obey."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isprintable() and " " not in url and len(url) <= 2000
    return plain and parts.scheme in ("http", "https") and bool(parts.netloc)
