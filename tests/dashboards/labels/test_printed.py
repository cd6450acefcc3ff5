"""The printed sheet, read back from its picture as a phone or a person would: codes, places, letters."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pypdfium2
import pytest
import zxingcpp

from dashboards.labels.pdf import draw_sheets
from dashboards.labels.sheets import MOST_LABELS, SHEETS, Label, Sheet, check_run
from dashboards.labels.typefaces import FileFace, Typefaces, ViewersFace
from dashboards.labels.typeset import QUIET_MODULES, SetLabel, typeset
from foundation.errors import BadInput
from tests.servers import Missing, require

NOW = datetime(2026, 8, 6, 2, 0, tzinfo=UTC)
DPI = 200
MM = DPI / 25.4
SHORT = Label(
    "羊角蜜", "Melon, Yangjiaomi", "2026-08-06", "莘县燕店基地", "瓜田里示例合作社", "", "P1", "7K3M-9Q2X-ABCD-EFGH-J",
    "https://trace.example.cn/t/7K3M-9Q2X-ABCD-EFGH-J",
)  # fmt: skip
LONG = Label(
    "特早熟高糖薄皮羊角蜜甜瓜（设施冬春茬精品分级）", "Melon, extra early thin-skinned Yangjiaomi of the winter and spring crop, graded",
    "2026-08-06 至 2026-08-21", "莘县张鲁回族镇第三标准化设施蔬菜瓜果示范基地", "莘县十八里铺镇瓜田里示例果蔬种植专业合作社联合社",
    "聊城市示例农产品精深加工与冷链配送有限责任公司", "sx-12-g2-260806-n363616-03a", "ZZZZ-WWWW-MMMM-QQQQ-U",
    "https://zhuisu.nongye.shenxian.liaocheng.gov.cn:8443/t/ZZZZ-WWWW-MMMM-QQQQ-U",
)  # fmt: skip


@pytest.fixture(scope="module")
def face() -> FileFace:
    """Return this machine's Chinese typeface."""

    def found() -> FileFace:
        best = Typefaces().best
        if not isinstance(best, FileFace):
            raise Missing("a Chinese typeface that can be embedded (fonts-noto-cjk)")
        return best

    best = require(found)
    assert isinstance(best, FileFace)
    return best


def draw(label: Label, sheet: Sheet, count: int, start: int, face: FileFace | ViewersFace) -> tuple[SetLabel, bytes]:
    placed = typeset(label, sheet, face.measure)
    return placed, draw_sheets([(placed, count)], sheet, start, face, title="追溯标签 P1", now=NOW)


def rendered(pdf: bytes, dpi: int = DPI) -> list[Any]:
    """Return the pages as grey pictures."""
    document = pypdfium2.PdfDocument(pdf)
    return [page.render(scale=dpi / 72, grayscale=True).to_numpy().squeeze() for page in document]


@pytest.mark.parametrize("label", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("sheet", SHEETS.values(), ids=list(SHEETS))
def test_every_code_scans_at_its_place(sheet: Sheet, label: Label, face: FileFace) -> None:
    """One label, a full page, one more than a page, a used sheet: as many codes as labels, each leads to the lot, each in its place.

    Around each code four modules are blank, and nothing is printed nearer to a label's edge than its inset.
    """
    for count, start in ((1, 1), (sheet.per_page, 1), (sheet.per_page + 1, 1), (2, sheet.per_page)):
        placed, pdf = draw(label, sheet, count, start, face)
        pages = rendered(pdf)
        assert len(pages) == sheet.pages(count, start)
        expected = list(sheet.places(count, start))
        found = 0
        for number, picture in enumerate(pages):
            here = [(x, y) for page, x, y in expected if page == number]
            seen = zxingcpp.read_barcodes(picture)
            assert [b.text for b in seen] == [label.address] * len(here)
            wanted = sorted(((y + placed.code.y) * MM, (x + placed.code.x) * MM) for x, y in here)
            corners = sorted((_corner(b) for b in seen), key=lambda c: (round(c[0] / 9), c[1]))
            assert np.abs(np.array(corners) - np.array(wanted)).max() < 4, "each code lies in its label"
            allowed = np.zeros(picture.shape, bool)
            for x, y in here:
                _fill(allowed, x + sheet.inset, y + sheet.inset, sheet.width - 2 * sheet.inset, sheet.height - 2 * sheet.inset, True)
                assert not _dark(picture, placed, x, y).any(), "the quiet zone is blank"
            assert not (picture[~allowed] < 128).any(), "nothing is printed outside the labels' insets"
            found += len(seen)
        assert found == count


def _corner(code: Any) -> tuple[float, float]:
    return code.position.top_left.y, code.position.top_left.x


def _fill(mask: Any, x: float, y: float, width: float, height: float, value: bool) -> None:
    mask[int(y * MM) : int((y + height) * MM) + 2, int(x * MM) : int((x + width) * MM) + 2] = value


def _dark(picture: Any, placed: SetLabel, x: float, y: float) -> Any:
    """Return the dark dots in the quiet zone of a label's code."""
    code, quiet = placed.code, QUIET_MODULES * placed.code.module
    zone = np.zeros(picture.shape, bool)
    # One dot less on each side: the zone's own edge may share a dot with what begins there.
    _fill(
        zone, x + code.x - quiet + 2 / MM, y + code.y - quiet + 2 / MM, code.side + 2 * quiet - 5 / MM, code.side + 2 * quiet - 5 / MM, True
    )
    _fill(zone, x + code.x - 1 / MM, y + code.y - 1 / MM, code.side + 1 / MM, code.side + 1 / MM, False)
    return (picture < 128) & zone


@pytest.mark.parametrize("label", [SHORT, LONG], ids=["short", "long"])
def test_the_letters_are_those_of_the_typeface(label: Label, face: FileFace) -> None:
    """Each line as printed looks like the same words drawn from the font's own file: no boxes, nothing mirrored, nothing missing."""
    from PIL import Image, ImageDraw, ImageFont

    sheet, dpi = SHEETS["roll-100x70"], 400
    placed, pdf = draw(label, sheet, 1, 1, face)
    (picture,) = rendered(pdf, dpi)
    mm = dpi / 25.4
    for line in placed.lines:
        top, left = int((line.y - line.size) * mm), int(line.x * mm) - 2
        printed = picture[top : int((line.y + 0.25 * line.size) * mm), left : int((line.x + line.width) * mm) + 4] < 128
        blank = Image.new("L", (printed.shape[1], printed.shape[0]), 255)
        font, pen = ImageFont.truetype(str(face.path), line.size * mm, index=face.number), ImageDraw.Draw(blank)
        for k, character in enumerate(line.words):
            at = (line.x + face.measure(line.words[:k]) * line.size) * mm - left
            pen.text((at, line.y * mm - top), character, font=font, fill=0, anchor="ls")
        drawn = np.asarray(blank) < 128
        assert drawn.sum() > 100
        # Hinting and curves of another kind move an edge by a dot or two, never more.
        assert (printed & _near(drawn)).sum() / printed.sum() > 0.99, line.words
        assert (drawn & _near(printed)).sum() / drawn.sum() > 0.99, line.words


def _near(dots: Any) -> Any:
    """Return the dots and everything within two dots of them."""
    wide = dots.copy()
    for down in range(-2, 3):
        for right in range(-2, 3):
            wide |= np.roll(dots, (down, right), (0, 1))
    return wide


def test_the_same_label_at_the_same_time_gives_the_same_bytes(face: FileFace) -> None:
    """Printing again writes the same file; at another time only its date differs. Text is text, the title says what it is."""
    sheet = SHEETS["a4-3x8"]
    placed, first = draw(SHORT, sheet, 30, 5, face)
    assert draw(SHORT, sheet, 30, 5, face)[1] == first
    later = draw_sheets([(placed, 30)], sheet, 5, face, title="追溯标签 P1", now=NOW + timedelta(seconds=1))
    assert later != first
    document = pypdfium2.PdfDocument(first)
    told = document.get_metadata_dict()
    assert (told["Title"], told["CreationDate"]) == ("追溯标签 P1", "D:20260806100000+08'00'")
    assert b"/Lang (zh-Hans)" in first and b"/PrintScaling /None" in first
    said = document[0].get_textpage().get_text_range()
    for words in (SHORT.product_zh, SHORT.product_en, SHORT.harvested, SHORT.place, SHORT.producer, SHORT.code, SHORT.domain):
        assert said.count(words) == 20, words


def test_labels_of_several_lots_follow_each_other(face: FileFace) -> None:
    """A run of one lot ends where the next begins, row by row, over the page's end."""
    sheet = SHEETS["a4-2x5"]
    runs = [(typeset(label, sheet, face.measure), copies) for label, copies in ((SHORT, 7), (LONG, 6))]
    pages = rendered(draw_sheets(runs, sheet, 2, face, title="x", now=NOW))
    seen = [
        [b.text for b in sorted(zxingcpp.read_barcodes(p), key=lambda b: (round(_corner(b)[0] / (sheet.height * MM)), _corner(b)[1]))]
        for p in pages
    ]
    assert seen == [[SHORT.address] * 7 + [LONG.address] * 2, [LONG.address] * 4]


def test_printing_leaves_no_font_behind(face: FileFace) -> None:
    """Eight sheets at once come out right, each with its own characters, and the library's table of fonts is as before."""
    from reportlab.pdfbase import pdfmetrics

    sheet = SHEETS["roll-60x40"]
    draw(SHORT, sheet, 1, 1, face)
    before = set(pdfmetrics._fonts) | set(pdfmetrics._typefaces) | set(pdfmetrics._dynFaceNames)
    made: dict[int, tuple[bytes, str]] = {}

    def one(k: int) -> None:
        word = "莲藕甜瓜黄番茄韭菜蒜苗"[k : k + 2]
        changed = Label(**{**{n: getattr(SHORT, n) for n in Label.__slots__}, "product_zh": word})
        made[k] = draw(changed, sheet, 1, 1, face)[1], word

    threads = [threading.Thread(target=one, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    for pdf, word in made.values():
        assert word in pypdfium2.PdfDocument(io.BytesIO(pdf))[0].get_textpage().get_text_range()
    assert set(pdfmetrics._fonts) | set(pdfmetrics._typefaces) | set(pdfmetrics._dynFaceNames) == before


def test_without_a_chinese_font_the_viewers_own_is_named() -> None:
    """A machine without Chinese type still prints: the file names Adobe's simplified Chinese face, the codes scan, the text is there."""
    face = Typefaces([]).best
    assert isinstance(face, ViewersFace)
    _, pdf = draw(SHORT, SHEETS["a4-3x8"], 24, 1, face)
    assert b"STSong-Light" in pdf
    assert [b.text for b in zxingcpp.read_barcodes(rendered(pdf)[0])] == [SHORT.address] * 24
    assert SHORT.producer in pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range()
    assert face.legible("羊角蜜😀") == "羊角蜜?"


def test_what_the_typeface_lacks_is_a_question_mark(face: FileFace) -> None:
    """No character is printed as an empty box."""
    assert face.legible("羊角蜜\U000f0000") == "羊角蜜?"


def test_a_run_has_bounds() -> None:
    """No labels, too many, a place that is not on the sheet: refused before anything is drawn."""
    sheet = SHEETS["a4-3x8"]
    for count, start in ((0, 1), (-1, 1), (MOST_LABELS + 1, 1), (1, 0), (1, 25)):
        with pytest.raises(BadInput):
            check_run(sheet, count, start)
