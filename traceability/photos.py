"""Photos of lots and products: made small, stripped of everything but the picture, kept by their hash.

A photo is no proof and stands outside the log: it shows a buyer what a thing looks like, and the page says whose it is.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Engine, Integer, String, Table, insert, select

from foundation.blobs import BlobFolder
from foundation.clock import Clock, to_ms
from foundation.database import metadata, reading
from foundation.errors import BadInput, NotFound

# What one page may spend on its picture; phones in the field pay by the megabyte.
MOST_BYTES = 40_000
LARGEST_UPLOAD = 16_000_000
_MOST_PIXELS = 80_000_000
_WIDTHS = (720, 600, 480, 360)
_QUALITIES = (78, 66, 54, 42, 32)
PRODUCT = "urn:suhe:product:"

photo = Table(
    "photo",
    metadata,
    Column("subject", String(200), primary_key=True),
    Column("added_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Photo:
    """A kept photo: of what, its hash, its size in pixels, since when."""

    subject: str
    sha256: str
    width: int
    height: int
    added_ms: int


class Photos:
    """The photos of one installation."""

    def __init__(self, engine: Engine, blobs: BlobFolder, clock: Clock) -> None:
        self._engine, self._blobs, self._clock = engine, blobs, clock

    def add(self, subject: str, content: bytes) -> Photo:
        """Keep a photo of a lot (its URN) or of a product (its `PRODUCT` URN); it takes the place of the one before.

        Raises:
            BadInput: this is no picture that can be read, or it is too large.
        """
        small, width, height = shrunk(content)
        made = Photo(subject, self._blobs.put(small), width, height, to_ms(self._clock.now()))
        row = {"subject": subject, "added_ms": made.added_ms, "sha256": made.sha256, "width": width, "height": height}
        with self._engine.begin() as connection:
            last = connection.execute(select(photo.c.added_ms).where(photo.c.subject == subject).order_by(photo.c.added_ms.desc())).scalar()
            # The newest counts; two within one millisecond keep their order.
            row["added_ms"] = max(made.added_ms, (last or 0) + 1)
            connection.execute(insert(photo).values(row))
        return made

    def of(self, *subjects: str) -> Photo | None:
        """Return the newest photo of the first of these that has one."""
        with reading(self._engine).connect() as connection:
            for subject in subjects:
                query = select(photo).where(photo.c.subject == subject).order_by(photo.c.added_ms.desc()).limit(1)
                row = connection.execute(query).first()
                if row is not None:
                    return Photo(row.subject, row.sha256, row.width, row.height, row.added_ms)
        return None

    def content(self, sha256: str) -> bytes:
        """Return the JPEG of a hash that is a photo's; NotFound for whatever else the folder keeps."""
        with reading(self._engine).connect() as connection:
            known = connection.execute(select(photo.c.sha256).where(photo.c.sha256 == sha256).limit(1)).scalar()
        if known is None:
            raise NotFound("there is no such photo", got=sha256[:64])
        return self._blobs.get(sha256)


def shrunk(content: bytes) -> tuple[bytes, int, int]:
    """Return a picture as a JPEG of at most 40 kB with nothing in it but the picture, and its width and height.

    JPEG, not WebP or AVIF: every browser inside every other app shows it.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if len(content) > LARGEST_UPLOAD:
        raise BadInput("this photo is too large", expected=f"at most {LARGEST_UPLOAD // 1_000_000} MB", got=f"{len(content):,} bytes")
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise BadInput(
                    "this photo has too many pixels", expected=f"at most {_MOST_PIXELS:,}", got=f"{opened.width}x{opened.height}"
                )
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInput("this is no photo that can be read", expected="JPEG, PNG or WebP", todo="send it as the camera made it") from error
    for width in _WIDTHS:
        scaled = upright.copy()
        scaled.thumbnail((width, width * 3 // 4))
        # A new picture of the pixels alone: no place, no time, no camera comes along.
        bare = Image.new("RGB", scaled.size)
        bare.paste(scaled)
        for quality in _QUALITIES:
            out = io.BytesIO()
            bare.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
            if out.tell() <= MOST_BYTES:
                return out.getvalue(), bare.width, bare.height
    raise BadInput("this photo cannot be made small enough", expected=f"at most {MOST_BYTES:,} bytes", todo="send another")
