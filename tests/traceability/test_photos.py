"""Photos are made small and bare; reports are bounded, counted by a name that changes daily, and never in the log."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from foundation.errors import BadInput, NotFound, TooMany
from traceability.photos import MOST_BYTES, PRODUCT, Photos, shrunk
from traceability.problem_reports import ProblemReports

NOW = datetime(2025, 11, 23, 8, 0, tzinfo=UTC)
LOT = "urn:suhe:lot:371522:T1"


def picture(*, size: tuple[int, int] = (1600, 1200), noise: bool = True) -> bytes:
    image = Image.frombytes("RGB", size, os.urandom(size[0] * size[1] * 3)) if noise else Image.new("RGB", size, (90, 140, 60))
    exif = Image.Exif()
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[2] = (36.0, 14.0, 12.0)
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, quality=90)
    return out.getvalue()


@pytest.mark.parametrize("noise", [True, False])
def test_a_photo_is_small_and_bare(noise: bool) -> None:
    """Even noise fits into 40 kB; neither place nor camera is left, and the shape is kept."""
    small, width, height = shrunk(picture(noise=noise))
    assert len(small) <= MOST_BYTES
    assert b"SECRET-CAMERA" not in small and b"Exif" not in small
    assert width * 3 == height * 4


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg/>", b"\xff\xd8\xff" + b"0" * 100])
def test_what_is_no_photo_is_refused(content: bytes) -> None:
    """Another format or a broken file is told what is expected."""
    with pytest.raises(BadInput, match="JPEG, PNG or WebP"):
        shrunk(content)


def test_the_newest_photo_counts_and_only_photos_are_given_out(records_url: str, tmp_path: Path) -> None:
    """A lot's own photo before its product's, the newest of them; another blob of the same folder is not to be had by its hash."""
    engine, blobs = open_engine(records_url), BlobFolder(tmp_path / "blobs")
    metadata.create_all(engine)
    photos = Photos(engine, blobs, FixedClock(NOW))
    product = photos.add(PRODUCT + "melon", picture(noise=False))
    assert photos.of(LOT, PRODUCT + "melon") == product
    photos.add(LOT, picture(size=(800, 600)))
    newest = photos.add(LOT, picture(size=(400, 300)))
    found = photos.of(LOT, PRODUCT + "melon")
    assert found is not None and found.sha256 == newest.sha256
    assert photos.content(newest.sha256).startswith(b"\xff\xd8")
    with pytest.raises(NotFound):
        photos.content(blobs.put(b"private"))


def test_reports_are_bounded_per_device_and_day(records_url: str, tmp_path: Path) -> None:
    """Three a day from one device; another device, or the next day, may again; too many words and unknown kinds are refused."""
    engine, clock = open_engine(records_url), FixedClock(NOW)
    metadata.create_all(engine)
    reports = ProblemReports(engine, clock, tmp_path / "keys" / "devices.key")
    device = reports.device_name("192.0.2.7", "phone")
    for _ in range(3):
        reports.add(LOT, "spoiled", "黑 了\n\x00一块", device)
    with pytest.raises(TooMany):
        reports.add(LOT, "spoiled", "", device)
    reports.add(LOT, "other", "", reports.device_name("192.0.2.8", "phone"))
    clock.advance(timedelta(days=1))
    assert reports.device_name("192.0.2.7", "phone") != device
    reports.add(LOT, "label", "", reports.device_name("192.0.2.7", "phone"))
    assert [r.kind for r in reports.of_county("371522")] == ["label", "other", "spoiled", "spoiled", "spoiled"]
    assert reports.of_county("371522")[-1].text == "黑 了 一块"
    assert reports.of_county("321023") == []
    for kind, text in (("spoiled", "x" * 501), ("nonsense", "")):
        with pytest.raises(BadInput):
            reports.add(LOT, kind, text, device)
