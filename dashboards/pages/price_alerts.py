"""Price alerts on a phone: what rings, who has seen it, the rules, a form for a new one, and whether the channels work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.alert_view import Said, form_context, page_context, rule_of_form
from dashboards.api.deps import caller_of, require
from dashboards.api.price_alerts import check_county_of
from dashboards.pages.shell import gettext_of, lang_of, render
from foundation.errors import BadInput, Conflict
from foundation.notify_outbox import SENT
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services

WRITERS = ("county", "cooperative")
Writer = Annotated[Caller, Depends(require(*WRITERS))]


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a submitted form, the first of each name."""
    return {k: v[0] for k, v in parse_qs((await request.body()).decode("utf-8", "replace")).items()}


Form = Annotated[dict[str, str], Depends(form_of)]


def router(services: Services) -> APIRouter:
    """Return the routes of the page; it is for cooperatives and the office, and to look at in a demo."""
    readers = [Depends(require("guest", *WRITERS))]
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=readers)
    alerts = services.price_alerts

    def page(request: Request, county: str, given: dict[str, str], *, wrong: str = "", said: str = "", status: int = 200) -> Response:
        lang, t, caller = lang_of(request), gettext_of(request), caller_of(request)
        assert caller is not None
        check_county_of(caller, county)
        place = services.registry.county(county)
        name, role = (caller.name, caller.role)
        return render(
            request, "price_alerts.html", status, county=county, county_name=place.name_zh if lang == "zh-Hans" else place.name_en,
            may_write=role in (*WRITERS, "administrator"), wrong=wrong, said=said,
            **page_context(services, county, lang, t, name, role), **form_context(services, county, lang, t, given.get("kind", ""), given),
        )  # fmt: skip

    @pages.get("/c/{county}/price-alerts")
    def show(
        request: Request,
        county: str,
        kind: Annotated[str, Query(max_length=20)] = "",
        product: Annotated[str, Query(max_length=64)] = "",
        market: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:
        return page(request, county, {"kind": kind, "product": product, "market": market})

    @pages.post("/c/{county}/price-alerts")
    def add(request: Request, county: str, form: Form, caller: Writer) -> Response:
        check_county_of(caller, county)
        t = gettext_of(request)
        try:
            alerts.add_rule(rule_of_form(form, county, caller.name, lang_of(request), t))
        except Said as error:
            return page(request, county, form, wrong=error.message, status=422)
        except BadInput:
            return page(request, county, form, wrong=t("没有这个产品、市场、来源或通道。"), status=422)
        except Conflict:
            return page(request, county, form, wrong=t("这个县的规则已经到了上限，请先删掉不用的。"), status=409)
        return RedirectResponse(f"/c/{county}/price-alerts#rules", status_code=303)

    @pages.post("/c/{county}/price-alerts/rules/{rule}/remove")
    def remove(county: str, rule: str, caller: Writer) -> Response:
        check_county_of(caller, county, alerts.rule(rule).county)
        alerts.remove_rule(rule, caller.name, caller.role)
        return RedirectResponse(f"/c/{county}/price-alerts#rules", status_code=303)

    @pages.post("/c/{county}/price-alerts/alarms/{alarm}/acknowledge")
    def acknowledge(county: str, alarm: str, caller: Writer) -> Response:
        check_county_of(caller, county, alerts.alarm(alarm).rule.county)
        alerts.acknowledge(alarm, caller.name)
        return RedirectResponse(f"/c/{county}/price-alerts", status_code=303)

    @pages.post("/c/{county}/price-alerts/channels/{channel}/test")
    def try_channel(request: Request, county: str, channel: str, caller: Writer) -> Response:
        check_county_of(caller, county)
        t, entry = gettext_of(request), alerts.test_channel(county, channel)
        if entry.state == SENT:
            return page(request, county, {}, said=t("测试消息已送到 %(name)s。", name=channel))
        return page(request, county, {}, wrong=t("测试消息没有送到 %(name)s，原因见下面的消息。", name=channel))

    return pages
