"""The import page: a file or pasted rows, a proposed reading of their columns to look at, then the import and its report. No scripts."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from dashboards.api.deps import caller_of, require
from dashboards.i18n import Translate, day_text, name_of, time_text
from dashboards.joining import named
from dashboards.multipart import read_form
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.pages.staff_forms import LOOKERS, Form, Staff, may_act, own_county
from dashboards.price_desk_words import field_text, prices_text, row_refusal_text
from dashboards.reasons import terms_text
from foundation.csv_cells import csv_text
from foundation.errors import BadInput, SuheError
from pricing.days import FORMATS
from pricing.desk.imports import SavedMapping, Upload, source_of
from pricing.importing import Preview
from pricing.mapping import Columns, Mapping
from pricing.markets import markets_of
from pricing.tabular import Table, read_pasted, read_table

if TYPE_CHECKING:
    from dashboards.services import Services

FIELDS = tuple(Columns.model_fields)
UNITS = ("斤", "公斤", "吨")
LICENCES = ("the county's own", "none stated: internal use, not redistributed")
SHOWN_ROWS = 12
SHOWN_REFUSED = 50


async def upload_of(request: Request) -> Upload:
    """Return what was uploaded or pasted; pasted text counts where there is no file."""
    fields, files = read_form(request.headers.get("content-type", ""), await request.body())
    file = files.get("file")
    if file is not None and file.name:
        return Upload("file", file.name.rsplit("\\", 1)[-1].rsplit("/", 1)[-1], file.body)
    return Upload("pasted", "", fields.get("text", "").encode())


# What a database can hold as a run's number.
RunId = Annotated[int, Path(ge=1, le=2**31 - 1)]


def router(services: Services) -> APIRouter:
    """Return the routes of the import page."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*LOOKERS))])

    @pages.get("/c/{county}/desk/import")
    def start(request: Request, county: str) -> Response:
        own_county(caller_of(request), county)
        lang = lang_of(request)
        return render(request, "price_import.html", **_start(services, county, lang), wrong="", may_act=may_act(request, county))

    @pages.post("/c/{county}/desk/import")
    def upload(county: str, given: Annotated[Upload, Depends(upload_of)], caller: Staff) -> Response:
        own_county(caller, county)
        services.registry.county(county)
        table_of(given)  # a file that is no table is refused before it is kept
        return RedirectResponse(f"/c/{county}/desk/import/{services.desk.keep_upload(county, given)}", status_code=303)

    @pages.get("/c/{county}/desk/import/report/{run}")
    def report(request: Request, county: str, run: RunId) -> Response:
        own_county(caller_of(request), county)
        lang, t = lang_of(request), gettext_of(request)
        return render(request, "price_import_report.html", **report_context(services, county, run, lang, t))

    @pages.get("/c/{county}/desk/import/report/{run}/refused.csv")
    def refused(county: str, run: RunId, request: Request) -> Response:
        own_county(caller_of(request), county)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(["row", "day", "name", "reason", "why", "detail"])
        rows = services.desk.import_report(county, run).rows
        t = gettext_of(request)
        writer.writerows([r.row, r.day, csv_text(r.name), r.reason, row_refusal_text(r.reason, t), csv_text(r.detail)] for r in rows)
        headers = {"content-disposition": f'attachment; filename="suhe-refused-{run}.csv"'}
        return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    @pages.get("/c/{county}/desk/import/{digest}")
    def look(request: Request, county: str, digest: str, saved: Annotated[str, Query(max_length=60)] = "") -> Response:
        own_county(caller_of(request), county)
        lang, t = lang_of(request), gettext_of(request)
        table = table_of(services.desk.upload(county, digest))
        known = next((m for m in services.desk.saved_mappings(county) if m.title == saved), None) or _fitting(services, county, table)
        form = _typed_of(known) if known else _proposed(services, table)
        return render(request, "price_import_map.html", **look_context(services, county, digest, table, form, lang, t),
                      may_act=may_act(request, county))  # fmt: skip

    @pages.post("/c/{county}/desk/import/{digest}")
    def go_on(request: Request, county: str, digest: str, fields: Form, caller: Staff) -> Response:
        own_county(caller, county)
        lang, t = lang_of(request), gettext_of(request)
        table, form = table_of(services.desk.upload(county, digest)), {k: v[0] for k, v in fields.items()}
        if form.get("act") != "import":
            context = look_context(services, county, digest, table, form, lang, t)
            return render(request, "price_import_map.html", **context, may_act=True)
        mapping = mapping_of(county, form)
        # The title names the source of these quotes on every page, so the reading is always kept under it.
        services.desk.save_mapping(county, form.get("title", ""), mapping, caller.name)
        done = services.prices.import_rows(table, mapping)
        services.desk.note_import(done, mapping)
        return RedirectResponse(f"/c/{county}/desk/import/report/{done.run_id}", status_code=303)

    return pages


def table_of(upload: Upload) -> Table:
    """Return the table in an upload."""
    if upload.kind == "pasted":
        return read_pasted(upload.body.decode("utf-8", "replace"))
    return read_table(upload.name, upload.body)


def mapping_of(county: str, form: dict[str, str]) -> Mapping:
    """Return the mapping a form tells.

    Raises:
        BadInput: it makes no sense; the message says which part.

    """
    title = form.get("title", "").strip()
    if not title:
        raise BadInput("this mapping needs a title", expected="such as the name of the report", todo="write one; it names the source")
    source = source_of(county, title)
    columns = {f: form.get(f"col-{f}", "") for f in FIELDS}
    licence = form.get("licence", "") if form.get("licence") in LICENCES else LICENCES[1]
    unit = "" if columns["unit"] else form.get("unit", "")
    try:
        return Mapping(name=source, source=source, market=form.get("market", ""), licence=licence, columns=Columns(**columns),
                       unit=unit, day_format=form.get("day_format", FORMATS[0]))  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput("this mapping cannot be used", expected=first["msg"], got=".".join(map(str, first["loc"]))) from error


def look_context(
    services: Services, county: str, digest: str, table: Table, form: dict[str, str], lang: str, t: Translate
) -> dict[str, Any]:
    """Return everything the page of a mapping shows: the rows, the choices, and what an import would take."""
    preview, wrong = None, ""
    try:
        preview = services.prices.preview(table, mapping_of(county, form), SHOWN_ROWS)
    except SuheError as error:
        wrong = error.explain() if form.get("title") else ""
    return {
        **_start(services, county, lang), "digest": digest, "file": table.name, "header": table.header, "rows": table.rows[:SHOWN_ROWS],
        "total": len(table.rows), "form": form, "fields": [(f, field_text(f, t)) for f in FIELDS], "units": UNITS, "wrong": wrong,
        "markets": [(m.id, name_of(m, lang)) for m in markets_of(county)], "formats": [(f, _format_text(f, t)) for f in FORMATS],
        "licences": [(x, terms_text(x, lang)) for x in LICENCES], "preview": _preview(preview, lang, t) if preview else None,
    }  # fmt: skip


def report_context(services: Services, county: str, run: int, lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the report's page shows."""
    done = services.desk.import_report(county, run, SHOWN_REFUSED)
    return {
        **_start(services, county, lang), "r": done, "span": _span((done.first, done.last), lang),
        "file": t("贴进来的行") if done.file == "pasted" else done.file,
        "when": time_text(done.finished_ms, lang), "reasons": _reasons(done.reasons, lang, t),
        "refused": [(x.row, x.day, x.name, row_refusal_text(x.reason, t), x.detail) for x in done.rows],
        "more": max(0, done.refused - len(done.rows)), "payloads": f"/api/v1/prices/runs/{done.run_id}/payloads",
    }  # fmt: skip


def _start(services: Services, county: str, lang: str) -> dict[str, Any]:
    return {
        "county": county, "county_name": name_of(services.registry.county(county), lang),
        "saved": [(m.title, m.version) for m in services.desk.saved_mappings(county)],
    }  # fmt: skip


def _fitting(services: Services, county: str, table: Table) -> SavedMapping | None:
    """Return the saved mapping whose columns the table has: the same report as last time needs no choosing."""
    fits = [m for m in services.desk.saved_mappings(county) if set(m.mapping.columns.named) <= set(table.header)]
    return max(fits, key=lambda m: (len(m.mapping.columns.named), m.made_ms), default=None)


def _typed_of(saved: SavedMapping) -> dict[str, str]:
    m = saved.mapping
    columns = {f"col-{f}": getattr(m.columns, f) for f in FIELDS}
    return {"title": saved.title, "market": m.market, "unit": m.unit, "day_format": m.day_format, "licence": m.licence, **columns}


def _proposed(services: Services, table: Table) -> dict[str, str]:
    found = services.prices.propose_mapping(table)
    day = found.day_formats[0] if found.day_formats else FORMATS[0]
    columns = {f"col-{f}": found.columns.get(f, "") for f in FIELDS}
    return {"title": "", "market": "", "unit": found.unit or UNITS[0], "day_format": day, "licence": LICENCES[1], **columns}


def _preview(preview: Preview, lang: str, t: Translate) -> dict[str, Any]:
    rows = []
    for r in preview.rows:
        q = r.quote
        if q is not None:
            rows.append((r.row, q.valid_date, q.series.name, prices_text(q.low, q.mid, q.high, lang), ""))
        elif r.refusal is not None:
            rows.append((r.row, r.refusal.day, r.refusal.name, "", row_refusal_text(r.refusal.reason, t)))
    return {
        "taken": preview.taken, "refused": preview.refused, "rows": rows, "unknown": preview.unknown_names[:20],
        "unknown_more": max(0, len(preview.unknown_names) - 20),
        "reasons": _reasons(preview.reasons, lang, t),
        "span": _span((preview.first_day, preview.last_day), lang),
    }  # fmt: skip


def _reasons(found: dict[str, int], lang: str, t: Translate) -> list[str]:
    return [named(row_refusal_text(x, t), str(n), lang) for x, n in sorted(found.items(), key=lambda r: -r[1])]


def _span(days: tuple[date | None, date | None], lang: str) -> str:
    return " – ".join(dict.fromkeys(day_text(d, lang) for d in days if d))


def _format_text(written: str, t: Translate) -> str:
    """Return a way of writing days by an example."""
    names = {"roc": t("民国年（114/11/23）"), "excel": t("表格的日序号（45984）")}
    examples = {"%Y-%m-%d": "2025-11-23", "%Y/%m/%d": "2025/11/23", "%Y.%m.%d": "2025.11.23", "%Y%m%d": "20251123",
                "%d/%m/%Y": "23/11/2025", "%m/%d/%Y": "11/23/2025", "%Y年%m月%d日": t("2025年11月23日")}  # fmt: skip
    return names.get(written) or examples.get(written, written)
