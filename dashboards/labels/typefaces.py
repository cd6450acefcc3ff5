"""The type of labels: a Chinese typeface of this machine, cut down to the characters that are printed, as TrueType to be embedded.

Machines carry Chinese type in forms PDF libraries cannot embed: collections of many faces, outlines of cubic curves. So the few glyphs
needed are drawn anew as TrueType. Where a machine has no Chinese type at all, the viewer's own is named instead of embedded.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

FOLDERS = (
    Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/System/Library/Fonts"), Path("/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)  # fmt: skip
# Plain upright faces by the beginning of their file's name, the better known to be complete first.
NAMES = (
    "NotoSansCJK-Regular", "NotoSansCJKsc-Regular", "NotoSansSC", "SourceHanSansSC-Regular", "SourceHanSansCN-Regular", "wqy-microhei",
    "wqy-zenhei", "DroidSansFallback", "msyh", "simhei", "Deng", "Hiragino Sans GB", "STHeiti Light", "NotoSerifCJK-Regular", "simsun",
)  # fmt: skip
SUFFIXES = (".ttf", ".otf", ".ttc")
SUBSTITUTE = "STSong-Light"
# OS/2 fsType: licences that forbid embedding, or cutting down.
_NOT_EMBEDDED = 0x0002 | 0x0100
_UNITS = 1000
_NO_SUCH = "?"


class Typeface(Protocol):
    """What a label is set and drawn in."""

    embedded: bool

    def measure(self, words: str) -> float:
        """Return the width of words in em."""
        ...

    def legible(self, words: str) -> str:
        """Return words with what this typeface lacks as question marks: never an empty box."""
        ...


@dataclass(frozen=True)
class FileFace:
    """A face of a font file. fontTools reads lazily and is not made for threads, so one lock guards the file."""

    path: Path
    number: int
    embedded: bool = True
    _lock: Any = field(default_factory=threading.RLock, init=False, repr=False, compare=False)

    @cached_property
    def _font(self) -> Any:
        from fontTools.ttLib import TTFont

        return TTFont(self.path, fontNumber=self.number, lazy=True)

    @cached_property
    def _glyph_of(self) -> Mapping[int, str]:
        found: Mapping[int, str] = self._font.getBestCmap()
        return found

    def covers(self, words: str) -> bool:
        """Whether this face has every character."""
        with self._lock:
            return all(ord(c) in self._glyph_of for c in words)

    def measure(self, words: str) -> float:
        """Return the width of words in em."""
        with self._lock:
            widths, em = self._font["hmtx"].metrics, self._font["head"].unitsPerEm
            return float(sum(widths[self._glyph_of.get(ord(c), ".notdef")][0] for c in words) / em)

    def legible(self, words: str) -> str:
        """Return words with what this typeface lacks as question marks."""
        with self._lock:
            return "".join(c if ord(c) in self._glyph_of else _NO_SUCH for c in words)

    def cut_down(self, words: Iterable[str]) -> bytes:
        """Return a TrueType font of the characters of `words` alone; the same characters give the same bytes."""
        from fontTools.fontBuilder import FontBuilder
        from fontTools.pens.cu2quPen import Cu2QuPen
        from fontTools.pens.recordingPen import DecomposingRecordingPen
        from fontTools.pens.ttGlyphPen import TTGlyphPen

        wanted = sorted({ord(c) for one in words for c in one} | {ord(" ")})
        with self._lock:
            font, scale = self._font, _UNITS / self._font["head"].unitsPerEm
            cubic = "CFF " in font or "CFF2" in font
            shapes, widths = font.getGlyphSet(), font["hmtx"].metrics
            glyphs, metrics = {}, {}
            for name, source in ((".notdef", ".notdef"), *((f"u{c:05X}", self._glyph_of[c]) for c in wanted if c in self._glyph_of)):
                recording = DecomposingRecordingPen(shapes)
                shapes[source].draw(recording)
                outline = TTGlyphPen(None)
                # Cubic outlines run the other way round than TrueType's.
                pen = Cu2QuPen(_Scaled(outline, scale), 1.0, reverse_direction=True) if cubic else _Scaled(outline, scale)
                recording.replay(pen)
                glyphs[name] = outline.glyph()
                metrics[name] = (round(widths[source][0] * scale), 0)
        builder = FontBuilder(_UNITS, isTTF=True)
        builder.setupHead(unitsPerEm=_UNITS, created=0, modified=0)
        builder.setupGlyphOrder(list(glyphs))
        builder.setupCharacterMap({c: f"u{c:05X}" for c in wanted if f"u{c:05X}" in glyphs})
        builder.setupGlyf(glyphs)
        builder.setupHorizontalMetrics(
            {n: (w, builder.font["glyf"][n].xMin if glyphs[n].numberOfContours else 0) for n, (w, _) in metrics.items()}
        )
        builder.setupHorizontalHeader(ascent=880, descent=-120)
        builder.setupNameTable({"familyName": "Labels", "styleName": "Regular", "psName": "Labels-Regular"})
        builder.setupOS2(sTypoAscender=880, sTypoDescender=-120, usWinAscent=1000, usWinDescent=200)
        builder.setupPost(keepGlyphNames=False)
        builder.font.recalcTimestamp = False
        out = io.BytesIO()
        builder.save(out)
        return out.getvalue()


@dataclass(frozen=True)
class ViewersFace:
    """Adobe's name for a simplified Chinese face, which a viewer draws in what it has."""

    embedded: bool = False

    def measure(self, words: str) -> float:
        """Return the width of words in em."""
        from reportlab.pdfbase import pdfmetrics

        with REGISTERING:
            pdfmetrics.registerFont(viewers_font())
            return float(pdfmetrics.stringWidth(words, SUBSTITUTE, 1000) / 1000)

    def legible(self, words: str) -> str:
        """Return words with what lies outside GBK as question marks; every viewer's simplified Chinese face has the rest."""
        return words.encode("gbk", "replace").decode("gbk")


# The PDF library keeps fonts by name in one table for the whole process.
REGISTERING = threading.RLock()


def viewers_font() -> Any:
    """Return the PDF library's object for the viewer's own Chinese face."""
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    return UnicodeCIDFont(SUBSTITUTE)


class Typefaces:
    """Finds the typeface of labels on this machine, once."""

    def __init__(self, folders: Iterable[Path] = FOLDERS) -> None:
        self._folders = tuple(folders)

    @cached_property
    def best(self) -> FileFace | ViewersFace:
        """The first face found that may be embedded and has the characters every label needs."""
        return next((face for path in self._files() for face in _faces(path) if face.covers("采收产地生产包装批号0A-")), ViewersFace())

    def _files(self) -> Iterator[Path]:
        files = sorted(p for folder in self._folders if folder.is_dir() for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
        for name in NAMES:
            yield from (p for p in files if p.name.lower().startswith(name.lower()))


def _faces(path: Path) -> Iterator[FileFace]:
    """Yield the faces of a file that may be embedded, one made for simplified Chinese first."""
    from fontTools.ttLib import TTFont, TTLibError

    found = []
    try:
        for number in range(_count(path)):
            font = TTFont(path, fontNumber=number, lazy=True)
            family = font["name"].getDebugName(1) or ""
            if not ("OS/2" in font and font["OS/2"].fsType & _NOT_EMBEDDED) and "Mono" not in family:
                found.append((not family.endswith((" SC", " CN", " GB")), number))
    except (OSError, TTLibError, KeyError):
        return
    yield from (FileFace(path, number) for _, number in sorted(found))


def _count(path: Path) -> int:
    """Return how many faces a file holds."""
    with path.open("rb") as source:
        head = source.read(12)
    return int.from_bytes(head[8:12], "big") if head[:4] == b"ttcf" else 1


class _Scaled:
    """A pen that draws on another at a scale, in whole units as TrueType's outlines are."""

    def __init__(self, pen: Any, scale: float) -> None:
        self._pen, self._scale = pen, scale

    def __getattr__(self, name: str) -> Any:
        draw = getattr(self._pen, name)

        def scaled(*points: Any) -> None:
            draw(*(None if p is None else (round(p[0] * self._scale), round(p[1] * self._scale)) for p in points))

        return scaled
