"""Compliance certificates (承诺达标合格证) and corrections in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.i18n import Translate
from dashboards.joining import clauses, listed

if TYPE_CHECKING:
    from dashboards.telling import Teller
    from traceability.views import EventView, LotHistory

# Printed as it stands in every language: the order asks for these words.
TITLE = "承诺达标合格证"
_PARTY = "urn:suhe:party:"


@dataclass(frozen=True, slots=True)
class CertificateWords:
    """A lot's certificate as a page shows it; `text` says what is missing where there is none."""

    title: str
    present: bool
    text: str
    promise: str


def certificate_of(history: LotHistory, teller: Teller, lang: str, t: Translate) -> CertificateWords:
    """Return the last certificate of the lot itself. One of a lot it came from does not cover it: mixing and repacking need a new one."""
    own = own_certificate(history.events)
    if own is None:
        missing = t("这一批由别的批次合并或分装而来，需要新的合格证。") if history.parents else t("这一批还没有合格证。")
        return CertificateWords(TITLE, False, missing if history.summary.quantity is not None else t("还没有采收。"), "")
    told = own.body["suhe:certificate"]
    promise = t("承诺不使用禁用的农药兽药，常规农药兽药残留不超标。这是开具者的承诺，不是检测结论。")
    return CertificateWords(TITLE, True, clauses([str(told["product"]), *tell_certificate(own, teller, lang, t)], lang), promise)


def own_certificate(events: Iterable[EventView]) -> EventView | None:
    """Return the last readable certificate among a lot's events."""
    return max((e for e in events if e.kind == "certificate" and e.readable), key=lambda e: e.log_index, default=None)


def tell_certificate(event: EventView, teller: Teller, lang: str, t: Translate) -> list[str]:
    """Return a certificate in words."""
    told = event.body["suhe:certificate"]
    names = {"self_test": t("自检"), "entrusted_test": t("委托检测"), "internal_control": t("内部质量控制"), "self_promise": t("自我承诺")}
    return [
        teller.amount(event, "subject"),
        t("产地 %(where)s", where=told["origin"]),
        t("开具日期 %(day)s", day=told["date"]),
        t("承诺主体 %(who)s", who=teller.party(str(told["promiser"]).removeprefix(_PARTY))),
        t("联系方式 %(c)s", c=told["contact"]),
        t("依据：%(items)s", items=listed((names[b] for b in told["basis"]), lang)),
        t("按 %(rule)s", rule=told["rule"]),
    ]


def tell_correction(event: EventView, t: Translate) -> list[str]:
    """Return a correction in words."""
    told = event.body["suhe:correction"]
    return [
        t("%(field)s：原写“%(wrong)s”，应为“%(right)s”", field=field_name(str(told["field"]), t), wrong=told["wrong"], right=told["right"]),
        t("原因：%(why)s", why=told["reason"]),
    ]


def corrected(events: Iterable[EventView]) -> dict[str, EventView]:
    """Return the last correction of each event that was corrected, by the event's id."""
    return {str(e.body["suhe:correction"]["event"]): e for e in events if e.kind == "correct" and e.readable}


def field_name(field: str, t: Translate) -> str:
    """Return the name of a field that can be corrected, in words."""
    names = {
        "note": t("备注"), "seller": t("卖方"), "purpose": t("用途"), "grade": t("等级"), "package": t("包装"),
        "temperature": t("到货温度"), "nameZh": t("名称"), "nameEn": t("英文名称"), "maker": t("生产者"),
        "registration": t("登记证号"), "batch": t("批号"), "report": t("报告号"), "lab": t("实验室"), "origin": t("产地"),
        "contact": t("联系方式"), "custody": t("保管"),
    }  # fmt: skip
    return names.get(field.rsplit(".", 1)[-1].removeprefix("suhe:"), field)
