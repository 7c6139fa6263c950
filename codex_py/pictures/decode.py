"""Bytes become pixels, upright, in the child that may do nothing else."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codex_py.dataclass import dataclass
from codex_py.pictures.kinds import EXTRA, PIXELS, NotAnImage, inspect, too_many
from codex_py.pictures.strip import whole

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = {"png": "PNG", "jpeg": "JPEG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP", "tiff": "TIFF"}
NEEDED = (
    "ImageChops", "ImageCms", "ImageFile", "ImageFilter", "ImageMath", "ImageOps", "ImagePalette",
    "ImageSequence", "ImageTransform", "MpoImagePlugin", "TiffImagePlugin",
)  # fmt: skip
"""Parts of Pillow that it imports when first needed: in the sealed child that is too late."""
DRAWN = 2_048
"""Pixels of the longer side of a page or drawing that has no size in pixels of its own."""


def prepare(kinds: set[str]) -> dict[str, Any]:
    """Import what some kinds and steps need: afterwards nothing can be imported any more."""
    from PIL import Image, ImageFont  # late: the child alone loads Pillow

    Image.preinit()
    for name in NEEDED:
        importlib.import_module(f"PIL.{name}")
    if "webp" in kinds:
        importlib.import_module("PIL.WebPImagePlugin")
    if "grid" in kinds:
        importlib.import_module("PIL.ImageDraw")
        ImageFont.load_default(12)
    Image.MAX_IMAGE_PIXELS = PIXELS
    found: dict[str, Any] = {}
    for kind, module in EXTRA.items():
        if kind in kinds:
            try:
                found[kind] = importlib.import_module(module)
            except (ImportError, OSError):
                found[kind] = None
    return found


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture upright, in one of the modes 1, L, LA, P, RGB and RGBA."""

    image: Image
    kind: str
    same: bool
    """Its pixels are just those in the file."""
    original: tuple[int, int]
    """Its own size, upright: a large photo may come out smaller."""


def decode(
    data: bytes,
    extras: dict[str, Any],
    page: int = 1,
    enough: Callable[[int, int], tuple[int, int]] | None = None,
) -> Decoded:
    """The picture in some bytes. Raises NotAnImage with the reason.

    Where `enough` tells the size that will be wanted, a photo is not decoded much larger.
    """
    from PIL import Image, ImageOps  # late: the child alone loads Pillow

    kind = inspect(data).kind
    if kind in extras and extras[kind] is None:
        raise NotAnImage(f"the package that decodes {kind.upper()} cannot be loaded")
    try:
        image, drawn = _opened(data, kind, extras, page)
        if image.width * image.height > PIXELS:
            raise NotAnImage(too_many(image.width, image.height))
        size = image.size
        if enough is not None and kind == "jpeg":
            wide, high = enough(*size)
            image.draft(None, (wide * 3 // 2, high * 3 // 2))
        image.load()
        if kind == "png" and _dark(image) and not whole(data):
            raise NotAnImage("it is cut off")
        orientation = image.getexif().get(0x0112) or 1
        turned = orientation not in (0, 1)
        upright = ImageOps.exif_transpose(image) if turned else image
    except NotAnImage:
        raise
    except Image.DecompressionBombError:
        raise NotAnImage(f"it has far more than {PIXELS:,} pixels, which are not decoded") from None
    except MemoryError:
        raise NotAnImage("decoding it needs too much memory") from None
    except Exception as error:
        told = " ".join(str(error).split())[:120] or type(error).__name__
        raise NotAnImage(f"it is broken or cut off ({told})") from None
    plain, same = _plain(upright)
    frames = getattr(image, "n_frames", 1) > 1
    original = size[::-1] if orientation in (5, 6, 7, 8) else size
    same = same and size == image.size and not (turned or drawn or frames)
    return Decoded(plain, kind, same, original)


def _dark(image: Image) -> bool:
    """Whether the last row is all zeros, as it is when the rows ended before."""
    last = image.crop((0, image.height - 1, image.width, image.height))
    return last.getbbox(alpha_only=False) is None


def _opened(data: bytes, kind: str, extras: dict[str, Any], page: int) -> tuple[Image, bool]:
    from PIL import Image  # late: the child alone loads Pillow

    if kind == "svg":
        return _svg(data, extras[kind]), True
    if kind == "pdf":
        return _pdf(data, extras[kind], page), True
    if kind == "heic":
        extras[kind].register_heif_opener()
        return Image.open(io.BytesIO(data), formats=("HEIF",)), True
    image = Image.open(io.BytesIO(data), formats=(FORMATS[kind],))
    if page > 1:
        if image.width * image.height > PIXELS:
            raise NotAnImage(too_many(image.width, image.height))
        try:
            image.seek(page - 1)
        except EOFError:
            pages = getattr(image, "n_frames", 1)
            raise NotAnImage(f"there is no page {page}: it has {pages}") from None
    return image, page > 1


def _svg(data: bytes, resvg: Any) -> Image:
    from PIL import Image  # late: the child alone loads Pillow

    text = data.decode("utf-8", "replace")
    given = {"svg_string": text}
    # A size of the drawing's own comes first; what is tiny or huge is drawn again to be seen well.
    first = Image.open(io.BytesIO(bytes(resvg.svg_to_bytes(**given, width=64))), formats=("PNG",))
    tall = first.height > first.width
    size = {"height": DRAWN} if tall else {"width": DRAWN}
    drawn = bytes(resvg.svg_to_bytes(**given, **size))
    return Image.open(io.BytesIO(drawn), formats=("PNG",))


def _pdf(data: bytes, pdfium: Any, page: int) -> Image:
    document = pdfium.PdfDocument(data)
    count = len(document)
    if not 1 <= page <= count:
        raise NotAnImage(f"there is no page {page}: it has {count}")
    found = document[page - 1]
    longer = max(found.get_size()) or 1.0
    image: Image = found.render(scale=min(8.0, DRAWN / longer)).to_pil()
    return image


def _plain(image: Image) -> tuple[Image, bool]:
    """The picture in a mode that can be sent; whether its pixels stayed as they were."""
    profile = image.info.get("icc_profile")
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        small = image.mode == "F" and float(str(image.getextrema()[1])) <= 1
        top = 1.0 if small else 65_535.0
        return image.convert("F").point(lambda v: v * (255.0 / top) + 0.0).convert("L"), False
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        alpha = image.mode in ("PA", "La", "RGBa")
        return _coloured(image, profile, "RGBA" if alpha else "RGB"), False
    if profile and b"sRGB" not in profile:
        return _coloured(image, profile, image.mode), False
    return image, True


def _coloured(image: Image, profile: bytes | None, mode: str) -> Image:
    """Colours as sRGB, from the profile the picture brings."""
    from PIL import ImageCms  # late: the child alone loads Pillow

    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            brought = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(image, brought, srgb, outputMode="RGB")
            if turned is not None:
                return turned
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert(mode) if image.mode != mode else image
