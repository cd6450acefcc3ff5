"""Samples, tests and judgements in words, with what a method can and cannot show; superseded results stay and are marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.i18n import Translate
from dashboards.joining import clauses, listed, named, sentences
from traceability.labelling import Finding, Hold, findings

if TYPE_CHECKING:
    from dashboards.telling import Teller
    from traceability.pass_rates import PassRate
    from traceability.views import EventView, LotHistory

# Crops whose own juice inhibits the enzyme of GB/T 5009.199, by our ids of products.
FALSE_POSITIVE = frozenset({"tomato", "onion", "garlic", "radish", "chive", "celery", "coriander", "water_bamboo", "mushroom"})


@dataclass(frozen=True, slots=True)
class InspectionWords:
    """One result in words."""

    event: EventView
    title: str
    who: str
    details: str
    meaning: str
    passed: bool
    superseded: bool


def results_of(lineage: Iterable[LotHistory], event_ids: Iterable[str], teller: Teller, lang: str, t: Translate) -> list[InspectionWords]:
    """Return every result of a lot and of what it came from, in time order, as far as its event is among `event_ids`."""
    shown, lines = set(event_ids), dict[str, InspectionWords]()
    for history in lineage:
        by_id = {e.event_id: e for e in history.events}
        for finding in findings(history.events):
            if finding.event.event_id in shown:
                lines.setdefault(finding.event.event_id, _line(finding, by_id, history.summary.product, teller, lang, t))
    return sorted(lines.values(), key=lambda x: (x.event.event_time_ms, x.event.log_index))


def result_name(result: str, t: Translate, *, screening: bool = False) -> str:
    """Return a result in words; a screening that found nothing is no pass."""
    if screening and result == "pass":
        return t("初筛未检出阳性")
    names = {"pass": t("合格"), "fail": t("不合格"), "screening_positive": t("初筛阳性，待确证"), "invalid": t("无效")}
    return names.get(result, result)


def tell_sample(event: EventView, teller: Teller, t: Translate) -> list[str]:
    """Return a sample in words."""
    told = event.body["suhe:sample"]
    return [
        t("抽样计划 %(p)s", p=told["plan"]),
        t("抽样方 %(who)s", who=teller.party(str(told["sampler"]).rsplit(":", 1)[1])),
        str(told["taken"]),
        t("保管 %(c)s", c=told["custody"]),
        t("抽样 %(n)s 份", n=told["units"]) if "units" in told else "",
    ]


def tell_test(event: EventView, teller: Teller, lang: str, t: Translate) -> list[str]:
    """Return a test in words: method, values, laboratory; no verdict, that is the judgement's."""
    told = event.body["suhe:test"]
    return [
        teller.method(str(told["method"])),
        t("标准 %(s)s", s=told["standard"]),
        listed((_value(a, t) for a in told["analytes"]), lang),
        str(told["lab"]),
        t("资质 CMA %(n)s", n=told["cma"]) if "cma" in told else "",
        t("认可 CNAS %(n)s", n=told["cnas"]) if "cnas" in told else "",
        t("第 %(n)s 次复测", n=told["retest"]) if "retest" in told else "",
        t("报告哈希 %(h)s…", h=str(told["reportHash"])[:12]),
    ]


def tell_judgement(event: EventView, lang: str, t: Translate) -> list[str]:
    """Return a judgement in words."""
    told = event.body["suhe:judgement"]
    limits = listed((f"{x['analyte']} {x['limit']:g} {x['unit']}" for x in told["limits"]), lang)
    screening = told["class"] == "screening"
    kind = t("初筛") if screening else t("确证检测")
    return [
        named(kind, result_name(str(told["result"]), t, screening=screening), lang),
        t("依据 %(e)s", e=told["edition"]),
        t("限量：%(items)s", items=limits),
    ]


def method_meaning(method: str, lang: str, t: Translate, product: str = "") -> str:
    """Return what a method can show, so that a rapid card is not read as a laboratory's word."""
    if method == "enzyme_inhibition":
        text = t("这是快速初筛：只能看出有机磷和氨基甲酸酯类农药，不能证明没有别的农药；阳性要用仪器再确证。")
        more = t("这种作物本身的汁液会造成假阳性，要整株浸提。") if product in FALSE_POSITIVE else ""
        return sentences((text, more), lang)
    if method == "colloidal_gold":
        return t("这是快速初筛：每张卡只看一种或一类农药，不能证明没有别的；阳性要用仪器再确证。")
    if method in ("gc_ms", "lc_ms", "heavy_metals"):
        return t("这是仪器确证检测：只说明列出的项目，只对抽到的样品负责。")
    return t("只说明这次检查看到的，只对抽到的样品负责。")


def hold_lines(holds: Iterable[Hold], lot: str, t: Translate) -> list[str]:
    """Return in words what keeps a lot from going out, and whether it lies in the lot itself or in one it came from."""
    names = {"fail": t("不合格"), "screening_positive": t("初筛阳性，待确证"), "interval": t("在安全间隔期内采收")}
    return [
        t("本批%(what)s，不能放行。", what=names[h.reason]) if h.lot == lot
        else t("来自批次 %(lot)s，它%(what)s；由它而来的都不能放行。", lot=h.lot.rsplit(":", 1)[1], what=names[h.reason])
        for h in holds
        if h.reason in names
    ]  # fmt: skip


def rate_text(rate: PassRate, t: Translate) -> str:
    """Return a pass rate with its size and interval; never a rate alone."""
    if not rate.n:
        return t("没有结果")
    low, high = rate.interval
    return t(
        "%(k)s/%(n)s 批，%(p)s%%（95%% 区间 %(low)s–%(high)s%%）",
        k=rate.passed, n=rate.n, p=f"{100 * rate.passed / rate.n:.1f}", low=f"{100 * low:.1f}", high=f"{100 * high:.1f}",
    )  # fmt: skip


def short_rate(rate: PassRate) -> str:
    """Return passed of tested with the 95 % interval, for a wall where words are few; "–" where nothing was tested."""
    low, high = rate.interval
    return f"{rate.passed}/{rate.n} [{100 * low:.0f}–{100 * high:.0f}%]" if rate.n else "–"


def _line(finding: Finding, events: Mapping[str, EventView], product: str, teller: Teller, lang: str, t: Translate) -> InspectionWords:
    e = finding.event
    later = t("已有后来的结果，以后者为准；这一条保留。") if finding.superseded else ""
    if e.kind == "inspect":
        seen = teller.inspection(e)
        meaning = sentences([x for x in (seen.meaning, later) if x], lang)
        return InspectionWords(e, seen.title, seen.who, seen.details, meaning, seen.passed, finding.superseded)
    told: Mapping[str, Any] = e.body["suhe:judgement"]
    test = events.get(str(told["test"]))
    tested = test.body["suhe:test"] if test is not None and test.readable else None
    method = str(tested["method"]) if tested else ""
    title = named(teller.method(method), result_name(finding.result, t, screening=finding.screening), lang)
    values = tell_test(test, teller, lang, t)[1:] if test is not None and tested else [t("没有找到对应的检测记录")]
    details = clauses([*values, *tell_judgement(e, lang, t)[1:]], lang)
    meaning = sentences([x for x in (method_meaning(method, lang, t, product), later) if x], lang)
    return InspectionWords(e, title, teller.party(e.party), details, meaning, finding.result == "pass", finding.superseded)


def _value(analyte: Mapping[str, Any], t: Translate) -> str:
    if "below" in analyte:
        return t(
            "%(name)s 未检出（低于 %(limit)s %(unit)s）", name=analyte["name"], limit=f"{analyte[analyte['below']]:g}", unit=analyte["unit"]
        )
    text = f"{analyte['name']} {analyte['value']:g} {analyte['unit']}"
    return text + (f" ± {analyte['uncertainty']:g}" if "uncertainty" in analyte else "")
