"""Photos that members send with an answer: made anew, so that nothing but the picture is kept.

Where a picture was taken, when and with what stands in its EXIF data; none of that is taken over.
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from portal.refusals import Refusal

LARGEST = 8 * 1024 * 1024  # bytes of an upload
LONG_SIDE = 1600  # pixels
KINDS = ("JPEG", "PNG", "WEBP")
# Pixels that are unpacked at all. A JPEG is scaled down while it is read, the others are not.
MOST_PIXELS = {"JPEG": 64_000_000, "PNG": 25_000_000, "WEBP": 25_000_000}


class BadPhoto(Refusal):
    """The file is no photo that can be taken."""


def made_anew(data: bytes, long_side: int = LONG_SIDE, quality: int = 80) -> bytes:
    """A photo as a JPEG of at most `long_side` pixels, upright, without data beside the picture.

    Raises BadPhoto for what is too large, of another kind, or damaged.
    """
    if len(data) > LARGEST:
        raise BadPhoto("照片超过 8 MB，请压缩后再传。", field="photo")
    try:
        return _made_anew(data, long_side, quality)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadPhoto(
            "这个文件不是 JPG、PNG 或 WebP 照片，或者已经损坏。请另选一张。",
            field="photo",
        ) from error
    except Image.DecompressionBombError as error:
        raise BadPhoto(_TOO_MANY, field="photo") from error


_TOO_MANY = "照片的像素太多，请缩小后再传。"


def _made_anew(data: bytes, long_side: int, quality: int) -> bytes:
    with Image.open(BytesIO(data), formats=KINDS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS[image.format or "PNG"]:
            raise BadPhoto(_TOO_MANY, field="photo")
        if image.format == "JPEG":
            image.draft("RGB", (2 * long_side, 2 * long_side))
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((long_side, long_side))
        plain = Image.new("RGB", upright.size, "white")
        seen = upright.convert("RGBA")
        plain.paste(seen, mask=seen.getchannel("A"))
        made = BytesIO()
        plain.save(made, "JPEG", quality=quality, optimize=True)
        return made.getvalue()
