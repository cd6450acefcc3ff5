"""Charts that other sites may show: `/embed/prices/PRODUCT.svg`, as a picture or in a frame."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboards.embed_svg import SHEET, Caption, embed_svg
from dashboards.headers import embedded
from dashboards.i18n import name_of
from dashboards.joining import listed
from dashboards.pages.shell import gettext_of, lang_of
from dashboards.price_chart import chart_of, drawn
from dashboards.price_words import days_old, price_unit
from dashboards.product_view import asked

if TYPE_CHECKING:
    from dashboards.services import Services

# A picture on somebody else's page may be five minutes old; it says itself how old its prices are.
KEPT_SECONDS = 300


def router(services: Services) -> APIRouter:
    """Return the route of embedded charts."""
    pages = APIRouter(include_in_schema=False)

    @pages.get("/embed/prices/{product}.svg")
    def chart(
        request: Request,
        product: str,
        county: Annotated[str, Query(max_length=6)],
        m: Annotated[list[str] | None, Query()] = None,
        span: Annotated[str, Query(alias="range")] = "1y",
    ) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        a = asked(services, county, product, m or [], span, lang)
        d = drawn(services, product, a.chosen, a.range_key, a.today)
        rows = [r for r in a.rows if r.market in a.chosen]
        sources = list(dict.fromkeys(name_of(a.sources[r.source], lang) if r.source in a.sources else r.source for r in rows))
        title = t("%(product)s的价格", product=a.name) + f" ({price_unit(lang)})"
        newest = max(r.valid_date for r in rows)
        notes = [
            t(
                "来源：%(sources)s；最新报价日 %(day)s（%(age)s）",
                sources=listed(sources, lang),
                day=newest,
                age=days_old((a.today - newest).days, t),
            )
        ]
        shades = [t("浅绿：往年同期中间一半（%(n)s 年）", n=d.band_years)] if d.band else []
        if d.forecast:
            shades.append(t("浅黄：预测，十次里八次会落在里面；%(day)s 做出", day=d.forecast.made_on))
        notes.append(listed(shades, lang))
        link = str(request.base_url).rstrip("/") + f"/c/{county}/prices/{product}"
        words = Caption(title, tuple(a.label[x] for x in a.chosen), tuple(notes), link, t("数字、方法和出处：溯禾"))
        body = embed_svg(chart_of(d, title, a.label, lang, t), words, lang).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {**embedded(SHEET), "etag": tag, "cache-control": f"public, max-age={KEPT_SECONDS}", "vary": "Accept-Language"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="image/svg+xml; charset=utf-8", headers=headers)

    return pages
