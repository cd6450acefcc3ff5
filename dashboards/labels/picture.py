"""The picture of a sheet for a page: what the PDF will show, from the same set label, in vectors."""

from __future__ import annotations

from markupsafe import Markup, escape

from dashboards.labels.sheets import Sheet
from dashboards.labels.typeset import SetLabel

# Names and numbers in Latin letters are no words of either language.
_LANGUAGE = {"english": "en", "domain": "zxx", "code": "zxx", "lot": "zxx"}


def sheet_picture(label: SetLabel, sheet: Sheet, count: int, start: int, title: str) -> Markup:
    """Return the first page as SVG; each label is drawn once and used at its places, free places are outlined."""
    used = [(x, y) for page, x, y in sheet.places(count, start) if page == 0]
    outlines = "".join(_outline(sheet, *sheet.corner(k), taken=sheet.corner(k) in used) for k in range(sheet.per_page))
    uses = "".join(f'<use href="#one" x="{x:.2f}" y="{y:.2f}"></use>' for x, y in used)
    return Markup(  # noqa: S704 - every word in it is escaped
        f'<svg class="sheet" viewBox="0 0 {sheet.page_width} {sheet.page_height}" role="img" aria-label="{escape(title)}">'
        f'<rect class="paper" width="{sheet.page_width}" height="{sheet.page_height}" fill="#fff"></rect>'
        f'<defs><g id="one">{_art(label)}</g></defs>{outlines}{uses}</svg>'
    )


def label_picture(label: SetLabel, sheet: Sheet, title: str) -> Markup:
    """Return one label as SVG."""
    return Markup(  # noqa: S704 - every word in it is escaped
        f'<svg class="one" viewBox="0 0 {sheet.width} {sheet.height}" role="img" aria-label="{escape(title)}">'
        f'<rect class="paper" width="{sheet.width}" height="{sheet.height}" fill="#fff"></rect>{_art(label)}</svg>'
    )


def _art(label: SetLabel) -> str:
    code = label.code
    modules = "".join(
        f"M{code.x + c * code.module:.3f} {code.y + r * code.module:.3f}h{n * code.module:.3f}v{code.module:.3f}h{-n * code.module:.3f}z"
        for c, r, n in code.runs
    )
    words = "".join(
        f'<text lang="{_LANGUAGE.get(line.kind, "zh-Hans")}" x="{line.x:.2f}" y="{line.y:.2f}" font-size="{line.size:.3f}" '
        f'textLength="{line.width:.2f}" lengthAdjust="spacingAndGlyphs" fill="#000">{escape(line.words)}</text>'
        for line in label.lines
        if line.words
    )
    return f'<path d="{modules}" fill="#000" shape-rendering="crispEdges"></path>{words}'


def _outline(sheet: Sheet, x: float, y: float, *, taken: bool) -> str:
    kind = "taken" if taken else "free"
    return f'<rect class="{kind}" x="{x:.2f}" y="{y:.2f}" width="{sheet.width}" height="{sheet.height}" rx="1"></rect>'
