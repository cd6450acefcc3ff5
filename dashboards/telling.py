"""Trace events as sentences: what was done, by whom, where, with what. It tells only what the signed body says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dashboards.certificate_words import tell_certificate, tell_correction
from dashboards.i18n import CHINESE, Translate
from dashboards.inspection_words import method_meaning, result_name, tell_judgement, tell_sample, tell_test
from dashboards.joining import clauses, listed, named
from foundation.errors import NotFound
from traceability.fields_trade import SCREENING_METHODS

if TYPE_CHECKING:
    from registry.service import Registry
    from traceability.views import Amount, EventView

_PARTY = "urn:suhe:party:"


@dataclass(frozen=True, slots=True)
class Told:
    """One event in words."""

    title: str
    who: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """One inspection in words: what was found, and what that can and cannot mean."""

    title: str
    passed: bool
    who: str
    details: str
    meaning: str


class Teller:
    """Turns events into one language, asking the registry for each name once."""

    def __init__(self, registry: Registry, lang: str, t: Translate) -> None:
        self._registry = registry
        self._lang = lang
        self._t = t
        self._names: dict[tuple[str, str], str] = {}

    def tell(self, event: EventView, input_names: Mapping[str, str] | None = None) -> Told:
        """Return the event in words; `input_names` gives the names of bought inputs by lot, where they are known."""
        t = self._t
        titles = {
            "plant": t("种植"), "input_bought": t("购入投入品"), "input_used": t("使用投入品"), "harvest": t("采收"), "inspect": t("检测"),
            "split": t("分批"), "merge": t("合批"), "pack": t("包装"), "ship": t("发运"), "receive": t("收货"),
            "sensor_summary": t("冷链小结"), "sell": t("售出"), "recall": t("召回"), "recall_lifted": t("撤销召回"),
            "sample": t("抽样"), "test": t("检验"), "judge": t("判定"),
            "certificate": t("承诺达标合格证"), "correct": t("更正"),
        }  # fmt: skip
        if not event.readable:
            return Told(titles.get(event.kind, event.kind), self.party(event.party), "", "")
        parts = _TELL[event.kind](self, event, input_names or {})
        parts.append(str(event.body.get("suhe:note", "")))
        title = t("召回演练") if event.kind == "recall" and event.body["suhe:drill"] else titles[event.kind]
        return Told(title, self.party(event.party), self.place(event), clauses(parts, self._lang))

    def inspection(self, event: EventView) -> Inspection:
        """Return an inspection with what its method can show, so that a rapid card is not read as a laboratory's word."""
        t = self._t
        found: Mapping[str, Any] = event.body["suhe:inspection"]
        method, result = str(found["method"]), str(found["result"])
        details = [
            t("标准 %(s)s", s=found["standard"]) if "standard" in found else "",
            t("抽样 %(n)s 份", n=found["samples"]) if "samples" in found else "",
            t("项目：%(items)s", items=listed(map(str, found["items"]), self._lang)) if "items" in found else "",
            t("报告 %(r)s", r=found["report"]) if "report" in found else "",
        ]
        meaning = method_meaning(method, self._lang, t)
        title = named(self.method(method), result_name(result, t, screening=method in SCREENING_METHODS), self._lang)
        return Inspection(title, result == "pass", self.party(event.party), clauses(details, self._lang), meaning)

    def method(self, method: str) -> str:
        """Return the name of an inspection method."""
        t = self._t
        names = {
            "enzyme_inhibition": t("酶抑制率法快检"),
            "colloidal_gold": t("胶体金快检"),
            "gc_ms": t("气相色谱-质谱"),
            "lc_ms": t("液相色谱-质谱"),
            "heavy_metals": t("重金属检测"),
            "sensory": t("感官检查"),
        }
        return names.get(method, t("其他检查"))

    def party(self, party: str) -> str:
        """Return a party's name, or its id where the registry does not know it."""
        return self._name("party", party)

    def plot(self, plot: str) -> str:
        """Return county, base and plot as one place; no coordinates, no address."""
        if not plot:
            return ""
        key = ("place", plot)
        if key not in self._names:
            try:
                thing = self._registry.plot(plot)
                base = self._registry.base(thing.base)
                county = self._registry.county(base.county)
            except NotFound:
                self._names[key] = plot
            else:
                names = [self._of(county), self._of(base), self._of(thing)]
                self._names[key] = "".join(names) if self._lang == CHINESE else ", ".join(reversed(names))
        return self._names[key]

    def place(self, event: EventView) -> str:
        """Return where an event happened: a plot, or a party's premises."""
        if event.plot:
            return self.plot(event.plot)
        place = str(event.body.get("bizLocation", {}).get("id", ""))
        if not place.startswith(_PARTY) or place.endswith(f":{event.party}"):
            return ""
        return self.party(place.removeprefix(_PARTY))

    def product(self, product: str, variety: str = "") -> str:
        """Return what is sold: in Chinese a variety's name says its product, in English both stand."""
        try:
            thing = self._registry.product(product)
        except NotFound:
            return product
        known = next((v for v in thing.varieties if v.id == variety), None)
        if known is None:
            return self._of(thing)
        return self._of(known) if self._lang == CHINESE else f"{self._of(thing)}, {self._of(known).lower()}"

    def amount(self, event: EventView, *roles: str) -> str:
        """Return the sum of the quantities of the lots in these roles."""
        items = [a for a in _playing(event, *roles) if a.quantity is not None]
        return (
            quantity_text(sum((a.quantity for a in items if a.quantity is not None), Decimal(0)), items[0].unit, self._t) if items else ""
        )

    def _name(self, kind: str, key: str) -> str:
        if not key:
            return ""
        if (kind, key) not in self._names:
            try:
                self._names[(kind, key)] = self._of(self._registry.party(key))
            except NotFound:
                self._names[(kind, key)] = key
        return self._names[(kind, key)]

    def _of(self, thing: Any) -> str:
        return str(thing.name_zh if self._lang == CHINESE else thing.name_en)

    def _plant(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        return [self.product(event.product, event.variety)]

    def _bought(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        t, ilmd = self._t, event.body["ilmd"]
        seller = event.body.get("suhe:seller")
        return [
            input_class(str(ilmd["suhe:inputClass"]), t),
            input_name(ilmd, self._lang),
            self.amount(event, "made"),
            t("登记证号 %(n)s", n=ilmd["suhe:registration"]) if "suhe:registration" in ilmd else "",
            t("批号 %(n)s", n=ilmd["suhe:batch"]) if "suhe:batch" in ilmd else "",
            t("安全间隔期 %(n)s 天", n=ilmd["suhe:intervalDays"]) if ilmd.get("suhe:intervalDays") else "",
            t("购自 %(who)s", who=seller) if seller else "",
        ]

    def _used(self, event: EventView, names: Mapping[str, str]) -> list[str]:
        t = self._t
        days = event.body.get("suhe:intervalDays")
        return [
            listed((names[a.lot] for a in _playing(event, "subject") if a.lot in names), self._lang),
            self.amount(event, "subject"),
            str(event.body.get("suhe:purpose", "")),
            t("安全间隔期 %(n)s 天", n=days) if days else "",
        ]

    def _harvest(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        return [self.amount(event, "subject"), str(event.body.get("suhe:grade", ""))]

    def _inspect(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        seen = self.inspection(event)
        return [seen.title, seen.details]

    def _sample(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        return tell_sample(event, self, self._t)

    def _test(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        return tell_test(event, self, self._lang, self._t)

    def _judge(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        return tell_judgement(event, self._lang, self._t)

    def _certificate(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        return tell_certificate(event, self, self._lang, self._t)

    def _correct(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        return tell_correction(event, self._t)

    def _transform(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        t = self._t
        return [
            t("%(a)s 分成 %(n)s 批", a=self.amount(event, "input"), n=len(_playing(event, "output"))) if event.kind == "split"
            else t("%(n)s 批合成 %(a)s", a=self.amount(event, "output"), n=len(_playing(event, "input"))) if event.kind == "merge"
            else t("用 %(a)s 装成 %(b)s", a=self.amount(event, "input"), b=self.amount(event, "output")),
            str(event.body.get("suhe:package", "")),
        ]  # fmt: skip

    def _ship(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        t = self._t
        carrier = str(event.body.get("suhe:carrier", "")).removeprefix(_PARTY)
        return [
            t("%(a)s 发往 %(who)s", a=self.amount(event, "subject"), who=self.party(event.to_party)),
            t("承运 %(who)s", who=self.party(carrier)) if carrier else "",
        ]

    def _receive(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        t = self._t
        warmth = event.body.get("suhe:temperature")
        return [
            t("收到 %(who)s 发来的 %(a)s", a=self.amount(event, "subject"), who=self.party(event.from_party)),
            t("到货温度 %(n)s °C", n=f"{warmth:g}") if warmth is not None else "",
        ]

    def _sensor_summary(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        t = self._t
        report, cold = event.body["sensorElementList"][0]["sensorReport"][0], event.body["suhe:cold"]
        measured = {k: f"{report[k]:g}" for k in ("minValue", "maxValue", "meanValue") if k in report}
        return [
            t("货厢 %(minValue)s 至 %(maxValue)s °C，平均 %(meanValue)s", **measured) if len(measured) == 3 else t("没有一条读数"),
            t("限外 %(n)s 分钟", n=f"{cold['minutesAbove'] + cold['minutesBelow']:g}"),
            t("没有数据 %(n)s 分钟", n=f"{cold['minutesUnknown']:g}"),
        ]

    def _sell(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        return [self._t("%(a)s 售给消费者", a=self.amount(event, "subject"))]

    def _recall(self, event: EventView, _names: Mapping[str, str]) -> list[str]:
        told = event.body["suhe:recall"]
        reason = told["reasonZh"] if self._lang == CHINESE else told.get("reasonEn", told["reasonZh"])
        return [self._t("%(n)s 级", n=told["level"]), str(reason)]

    def _recall_lifted(self, _event: EventView, _names: Mapping[str, str]) -> list[str]:
        return []


_TELL: dict[str, Callable[[Teller, EventView, Mapping[str, str]], list[str]]] = {
    "plant": Teller._plant,
    "input_bought": Teller._bought,
    "input_used": Teller._used,
    "harvest": Teller._harvest,
    "inspect": Teller._inspect,
    "split": Teller._transform,
    "merge": Teller._transform,
    "pack": Teller._transform,
    "ship": Teller._ship,
    "receive": Teller._receive,
    "sensor_summary": Teller._sensor_summary,
    "sell": Teller._sell,
    "recall": Teller._recall,
    "recall_lifted": Teller._recall_lifted,
    "sample": Teller._sample,
    "test": Teller._test,
    "judge": Teller._judge,
    "certificate": Teller._certificate,
    "correct": Teller._correct,
}


def input_class(name: str, t: Translate) -> str:
    """Return the name of a class of inputs."""
    return {
        "seed": t("种子种苗"),
        "fertiliser": t("肥料"),
        "pesticide": t("农药"),
        "film": t("农膜"),
        "spawn": t("菌种"),
        "feed": t("饲料"),
    }.get(name, t("其他"))


def input_name(ilmd: Mapping[str, Any], lang: str) -> str:
    """Return what a bought input is called."""
    return str(ilmd["suhe:nameZh"] if lang == CHINESE else ilmd.get("suhe:nameEn", ilmd["suhe:nameZh"]))


def quantity_text(quantity: Decimal, unit: str, t: Translate) -> str:
    """Return a quantity with its unit."""
    text = f"{quantity:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text + " " + {"kg": t("公斤"), "L": t("升"), "piece": t("件")}.get(unit, unit)


def _playing(event: EventView, *roles: str) -> list[Amount]:
    return [a for a in event.amounts if a.role in roles]
