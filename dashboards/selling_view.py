"""Where to sell, in words and numbers: a ranking as a page shows it, with every part of each netback and one sentence on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.i18n import CHINESE, Translate, name_of, number_text
from dashboards.joining import clauses, listed, sentences
from dashboards.price_words import days_old, price_text, price_unit
from logistics.selling.model import RETAIL, TOO_OLD, TROUBLED, UNPLACED, Netback, Ranking, RefusedMarket
from logistics.tariff import DUE_NOT_FRESH, DUE_NOT_FULL, FREE_MASS, FREE_VOLUME, NO_ROAD

if TYPE_CHECKING:
    from dashboards.services import Services


@dataclass(frozen=True, slots=True)
class MarketLine:
    """One ranked market as the page shows it; every price is in the reader's unit."""

    rank: int
    id: str
    market: str
    netback: str
    span: str
    worth_it: bool
    price: str
    price_age: str
    source: str
    freight: str
    toll: str
    toll_why: str
    loss: str
    loss_share: str
    fees: str
    packing: str
    haul: str
    way: str


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """One market that is not ranked, and why."""

    market: str
    price: str
    age: str
    why: str


@dataclass(frozen=True, slots=True)
class SellingView:
    """The whole ranking."""

    sentence: str
    doubt: str
    unit: str
    lines: tuple[MarketLine, ...]
    refused: tuple[RefusedLine, ...]
    tariff: str
    method: str


def selling_view(services: Services, ranking: Ranking, lang: str, t: Translate) -> SellingView:
    """Return a ranking in the reader's language."""
    markets = {m.id: name_of(m, lang) for m in services.prices.markets()}
    sources = {s.id: name_of(s, lang) for s in services.prices.sources()}
    lines = tuple(_line(k, n, markets, sources, lang, t) for k, n in enumerate(ranking.ranked, 1))
    return SellingView(
        sentence=explain(services, ranking, markets, lang, t),
        doubt=doubt_of(ranking, lang, t),
        unit=price_unit(lang),
        lines=lines,
        refused=tuple(_refused(r, markets, lang, t) for r in ranking.refused),
        tariff=ranking.tariff,
        method=ranking.distance_method,
    )


def explain(services: Services, ranking: Ranking, markets: dict[str, str], lang: str, t: Translate) -> str:
    """Return the one sentence on top: where, what is left of it, by how much it leads and by what."""
    product = name_of(services.registry.product(ranking.product), lang)
    if lang != CHINESE:
        product = product.lower()
    base = name_of(services.registry.base(ranking.base), lang)
    load = {"kg": number_text(ranking.kg, lang), "product": product, "base": base}
    if not ranking.ranked:
        if any(r.reason != TOO_OLD for r in ranking.refused):
            return t("%(base)s的 %(kg)s 公斤%(product)s：有报价，但没有一条能拿来排名，原因在下面。", **load)
        if ranking.refused:
            return t("%(base)s的 %(kg)s 公斤%(product)s：有报价，但没有一条新到能拿来排名。", **load)
        return t("%(base)s的 %(kg)s 公斤%(product)s：今天没有市场报这种产品的价。", **load)
    best = ranking.ranked[0]
    said = {**load, "market": markets[best.quoted.market], "net": price_text(best.mid, lang).replace("-", "−"), "unit": price_unit(lang)}
    if best.mid <= 0:
        return t(
            "%(base)s的 %(kg)s 公斤%(product)s：没有一个市场的价格抵得过运费、损耗和费用；最近似的是%(market)s，%(net)s %(unit)s。", **said
        )
    first = t("今天把%(base)s的 %(kg)s 公斤%(product)s卖到%(market)s最合算，到手 %(net)s %(unit)s", **said)
    if len(ranking.ranked) == 1:
        return first + t("；只有这一个市场的报价能拿来排名。")
    second = ranking.ranked[1]
    lead = price_text(ranking.lead_milli or 0, lang)
    if lead == price_text(0, lang):
        return first + t("，和第二的%(second)s几乎一样。", second=markets[second.quoted.market])
    return first + t(
        "，比第二的%(second)s多 %(lead)s：%(why)s。", second=markets[second.quoted.market], lead=lead, why=_why(best, second, lang, t)
    )


def _why(best: Netback, second: Netback, lang: str, t: Translate) -> str:
    """Return what speaks most for the best market against the second."""
    gains = {
        "price": best.quoted.mid - second.quoted.mid,
        "way": (second.freight_milli + second.toll_milli) - (best.freight_milli + best.toll_milli),
        "loss": (second.loss_milli + second.fees_milli) - (best.loss_milli + best.fees_milli),
    }
    top = max(gains, key=lambda k: gains[k])
    amount = price_text(max(gains[top], 0), lang)
    said = {
        "price": t("那里的价格高 %(n)s", n=amount),
        "way": t("运费和过路费少 %(n)s", n=amount),
        "loss": t("损耗和费用少 %(n)s", n=amount),
    }
    return said[top]


def doubt_of(ranking: Ranking, lang: str, t: Translate) -> str:
    """Return how sure the order is."""
    if not ranking.ranked:
        return ""
    ages = sorted({n.quoted.age_days for n in ranking.ranked})
    old = listed((days_old(a, t) for a in ages), lang)
    parts = [t("报价的日子：%(days)s。运费、损耗和费用按估算的费率，可用来比较，不是报价单。", days=old)]
    if ranking.too_close:
        parts.append(t("前两名的差小于报价自己的高低差，先后并不确定。"))
    return sentences(parts, lang)


def toll_text(reasons: tuple[str, ...], lang: str, t: Translate) -> str:
    """Return why toll is due or not."""
    words = {
        FREE_MASS: t("免：整车鲜活农产品，装到核定载质量的八成"),
        FREE_VOLUME: t("免：整车鲜活农产品，装到车厢容积的八成"),
        DUE_NOT_FULL: t("要交：没装到八成"),
        DUE_NOT_FRESH: t("要交：不全是目录内的鲜活农产品"),
        NO_ROAD: t("不上路"),
    }
    return listed((words[r] for r in reasons), lang)


def _line(rank: int, n: Netback, markets: dict[str, str], sources: dict[str, str], lang: str, t: Translate) -> MarketLine:
    def p(milli: int) -> str:
        return price_text(milli, lang).replace("-", "−")

    truck = name_of(n.haul.truck, lang)
    fill, last = n.haul.costs[0].fill_percent, n.haul.costs[-1].fill_percent
    haul = t("%(n)s 辆%(truck)s，装到 %(fill)s%%", n=n.haul.trucks, truck=truck, fill=fill)
    return MarketLine(
        rank=rank,
        id=n.quoted.market,
        market=markets[n.quoted.market],
        netback=p(n.mid),
        span=t("%(a)s 至 %(b)s", a=p(n.low), b=p(n.high)),
        worth_it=n.mid > 0,
        price=p(n.quoted.mid),
        price_age=days_old(n.quoted.age_days, t),
        source=sources.get(n.quoted.source, n.quoted.source),
        freight=p(n.freight_milli),
        toll=p(n.toll_milli),
        toll_why=toll_text(n.haul.toll_reasons, lang, t),
        loss=p(n.loss_milli),
        loss_share=f"{n.loss_ppm / 10_000:.1f}%",
        fees=p(n.fees_milli),
        packing=p(n.packing_milli),
        haul=clauses([haul, t("末一辆 %(last)s%%", last=last) if last != fill else ""], lang),
        way=t("%(km)s 公里，路上约 %(h)s 小时", km=number_text(round(n.haul.metres / 1000), lang), h=f"{n.haul.drive_seconds / 3600:.1f}"),
    )


def _refused(r: RefusedMarket, markets: dict[str, str], lang: str, t: Translate) -> RefusedLine:
    words = {
        TOO_OLD: t("报价超过 3 天，不拿来排名"),
        TROUBLED: t("来源最近一次的回答没有被采信"),
        RETAIL: t("零售价不能和批发价一起排"),
        UNPLACED: t("不知道市场在哪里，算不出运费"),
    }
    return RefusedLine(markets[r.quoted.market], price_text(r.quoted.mid, lang), days_old(r.quoted.age_days, t), words[r.reason])
