"""Label sheets of a lot: choose a sheet, see what will be printed, take the PDF; or read why this lot gets no labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.api.deps import READERS, require
from dashboards.i18n import Translate, number_text
from dashboards.labels.picture import label_picture, sheet_picture
from dashboards.labels.service import ALTERED, HeldBack, Run, label_of, print_sheets, reach_of, set_label, typefaces
from dashboards.labels.sheets import MOST_LABELS, SHEETS, USUAL_SHEET, Label, Sheet, check_run, sheet_of
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.telling import Teller
from foundation.errors import BadInput, NotFound

if TYPE_CHECKING:
    from dashboards.services import Services

Wish = Annotated[str, Query(max_length=20)]


def router(services: Services) -> APIRouter:
    """Return the routes of label sheets; who may read a lot may print its labels, for they say nothing the trace page does not."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*READERS))])

    @pages.get("/lots/{lot}/labels.pdf")
    def pdf(request: Request, lot: str, sheet: Wish = USUAL_SHEET, count: Wish = "", start: Wish = "1") -> Response:
        known = _known(services, lot)
        try:
            chosen, copies, first = _chosen(sheet, count, start)
            label = label_of(services, known, public_url(services, request))
            body = print_sheets(services, [Run(label, copies)], chosen, first)
        except (BadInput, HeldBack):
            if "text/html" in request.headers.get("accept", ""):
                # The page says why in the reader's language; a bare error would be a dead end.
                return RedirectResponse(f"/lots/{lot}/labels?{request.url.query}", status_code=303)
            raise
        name = f"labels-{label.lot}-{chosen.id}.pdf"
        return Response(body, media_type="application/pdf", headers={"content-disposition": f'inline; filename="{name}"'})

    @pages.get("/lots/{lot}/labels")
    def page(request: Request, lot: str, sheet: Wish = USUAL_SHEET, count: Wish = "", start: Wish = "1") -> Response:
        known = _known(services, lot)
        asked = {"sheet": sheet, "count": count, "start": start}
        return render(request, "labels.html", **labels_context(services, request, known, asked))

    return pages


def public_url(services: Services, request: Request) -> str:
    """Return the address codes lead to: the one that is set, else the one this request came by."""
    return services.settings.public_url or str(request.base_url)


def labels_context(services: Services, request: Request, lot: str, asked: dict[str, str]) -> dict[str, Any]:
    """Return everything the template shows. What was asked wrongly is told above the form, which keeps what was entered."""
    lang, t = lang_of(request), gettext_of(request)
    summary = services.trace.lot(lot).summary
    context: dict[str, Any] = {
        "lot": summary.short, "county": summary.county, "number": summary.number, "held_back": [], "wrong": "", "v": None, "asked": asked,
        "product": Teller(services.registry, lang, t).product(summary.product, summary.variety),
        "sheets": [(s.id, sheet_name(s, lang, t)) for s in SHEETS.values()], "most": MOST_LABELS,
    }  # fmt: skip
    address = public_url(services, request)
    try:
        label = label_of(services, lot, address)
    except HeldBack as error:
        return {**context, "held_back": [(held_text(reason, t), *_lot_link(which)) for reason, which in error.holds]}
    try:
        sheet, count, start = _chosen(**asked)
        return {**context, "asked": {**asked, "count": count}, "v": _view(label, sheet, count, start, address, t)}
    except BadInput as error:
        return {**context, "wrong": _wrong(error, asked, lang, t)}


def sheet_name(sheet: Sheet, lang: str, t: Translate) -> str:
    """Return a sheet as one chooses it in a shop: columns, rows, size."""
    width, height = (number_text(x, lang) for x in (sheet.width, sheet.height))
    if sheet.per_page == 1:
        return t("卷装标签 %(w)s × %(h)s 毫米", w=width, h=height)
    return t("A4，%(c)s 列 %(r)s 行，每枚 %(w)s × %(h)s 毫米", c=sheet.columns, r=sheet.rows, w=width, h=height)


def held_text(reason: str, t: Translate) -> str:
    """Return why a lot gets no labels."""
    said = {
        "growing": t("还没有采收。"),
        "fail": t("最近一次检测不合格。复检合格以后才能打印。"),
        "interval": t("在农药的安全间隔期内采收。"),
        "screening_positive": t("快检阳性，还没有用仪器确证。复检合格以后才能打印。"),
        "recalled": t("正在召回。撤销召回以后才能打印。"),
        ALTERED: t("记录被改动过，扫码的人会看到红色的结果。"),
    }
    return said[reason]


def _view(label: Label, sheet: Sheet, count: int, start: int, address: str, t: Translate) -> dict[str, Any]:
    """Return the pictures and figures of a sheet; raise BadInput where the label does not fit."""
    placed = set_label(label, sheet)
    return {
        "one": label_picture(placed, sheet, t("一枚标签")),
        "sheet": sheet_picture(placed, sheet, count, start, t("第一页")) if sheet.per_page > 1 else "",
        "query": f"sheet={sheet.id}&count={count}&start={start}", "count": count, "pages": sheet.pages(count, start), "start": start,
        "per_page": sheet.per_page, "code_mm": f"{placed.code.side:.1f}", "module_mm": f"{placed.code.module:.2f}",
        "reach": reach_of(address), "address": label.address, "domain": label.domain, "embedded": typefaces().best.embedded,
        "roll": sheet.per_page == 1,
    }  # fmt: skip


def _wrong(error: BadInput, asked: dict[str, str], lang: str, t: Translate) -> str:
    """Return what was asked wrongly, in the reader's language."""
    sheet = SHEETS.get(asked["sheet"])
    if sheet is None:
        return t("没有这种标签纸，请从列表里选。")
    if error.message == _NO_NUMBER or not _sensible(sheet, asked):
        return t(
            "枚数请填 1 至 %(most)s，起始位置请填 1 至 %(places)s。",
            most=number_text(MOST_LABELS, lang),
            places=number_text(sheet.per_page, lang),
        )
    return t("这种标签太小，放不下二维码和文字，请选大一点的。")


def _sensible(sheet: Sheet, asked: dict[str, str]) -> bool:
    try:
        _chosen(sheet.id, asked["count"], asked["start"])
    except BadInput:
        return False
    return True


def _chosen(sheet: str, count: str, start: str) -> tuple[Sheet, int, int]:
    """Return the sheet, how many labels (without a wish the rest of one page), and the first place."""
    chosen = sheet_of(sheet)
    first = _number(start) if start.strip() else 1
    wanted = _number(count) if count.strip() else max(chosen.per_page - first + 1, 1)
    check_run(chosen, wanted, first)
    return chosen, wanted, first


def _number(text: str) -> int:
    cleaned = text.strip().replace(",", "")
    if not (cleaned.isascii() and cleaned.isdigit()):
        raise BadInput(_NO_NUMBER, expected="whole numbers", got=text[:20])
    return int(cleaned)


def _known(services: Services, lot: str) -> str:
    """Return a lot's id; NotFound where there is none."""
    try:
        return services.trace.lot(lot).summary.id
    except BadInput as error:
        raise NotFound("there is no such lot", got=lot[:160]) from error


def _lot_link(lot: str) -> tuple[str, str]:
    county, number = lot.split(":")[-2:]
    return f"/lots/{county}:{number}", number


_NO_NUMBER = "this is no number"
