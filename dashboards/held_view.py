"""A batch in quarantine in words: each signal with what was promised and what came, the first rows, the raw answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.i18n import Translate, day_text, name_of, time_text
from dashboards.price_words import price_text, price_unit
from dashboards.reasons import reason_text
from pricing.sources import SOURCES

if TYPE_CHECKING:
    from pricing.quarantine import HeldBatch, HeldDetail
    from pricing.quotes import Market


@dataclass(frozen=True, slots=True)
class HeldLine:
    """One batch in a list."""

    run_id: int
    source: str
    when: str
    days: str
    why: str
    rows: int
    decision: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class SignalLine:
    """One thing a guard saw."""

    fatal: bool
    name: str
    what: str
    promised: str
    came: str


@dataclass(frozen=True, slots=True)
class RowLine:
    """One row of the batch as it reads today."""

    day: str
    market: str
    name: str
    raw: str
    price: str


def held_lines(batches: Iterable[HeldBatch], lang: str, t: Translate) -> list[HeldLine]:
    """Return batches as lines of a list."""
    return [
        HeldLine(
            b.run_id, _source_name(b.source, lang), time_text(b.started_ms, lang), _days(b, lang), reason_text(b.why, lang), b.received,
            decision_text(b, lang, t), b.is_open,
        )
        for b in batches
    ]  # fmt: skip


def detail_context(found: HeldDetail, markets: Iterable[Market], lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the page of one batch shows."""
    b = found.batch
    names = {m.id: name_of(m, lang) for m in markets}
    signals = [SignalLine(f.fatal, signal_text(f.signal, t), reason_text(f.text, lang), f.promised[:300], f.came[:300]) for f in b.findings]
    rows = []
    for q in found.quotes:
        label = " ".join(x for x in (q.series.name, q.series.spec, q.series.grade, q.series.origin) if x)
        market = names.get(q.series.market, q.series.market)
        rows.append(
            RowLine(
                day_text(q.valid_date, lang),
                market,
                label,
                " | ".join(x for x in q.raw_price.split("|") if x) + f" / {q.raw_unit}",
                price_text(q.mid, lang),
            )
        )
    return {
        "batch": b,
        "line": held_lines([b], lang, t)[0],
        "signals": signals,
        "rows": rows,
        "unit": price_unit(lang),
        "refused": [(r.row, r.name, r.detail) for r in found.refused],
        "payloads": found.payloads,
        "unreadable": reason_text(found.unreadable, lang),
    }


def signal_text(signal: str, t: Translate) -> str:
    """Return what a signal looks at."""
    names = {
        "a": t("列"), "b": t("行数"), "c": t("品名和市场"), "d": t("报价单位"), "e": t("价格整体变动"), "f": t("说有的和收到的"),
        "read": t("能不能读"),
    }  # fmt: skip
    return names.get(signal, signal)


def decision_text(b: HeldBatch, lang: str, t: Translate) -> str:
    """Return what became of a batch."""
    when = time_text(b.decided_ms, lang) if b.decided_ms else ""
    if b.decision == "accepted":
        return t("%(who)s 于 %(when)s 采信", who=b.decided_by, when=when)
    if b.decision == "left":
        return t("%(who)s 于 %(when)s 决定不采信", who=b.decided_by, when=when)
    return t("后来的好报价已经覆盖这几天") if b.decision == "overtaken" else t("等人看")


def host_text(breaker: str, rests_until_ms: int | None, lang: str, t: Translate) -> str:
    """Return how a host is left in peace."""
    if breaker == "open" and rests_until_ms:
        return t("先不打扰，到 %(when)s", when=time_text(rests_until_ms, lang))
    return t("歇过了，下一次先试探") if breaker == "half-open" else t("照常去问")


def robots_text(robots: str, t: Translate) -> tuple[str, str]:
    """Return what a host's robots.txt says of us, and the line that forbids something."""
    known = {"unasked": t("没有问过"), "allows": t("允许")}
    return (known[robots], "") if robots in known else (t("不许"), robots)


def bytes_text(got: int, most: int | None, t: Translate) -> str:
    """Return how much a host gave today, and of how much."""
    if most is None:
        return t("不限（本机）")
    return t("%(n)s kB，一天至多 %(most)s MB", n=-(-got // 1000), most=most // 1_000_000)


def _days(b: HeldBatch, lang: str) -> str:
    first, last = day_text(b.window.start, lang), day_text(b.window.end, lang)
    return first if first == last else f"{first} – {last}"


def _source_name(source: str, lang: str) -> str:
    found = SOURCES.get(source)
    return name_of(found, lang) if found is not None else source
