"""Pure: how wide text is in a terminal, and where to break it.

Where terminals differ the wider answer is taken: a line may end early, never too late.
"""

from __future__ import annotations

import re
import unicodedata

JOINER, EMOJI_STYLE = "\u200d", "\ufe0f"
IDEOGRAPHS = "\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff60"
WORD = re.compile(rf"[{IDEOGRAPHS}]\s*|[^\s{IDEOGRAPHS}]+\s*|\s+")
"""What stays on one line: words with the spaces after them; each ideograph is one."""


def emoji(each: str) -> bool:
    """Whether a character is a picture."""
    return "\u2600" <= each <= "\u27bf" or "\U0001f000" <= each <= "\U0001faff"


def clusters(text: str) -> list[tuple[int, int]]:
    """Where each character that is seen begins, with all that joins it, and its cells."""
    from wcwidth import wcwidth  # late: its tables are large

    found: list[tuple[int, int]] = []
    flag = False
    for at, each in enumerate(text):
        size = 1 if " " <= each <= "~" else max(0, wcwidth(each))
        last = text[at - 1] if at else ""
        half = "\U0001f1e6" <= each <= "\U0001f1ff"
        if size == 0 and found and unicodedata.category(each) == "Mc":
            # Vowel signs of Indic scripts: they join, but take a place of their own.
            found[-1] = (found[-1][0], found[-1][1] + 1)
        elif each == EMOJI_STYLE and found and found[-1][1] == 1:
            found[-1] = (found[-1][0], 2)
        elif found and (size == 0 or (last == JOINER and emoji(each)) or (half and flag)):
            found[-1] = (found[-1][0], max(found[-1][1], size))
        else:
            found.append((at, 2 if half else size))
        flag = half and not flag
    return found


def cells(text: str) -> int:
    """The width of a line."""
    if text.isascii():
        return len(text)
    return sum(size for _, size in clusters(text))


def cuts(text: str, room: int) -> list[int]:
    """Where to cut a line so that no piece is wider than `room` cells."""
    if text.isascii():
        return list(range(room, len(text), room))
    found: list[int] = []
    used = 0
    for start, size in clusters(text):
        if used + size > room and start:
            found.append(start)
            used = 0
        used += size
    return found


def breaks(text: str, room: int) -> list[int]:
    """Where to break a line between words; a word wider than `room` is cut."""
    found: list[int] = []
    used = 0
    for word in WORD.finditer(text):
        size = cells(word[0].rstrip())
        if used and used + size > room:
            found.append(word.start())
            used = 0
        if size > room:
            inner = cuts(word[0].rstrip(), room)
            found += [word.start() + cut for cut in inner]
            used = cells(word[0][inner[-1] :])
        else:
            used += cells(word[0])
    return found


def ending(text: str, room: int) -> int:
    """Where the end of a line begins that is at most `room` cells wide."""
    start = len(text)
    for begin, size in reversed(clusters(text)):
        if size > room:
            break
        room, start = room - size, begin
    return start
