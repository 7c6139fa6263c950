"""Pictures within bounds: repeated looks, the turn's limit, old ones leaving in steps."""

from __future__ import annotations

from dataclasses import replace

from codex_py.core.entries import (
    Compacted,
    Entry,
    Image,
    Sampled,
    Text,
    ToolCall,
    ToolResult,
    TurnEnded,
    Usage,
    User,
    words,
)
from codex_py.core.pictures import SAME, bounded, shed, spent
from codex_py.core.request import project


def image(blob: str, tokens: int = 1_000) -> Image:
    return Image(blob * 32, "image/png", f"{blob}.png", 100, 80, tokens=tokens)


def looked(n: int, blob: str, tokens: int = 1_000) -> list[Entry]:
    """A call of view_image, its result with the picture, at lines n and n + 1."""
    parts = (Text(f"{blob}.png: 100 x 80"), image(blob, tokens))
    return [
        ToolCall(n=n, call_id=f"c{n}", name="view_image", arguments="{}"),
        ToolResult(n=n + 1, call_id=f"c{n}", ok=True, parts=parts),
    ]


def sampled(n: int, used: int) -> Sampled:
    return Sampled(n=n, model="m", usage=Usage(input=used))


def blobs(entries: tuple[Entry, ...]) -> list[str]:
    return [
        part.blob[0]
        for entry in entries
        if isinstance(entry, (User, ToolResult))
        for part in entry.parts
        if isinstance(part, Image)
    ]


def test_the_same_look_again_is_said_and_not_sent() -> None:
    log = [User(n=0, parts=(Text("see"), image("a"))), *looked(1, "b")]
    again = looked(9, "b")[1]
    assert isinstance(again, ToolResult)
    assert bounded(log, again, 0, 0).parts == (again.parts[0], Text(SAME))
    assert bounded(log, replace(again, parts=(image("a"),)), 0, 0).parts == (Text(SAME),)
    other = looked(9, "c")[1]
    assert isinstance(other, ToolResult)
    assert bounded(log, other, 0, 0) == other
    twice = replace(other, parts=(image("c"), image("c")))
    assert bounded(log, twice, 0, 0).parts == (image("c"), Text(SAME))


def test_the_pictures_of_one_turn_have_a_limit() -> None:
    old = [User(n=0, parts=(image("a", 9_000),)), TurnEnded(n=1, reason="done")]
    log = [*old, User(n=2, parts=(image("b", 600),))]
    assert spent(log) == 600
    new = ToolResult(
        n=5, call_id="c", ok=True, parts=(image("c", 300), image("d", 300), image("e", 100))
    )
    kept = bounded(log, new, 1_000, 0).parts
    assert [each.blob[0] if isinstance(each, Image) else "-" for each in kept] == ["c", "-", "e"]
    assert "image_tokens_per_turn" in words(kept) and "1,000" in words(kept)
    assert bounded(log, new, 0, 0) == new


def test_old_pictures_leave_in_steps_and_their_notes_stay() -> None:
    """Between two steps the request only grows: the provider's cache holds."""
    log: list[Entry] = [User(n=0, parts=(Text("go"), image("a")))]
    requests: list[tuple[Entry, ...]] = []
    gone: list[int] = []
    for number, used in enumerate([1_000, 2_000, 7_000, 7_500, 7_900, 9_000, 9_500]):
        at = 10 * (number + 1)
        log += [sampled(at, used), *looked(at + 1, "bcdefgh"[number])]
        requests.append(shed(project(log), log, 10_000))
        gone.append(8 - (6 - number) - len(blobs(requests[-1])))
    assert gone == [0, 0, 1, 2, 3, 4, 5]
    # Nothing leaves while little would be freed: small pictures gather first.
    log = [User(n=0, parts=(Text("go"), image("a", 100)))]
    steps = []
    for number in range(14):
        at = 10 * (number + 1)
        log += [sampled(at, 9_000), *looked(at + 1, "bcdefghijklmno"[number], 100)]
        now = shed(project(log), log, 10_000)
        steps.append(len(blobs(now)))
        if len(steps) > 1 and steps[-1] > steps[-2]:
            assert now[: len(requests[-1])] == requests[-1]
        requests.append(now)
    assert steps == [2, 3, 4, 5, 6, 7, 3, 4, 5, 6, 7, 3, 4, 5]
    left = next(entry for entry in requests[-1] if isinstance(entry, User))
    assert "a.png (100 x 80) was left out" in words(left.parts) and "kept:aaaaaaaa " in words(
        left.parts
    )
    assert words(left.parts).startswith("go\n")
    assert len(blobs(tuple(log))) == 15  # the log has them all


def test_a_window_that_is_not_known_or_not_full_changes_nothing() -> None:
    log = [User(n=0, parts=(image("a"),)), *looked(1, "b"), *looked(4, "c"), sampled(7, 9_000)]
    assert shed(project(log), log, 0) == project(log)
    assert shed(project(log), log, 100_000) == project(log)
    assert blobs(shed(project(log), log, 10_000)) == ["b", "c"]
    summed = [*log, Compacted(n=8, summary="s", keep_from=4)]
    assert blobs(shed(project(summed), summed, 10_000)) == ["c"]
