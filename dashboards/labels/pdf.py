"""The PDF of label sheets: each label is drawn once and laid on the page as often as it is wanted."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dashboards.labels.sheets import Sheet, check_run
from dashboards.labels.typefaces import REGISTERING, SUBSTITUTE, FileFace, ViewersFace, viewers_font
from dashboards.labels.typeset import SetLabel
from foundation.clock import SHANGHAI

POINT = 72 / 25.4
_OURS = "Labels"


def draw_sheets(
    runs: Sequence[tuple[SetLabel, int]], sheet: Sheet, start: int, face: FileFace | ViewersFace, *, title: str, now: datetime
) -> bytes:
    """Return the PDF of labels, each with its number of copies, the first on place `start` of the first page.

    The same labels at the same time give the same bytes. Viewers are told not to scale, which would move labels off their places.
    """
    count = sum(copies for _, copies in runs)
    check_run(sheet, count, start)
    # Fonts live in one table of the process, so one sheet is drawn at a time and takes its own out again.
    with REGISTERING:
        font = _register(face, [line.words for label, _ in runs for line in label.lines])
        try:
            return _draw(runs, sheet, start, font, title, now)
        finally:
            _forget(font)


def _draw(runs: Sequence[tuple[SetLabel, int]], sheet: Sheet, start: int, font: str, title: str, now: datetime) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    size = (sheet.page_width * POINT, sheet.page_height * POINT)
    canvas = Canvas(out, pagesize=size, invariant=1, pageCompression=1, lang="zh-Hans", initialFontName=font)
    _date(canvas, now)
    canvas.setTitle(title)
    canvas.setAuthor("溯禾 Suhe")
    canvas.setSubject("追溯标签")
    canvas.setCreator("Suhe")
    canvas.setViewerPreference("PrintScaling", "None")
    canvas.setViewerPreference("DisplayDocTitle", "true")
    for k, (label, _) in enumerate(runs):
        _draw_label(canvas, f"label{k}", label, sheet, font)
    names = [f"label{k}" for k, (_, copies) in enumerate(runs) for _ in range(copies)]
    on_page = 0
    for name, (page, x, y) in zip(names, sheet.places(len(names), start), strict=True):
        if page != on_page:
            canvas.showPage()
            on_page = page
        canvas.saveState()
        canvas.translate(x * POINT, (sheet.page_height - y - sheet.height) * POINT)
        canvas.doForm(name)
        canvas.restoreState()
    canvas.save()
    return out.getvalue()


def _draw_label(canvas: Any, name: str, label: SetLabel, sheet: Sheet, font: str) -> None:
    """Draw a label once, as a form; the code in vectors, so that no printer blurs it."""
    canvas.beginForm(name, 0, 0, sheet.width * POINT, sheet.height * POINT)
    canvas.setFillGray(0)
    code = label.code
    path = canvas.beginPath()
    for column, row, length in code.runs:
        path.rect(
            (code.x + column * code.module) * POINT, (sheet.height - code.y - (row + 1) * code.module) * POINT,
            length * code.module * POINT, code.module * POINT,
        )  # fmt: skip
    canvas.drawPath(path, stroke=0, fill=1)
    for line in label.lines:
        canvas.setFont(font, line.size * POINT)
        canvas.drawString(line.x * POINT, (sheet.height - line.y) * POINT, line.words)
    canvas.endForm()


def _register(face: FileFace | ViewersFace, words: Sequence[str]) -> str:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    if isinstance(face, ViewersFace):
        pdfmetrics.registerFont(viewers_font())
        return SUBSTITUTE
    pdfmetrics.registerFont(TTFont(_OURS, io.BytesIO(face.cut_down(words))))
    return _OURS


def _forget(font: str) -> None:
    """Take a font out of the library's tables, which would else keep one for every sheet ever printed."""
    from reportlab.pdfbase import pdfmetrics

    known = pdfmetrics._fonts.pop(font, None)
    if known is not None and hasattr(known, "face"):
        for table in (pdfmetrics._typefaces, pdfmetrics._dynFaceNames):
            table.pop(known.face.name, None)


def _date(canvas: Any, now: datetime) -> None:
    """Put our clock's time where the library would put its own."""
    local = now.astimezone(SHANGHAI)
    info = canvas._doc.info
    info._dateFormatter = lambda *_: f"D:{local:%Y%m%d%H%M%S}+08'00'"
    canvas.setDateFormatter(info._dateFormatter)
