"""Pure: does a text hold what looks like a key or a password."""

from __future__ import annotations

import math
import re
from collections import Counter

KNOWN = re.compile(
    r"sk-[A-Za-z0-9_-]{12,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}"
    r"|AKIA[0-9A-Z]{12,}|AIza[\w-]{30,}|xox[abprs]-[\w-]{10,}|hf_[A-Za-z0-9]{20,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY|npm_[A-Za-z0-9]{20,}"
    r"|[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@"
)
NAMED = re.compile(
    r"(?i)(passw(or)?d|passphrase|secret|token|api[-_ ]?key|credential|auth)\w*\s*"
    r"(=|:|\bis\b)\s*['\"]?(?P<value>[^\s'\"]{4,})"
)
HEADER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._-]{12,}")
WORD = re.compile(r"[A-Za-z0-9+/=_-]{24,}")


def secret(text: str) -> bool:
    """Whether a text should not be written to a history: keys by shape, name or randomness."""
    if KNOWN.search(text) or HEADER.search(text) or NAMED.search(text):
        return True
    return any(_random(each) for each in WORD.findall(text))


def _random(word: str) -> bool:
    if "/" in word and word.count("/") > 1:
        return False
    digits = sum(each.isdigit() for each in word)
    letters = sum(each.isalpha() for each in word)
    if not letters or digits < 3:
        return False
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f-]{36}", word):
        return False
    counts = Counter(word)
    bits = -sum(n / len(word) * math.log2(n / len(word)) for n in counts.values())
    return bits > 3.6
