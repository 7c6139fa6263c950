"""Which clauses claim something at all: a linear model over words, learnt from labelled sentences.

Patterns read what they were written for; people word the same claim in endless ways. The
weights lie beside the patterns, a file a language (`en.weights.json`), and are made anew by
`benchmarks/claims.py` from tests/receipts: nothing here is written by hand but the features.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from codex_py.core.receipt.log.runs import KNOWN
from codex_py.core.receipt.message.prose import CODE

LABELS = ("tests", "ran", "time", "count", "url")
"""What is told apart; files, names and hashes are read by their form."""

TOKEN = re.compile(
    r"[A-Za-z]+(?:['’][a-z]+)?|\d+(?:[.,]\d+)*|[✅✔✓☑×%→?:()|=/]|[\u4e00-\u9fff]+|[—–]"
)


def score(text: str, language: str) -> dict[str, float]:
    """The log-odds of each label for a clause."""
    bias, weights = _put.get(language) or _load(language)
    sums = list(bias)
    for feature in set(features(text, language)):
        for place, weight in weights.get(feature, ()):
            sums[place] += weight
    return dict(zip(LABELS, sums, strict=True))


def features(text: str, language: str) -> Iterator[str]:
    """What a clause is seen as: its words, pairs and endings, code and numbers as their kind."""
    words = list(_words(text))
    if language == "zh":
        yield from _characters(words)
        return
    yield from words
    for word in words:
        if len(word) > 4:
            yield f"~{word[:5]}"
            yield from (f"-{end}" for end in ("ed", "ing", "s", "ly") if word.endswith(end))
    framed = ["^", *words, "$"]
    yield from (f"{one} {two}" for one, two in pairwise(framed))
    yield from (f"{one} _ {two}" for one, two in zip(framed, framed[2:], strict=False))
    yield f"#{min(len(words) // 4, 5)}"
    if words:
        yield f"^-{words[0][-2:]}"


def _characters(words: list[str]) -> Iterator[str]:
    for size in (1, 2, 3):
        yield from ("".join(words[at : at + size]) for at in range(len(words) - size + 1))
    yield "^" + "".join(words[:2])
    yield f"#{min(len(words) // 6, 5)}"


def _words(text: str) -> Iterator[str]:
    for found in TOKEN.finditer(CODE.sub(_code, text)):
        word = found[0]
        if word[0].isdigit():
            yield "0"
        elif "\u4e00" <= word[0] <= "\u9fff":
            yield from word
        else:
            yield word.lower().replace("’", "'")


def _code(found: re.Match[str]) -> str:
    inner = found[2].strip()
    if KNOWN.match(inner) or inner.startswith("./"):
        return " cmdspan "
    if "/" in inner or re.search(r"\.\w{1,4}$", inner):
        return " pathspan "
    return " flagspan " if inner.startswith("-") else " codespan "


Weights = tuple[list[float], dict[str, list[tuple[int, float]]]]
"""What each label starts from, and what each feature adds to which."""
_put: dict[str, Weights] = {}


def put(weights: dict[str, Weights]) -> None:
    """Use these weights instead of the files': for learning only."""
    _put.clear()
    _put.update(weights)


@cache
def _load(language: str) -> Weights:
    text = Path(__file__).with_name(f"{language}.weights.json").read_text("utf-8")
    return parsed(json.loads(text))


def parsed(data: dict[str, Any]) -> Weights:
    """Weights as they are used, from the data of a file of them."""
    weights: dict[str, list[tuple[int, float]]] = {}
    for place, label in enumerate(LABELS):
        for feature, weight in data[label]["weights"].items():
            weights.setdefault(feature, []).append((place, weight))
    return [data[label]["bias"] for label in LABELS], weights
