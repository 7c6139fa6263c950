"""Pictures as they are sent: kinds, orientation, metadata, limits, and what is no picture."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from codex_py.eyes import Eyes
from codex_py.host.images import ORIGINAL, see, thumbnail
from codex_py.pictures import child, decode
from codex_py.pictures.kinds import NotAnImage, inspect
from codex_py.pictures.steps import parse
from codex_py.pictures.strip import CutOff, strip
from codex_py.pictures.thumb import sixel
from tests.drawn import BLUE, GREEN, RED, WHITE, camera, opened, png_claiming, quarters, saved

KINDS = {"PNG": "png", "JPEG": "jpeg", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tiff"}
PDF = saved(
    quarters(200, 100), "PDF", save_all=True, append_images=[Image.new("RGB", (200, 100), BLUE)]
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="20" height="10" fill="#0000ff"/></svg>'


def work(data: bytes, eyes: Eyes = ORIGINAL) -> tuple[dict[str, object], bytes]:
    """What the child does, in this process."""
    head = {"steps": [], "eyes": {name: getattr(eyes, name) for name in eyes.__slots__}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return child.work(head, [data], decode.prepare({inspect(data).kind}))


def near(data: bytes, at: tuple[int, int], wanted: tuple[int, ...], most: int = 12) -> bool:
    """Whether a pixel has about that colour."""
    pixel = opened(data).convert("RGB").getpixel(at)
    assert isinstance(pixel, tuple)
    return max(abs(a - b) for a, b in zip(pixel, wanted, strict=True)) <= most


@pytest.mark.parametrize("form", KINDS)
def test_every_kind_is_read_and_becomes_one_that_is_sent(form: str) -> None:
    told, data = work(saved(quarters(), form))
    assert (told["kind"], told["width"], told["height"]) == (KINDS[form], 80, 60)
    assert told["media"] in ("png", "jpeg", "webp")
    for at, wanted in (((20, 15), RED), ((60, 15), GREEN), ((20, 45), BLUE), ((60, 45), WHITE)):
        assert near(data, at, wanted)


def test_pages_drawings_and_phone_pictures() -> None:
    told, data = work(PDF)
    assert near(data, (9, 9), RED)
    assert told["kind"] == "pdf"
    told, data = work(SVG)
    assert told["width"] == 2048
    assert near(data, (9, 9), BLUE)
    import pillow_heif

    pillow_heif.register_heif_opener()
    told, data = work(saved(quarters(), "HEIF"))
    assert (told["kind"], told["media"], told["width"]) == ("heic", "jpeg", 80)


def test_a_photo_is_turned_upright_and_tells_neither_place_nor_camera() -> None:
    for form in ("JPEG", "PNG", "WEBP", "TIFF"):
        more = {"comment": b"SecretMaker too"} if form == "JPEG" else {}
        data = saved(quarters(), form, exif=camera(), **more)
        assert b"SecretMaker" in data
        told, found = work(data)
        assert (told["width"], told["height"]) == (60, 80), form
        assert b"SecretMaker" not in found
        assert not opened(found).getexif()
        assert near(found, (5, 5), BLUE), form  # a quarter turn: blue comes up


def test_pixels_that_need_no_change_are_kept_bit_by_bit_without_their_texts() -> None:
    for form, options in (
        ("JPEG", {"comment": b"SecretText"}),
        ("PNG", {}),
        ("WEBP", {"xmp": b"SecretText"}),
    ):
        data = saved(quarters(), form, **options)
        _, found = work(data + (b"SecretText" if form == "JPEG" else b""))
        assert b"SecretText" not in found
        assert opened(found).tobytes() == opened(data).tobytes(), form
        assert found == strip(data, KINDS[form])


@pytest.mark.parametrize(
    ("mode", "colour", "wanted"),
    [
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("I;16", 65_535, WHITE),
        ("I;16", 32_768, (128, 128, 128)),
        ("F", 0.5, (128, 128, 128)),
        ("1", 1, WHITE),
        ("LA", (50, 255), (50, 50, 50)),
    ],
)
def test_every_mode_becomes_colours_as_they_look(
    mode: str, colour: object, wanted: tuple[int, ...]
) -> None:
    form = "PNG" if mode in ("1", "LA") else "TIFF"
    _, found = work(saved(Image.new(mode, (8, 8), colour), form))  # type: ignore[arg-type]
    assert near(found, (4, 4), wanted, 2)


def test_the_first_frame_of_an_animation_is_sent() -> None:
    frames = [Image.new("RGB", (10, 10), BLUE), Image.new("RGB", (10, 10), RED)]
    for form in ("GIF", "PNG", "WEBP"):
        data = saved(frames[1], form, save_all=True, append_images=frames[:1], lossless=True)
        _, found = work(data)
        assert opened(found).convert("RGB").getpixel((5, 5)) == RED, form
        assert getattr(opened(found), "n_frames", 1) == 1, form


def test_a_picture_is_scaled_to_what_the_model_takes() -> None:
    eyes = Eyes("tiles", most=20_000)
    told, _ = work(saved(quarters(6_000, 3_000)))
    assert (told["width"], told["height"], told["original"]) == (4_096, 2_048, [6_000, 3_000])
    told, found = work(saved(quarters(3_000, 2_000), "JPEG"), eyes)
    assert (told["width"], told["height"], told["shrunk"]) == (1_152, 768, True)
    assert told["original"] == [3_000, 2_000]
    noise = Image.effect_noise((600, 600), 90)
    told, found = work(saved(noise), eyes)
    assert len(found) <= 20_000
    assert told["media"] == "jpeg"


# The child itself: a few real runs.


def test_the_child_is_sealed_and_answers_with_hashes_that_stay_the_same() -> None:
    data = saved(quarters())
    one, two = see(data), see(data)
    assert one.data == two.data
    assert hashlib.sha256(one.data).hexdigest() == hashlib.sha256(strip(data, "png")).hexdigest()
    if os.uname().sysname == "Linux":
        assert "seccomp" in one.sealed
    small, width, height = thumbnail(data, 40, 40, "png")
    assert (width, height) == opened(small).size == (40, 30)


def test_every_kind_is_read_by_the_sealed_child() -> None:
    """What is imported late by a decoder would be found missing here, and only here."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    two = {"save_all": True, "append_images": [quarters()]}
    inks = Image.new("CMYK", (80, 60), (0, 255, 255, 0))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = [
        saved(quarters(), "JPEG", exif=camera()), saved(quarters(), "MPO", **two),
        saved(inks, "JPEG", icc_profile=profile.replace(b"sRGB", b"xRGB")), saved(inks, "TIFF", compression="tiff_lzw"),
        saved(quarters().convert("P"), "GIF", transparency=1, **two), saved(quarters().convert("P"), transparency=1),
        saved(quarters(), "WEBP", exif=camera()), saved(quarters(), "BMP"), saved(Image.new("I;16", (80, 60)), "TIFF"),
        saved(quarters(), "HEIF"), SVG, PDF,
    ]  # fmt: skip
    for data in made:
        assert see(data, Eyes(side=50)).width in (38, 50), data[:12]
    steps = [
        "crop 0 0 70 50",
        "rotate 10",
        "edges",
        "grid 20",
        "contrast 2",
        "invert",
        "threshold 9",
    ]
    assert len(see(made[0], steps=parse(steps)).steps) == len(steps)


def test_a_sealed_process_can_open_and_start_nothing() -> None:
    code = (
        "import os, socket\nfrom codex_py_sandbox.seal import seal\nprint(seal())\n"
        "def tried(what):\n"
        "    try:\n        what(); return 'done'\n"
        "    except OSError as error:\n        return type(error).__name__\n"
        "print(tried(lambda: open('/etc/hostname')), tried(lambda: open('/tmp/x', 'w')),\n"
        "      tried(lambda: os.listdir('/')), tried(lambda: os.execv('/bin/true', ['true'])),\n"
        "      tried(lambda: socket.socket()))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    held, told = ran.stdout.splitlines()
    if "landlock" not in held:
        pytest.skip("no Landlock on this kernel")
    assert "done" not in told


BOMB = png_claiming(60_000, 60_000)
HOSTILE = {
    "empty": (b"", "empty"),
    "text": (b"hello, this is no picture", "no picture"),
    "bomb": (BOMB, "3,600,000,000 pixels"),
    "hundred megapixels": (png_claiming(10_000, 10_000), "100,000,000 pixels"),
    "short": (png_claiming(500, 500), "cut off"),
    "cut png": (saved(quarters())[:-20], "cut off|broken"),
    "cut jpeg": (saved(quarters(400, 300), "JPEG")[:-500], "cut off|broken"),
    "cut webp": (saved(quarters(), "WEBP")[:-10], "cut off|broken"),
    "cut gif": (saved(quarters(), "GIF")[:60], "cut off|broken"),
    "cut tiff": (saved(quarters(), "TIFF")[:90], "cut off|broken"),
    "cut pdf": (PDF[:200], "broken or cut off"),
    "bad svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><rect></svg>", "broken or cut off"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_whole_picture_is_told_in_one_line(name: str) -> None:
    data, why = HOSTILE[name]
    with pytest.raises(NotAnImage, match=why) as caught:
        work(data)
    assert "\n" not in str(caught.value)


def test_a_kind_whose_package_is_missing_says_how_to_get_it() -> None:
    top = str(Path(__file__).parents[2])
    code = f"import sys; sys.path.insert(0, {top!r})\nfrom codex_py.pictures.kinds import lacking\n"
    code += "print([lacking(kind) for kind in ('png', 'svg')])"
    bare = [sys.executable, "-S", "-c", code]  # without the packages that are installed
    told = subprocess.run(bare, capture_output=True, text=True, check=True).stdout
    assert "['', \"SVG needs an optional package" in told and "codex-py[pictures]" in told


def test_a_name_must_not_promise_another_kind() -> None:
    with pytest.raises(NotAnImage, match="named PNG but holds JPEG"):
        inspect(saved(quarters(), "JPEG"), "photo.png")
    with pytest.raises(NotAnImage, match="named PNG but no picture"):
        inspect(b"text", "notes.png")
    assert inspect(saved(quarters(), "JPEG"), "photo.JPG").kind == "jpeg"
    assert inspect(saved(quarters()), "photo").kind == "png"


def test_a_bomb_ends_in_the_child_and_not_here() -> None:
    with pytest.raises(NotAnImage, match="pixels"):
        see(BOMB)


@pytest.mark.parametrize("side", [60_000, 10_000])
def test_a_size_that_only_the_decoder_learns_is_checked_too(side: int) -> None:
    tiff = bytearray(saved(quarters(), "TIFF"))
    offset = struct.unpack("<I", tiff[4:8])[0]
    count = struct.unpack("<H", tiff[offset : offset + 2])[0]
    for place in range(offset + 2, offset + 2 + 12 * count, 12):
        if struct.unpack("<H", tiff[place : place + 2])[0] in (256, 257):
            tiff[place + 2 : place + 12] = struct.pack("<HII", 4, 1, side)
    with pytest.raises(NotAnImage, match="pixels"):
        work(bytes(tiff))


SEEDS = [saved(quarters(24, 16), form) for form in KINDS] + [
    saved(quarters(24, 16), "JPEG", exif=camera(), progressive=True),
    saved(quarters(24, 16), "WEBP", lossless=True, exif=camera()),
    saved(quarters(24, 16).convert("P"), "PNG", transparency=3),
]


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_no_bytes_at_all_break_the_loader(data: st.DataObject) -> None:
    """Broken in any place, a picture is decoded or refused; nothing else comes of it."""
    seed = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(0, 4))):
        seed[data.draw(st.integers(0, len(seed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(seed)) | st.just(len(seed)))
    broken = bytes(seed[:cut]) + data.draw(st.binary(max_size=8))
    try:
        told, found = work(broken)
    except NotAnImage as error:
        assert "\n" not in str(error)
        return
    assert opened(found).size == (told["width"], told["height"])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["png", "jpeg", "webp"]), st.sampled_from(SEEDS))
def test_stripping_any_bytes_ends(noise: bytes, kind: str, seed: bytes) -> None:
    for each in (noise, seed[: len(noise)] + noise, seed + noise):
        try:
            strip(each, kind)
        except CutOff:
            continue


def test_sixel_text_is_printable_and_of_the_right_size() -> None:
    text = sixel(quarters(20, 14)).decode("ascii")
    assert text.startswith('\x1bP0;1;0q"1;1;20;14#') and text.endswith("\x1b\\")
    assert all(" " <= each <= "~" for each in text[1:-2])
    assert text.count("-") == 3  # bands of six rows


def test_eyes_count_as_the_providers_tell() -> None:
    tiles = Eyes("tiles", base=85, tile=170)
    assert [tiles.tokens(*each) for each in ((1024, 1024), (2048, 4096), (4096, 8192))] == [
        765,
        1105,
        1105,
    ]
    assert Eyes("tiles", detail="low").tokens(4096, 8192) == 85
    patches = Eyes("patches")
    assert [patches.tokens(*each) for each in ((1024, 1024), (1800, 2400))] == [1024, 1452]
    assert Eyes("patches", factor=1.72).tokens(1024, 1024) == 1762


@given(
    st.integers(1, 65_535),
    st.integers(1, 65_535),
    st.sampled_from(["tiles", "patches", "area"]),
    st.sampled_from(["auto", "low"]),
)
def test_a_size_that_fits_fits_again(width: int, height: int, count: str, detail: str) -> None:
    eyes = Eyes(count, detail=detail)
    size = eyes.fit(width, height)
    assert 1 <= size[0] <= width and 1 <= size[1] <= height
    assert max(size) <= 2_048
    assert eyes.fit(*size) == size
    if count == "patches":
        assert -(-size[0] // 32) * -(-size[1] // 32) <= eyes.cap
