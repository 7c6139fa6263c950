"""Steps on pictures: their words, and the pixels and coordinates that come of them."""

from __future__ import annotations

import pytest
from PIL import Image

from codex_py.pictures.steps import MOST, Impossible, Step, WrongStep, parse
from codex_py.pictures.view import View, apply, where
from tests.drawn import BLUE, GREEN, RED, WHITE, quarters


def done(
    *words: str, image: Image.Image | None = None, others: tuple[Image.Image, ...] = ()
) -> tuple[View, list[str]]:
    return apply(image or quarters(), parse(words), others)


def test_words_become_steps_and_wrong_ones_are_told_the_form() -> None:
    assert parse(["CROP 1, 2, 30 40", "beside my file.png", "flip vertical", "gray"]) == (
        Step("crop", (1, 2, 30, 40)), Step("beside", word="my file.png"),
        Step("flip", word="v"), Step("grey"),
    )  # fmt: skip
    for wrong in (
        "crop 1 2 3", "crop 1 2 0 5", "zoom", "zoom 0", "zoom 33", "zoom nan", "zoom inf", "turn 90",
        "flip x", "threshold 256", "grid 1", "grey 1", "diff", "page 0", "rotate x", "crop 1e9 0 1 1",
    ):  # fmt: skip
        with pytest.raises(WrongStep, match=r"write `|there is no step"):
            parse([wrong])
    with pytest.raises(WrongStep, match="first"):
        parse(["grey", "page 2"])
    with pytest.raises(WrongStep, match="too many"):
        parse(["grey"] * (MOST + 1))


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """Top left, top right, bottom left, bottom right: one pixel inside."""
    right, bottom = image.width - 2, image.height - 2
    return [image.getpixel(at) for at in ((1, 1), (right, 1), (1, bottom), (right, bottom))]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("words", "size", "wanted"),
    [
        ("rotate 90", (60, 80), [BLUE, RED, WHITE, GREEN]),
        ("rotate 180", (80, 60), [WHITE, BLUE, GREEN, RED]),
        ("rotate 270", (60, 80), [GREEN, WHITE, RED, BLUE]),
        ("rotate -90", (60, 80), [GREEN, WHITE, RED, BLUE]),
        ("rotate 360", (80, 60), [RED, GREEN, BLUE, WHITE]),
        ("flip h", (80, 60), [GREEN, RED, WHITE, BLUE]),
        ("flip v", (80, 60), [BLUE, WHITE, RED, GREEN]),
        ("zoom 2", (160, 120), [RED, GREEN, BLUE, WHITE]),
        ("crop 40 30 40 30", (40, 30), [WHITE] * 4),
        ("invert", (80, 60), [(0, 255, 255), (255, 0, 255), (255, 255, 0), (0, 0, 0)]),
        ("grey", (80, 60), [(76,) * 3, (150,) * 3, (29,) * 3, WHITE]),
        ("threshold 100", (80, 60), [(0,) * 3, WHITE, (0,) * 3, WHITE]),
        ("contrast 0", (80, 60), [(128,) * 3] * 4),
    ],
)
def test_each_step_does_what_it_says(
    words: str, size: tuple[int, int], wanted: list[object]
) -> None:
    view, told = done(words)
    assert view.image.size == size
    assert corners(view.image) == wanted
    assert told == [f"{parse([words])[0]} -> {size[0]} x {size[1]}"]


def test_a_crop_counts_in_pixels_of_the_original_after_any_other_step() -> None:
    """Whatever came before, the same four numbers cut out the same thing."""
    plain = quarters()
    plain.paste((9, 9, 9), (50, 10, 60, 16))
    for before in ([], ["zoom 3"], ["rotate 90"], ["flip h", "rotate 270"], ["zoom 2", "flip v"]):
        view, told = done(*before, "crop 50 10 10 6", image=plain)
        middle = (view.image.width // 2, view.image.height // 2)
        assert view.image.getpixel(middle) == (9, 9, 9), before
        assert sorted(view.origin(0, 0) + view.origin(*view.image.size)) == pytest.approx(
            [10, 16, 50, 60]
        )
        assert f"{view.image.width} x {view.image.height}" in told[-1]
    turned, _ = done("rotate 45", "crop 50 10 10 6", image=plain)
    assert turned.image.getpixel((turned.image.width // 2, turned.image.height // 2)) == (9, 9, 9)


def test_what_is_shown_is_tied_to_the_original() -> None:
    view, _ = done("crop 10 20 30 40", "zoom 2")
    assert where(view) == "shows original x 10 to 40, y 20 to 60; 1 original pixel is 2 shown"
    assert view.at(10, 20) == (0, 0)
    turned, _ = done("rotate 90")
    assert where(turned) == "top left is original 0,60; bottom right is original 80,0"


def test_a_crop_is_cut_at_the_edge_and_refused_outside() -> None:
    view, told = done("crop 70 50 100 100")
    assert view.image.size == (10, 10)
    assert told == ["crop 70 50 100 100 -> 10 x 10 (cut at the picture's edge)"]
    with pytest.raises(Impossible, match="outside the picture, which shows original x 0 to 80"):
        done("crop 80 0 5 5")
    with pytest.raises(Impossible, match="crop first"):
        done("zoom 32", "zoom 32")


def test_a_grid_lies_on_the_pixels_it_names() -> None:
    white = Image.new("RGB", (100, 80), WHITE)
    view, told = done("crop 10 0 90 80", "zoom 2", "grid 25", image=white)
    for x in (25, 50, 75):  # original columns, away from the labels at the top
        assert view.image.getpixel((2 * (x - 10), 30)) == (255, 0, 128)
        assert view.image.getpixel((2 * (x - 10) + 4, 90)) == WHITE
    assert view.image.getpixel((100, 50)) == (255, 0, 128)  # original row 25
    assert "lines, labelled in original pixels" in told[-1]
    with pytest.raises(Impossible, match="at most"):
        done("grid 2", image=Image.new("RGB", (2_000, 2_000)))


def test_two_pictures_side_by_side_and_their_difference() -> None:
    other = quarters()
    other.paste((0, 0, 0), (60, 40, 70, 50))
    both, told = done("beside b.png", others=(other,))
    assert both.image.size == (168, 60)
    assert both.image.getpixel((88 + 65, 45)) == (0, 0, 0)
    assert "begins at shown x 88" in told[0]
    apart, told = done("diff b.png", others=(other,))
    assert apart.image.getbbox() == (60, 40, 70, 50)
    assert apart.image.getpixel((65, 45)) == WHITE
    assert "2.1% of the pixels differ" in told[0]
    assert "x 60 to 70, y 40 to 50" in told[0]
    assert "no pixel differs" in done("diff b.png", others=(quarters(),))[1][0]
    smaller = other.resize((40, 30), Image.Resampling.NEAREST)
    assert "was 40 x 30 and was scaled" in done("diff b.png", others=(smaller,))[1][0]


def test_edges_are_where_colours_meet() -> None:
    view, _ = done("edges")
    assert view.image.getpixel((20, 10)) == (0, 0, 0)
    assert view.image.getpixel((40, 10)) != (0, 0, 0)
