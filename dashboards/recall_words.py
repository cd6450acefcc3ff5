"""Recalls in words: the notice on every affected page, and what a recall's page tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.i18n import CHINESE, Translate, time_text
from dashboards.telling import Teller, quantity_text

if TYPE_CHECKING:
    from dashboards.services import Services
    from registry.people import Caller
    from traceability.balance import Balance
    from traceability.reach import Reach
    from traceability.recall_state import RecallCase

# A page names so many lots; the exports name all.
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class RecallNotice:
    """What stands on the page of an affected lot. `id` is the recall's, for a link."""

    id: str
    drill: bool
    title: str
    reason: str
    said: str


def recall_notice(services: Services, lot: str, lang: str, t: Translate, *, drills: bool = False) -> RecallNotice | None:
    """Return the notice of the open recall that reaches a lot, the gravest first, or None. Consumers see no drills."""
    found = services.recalls.affecting([lot]).get(lot, [])
    cases = sorted((c for c in found if drills or not c.drill), key=lambda c: (c.drill, c.level, -c.log_index))
    return _notice(services, cases[0], lang, t) if cases else None


def recalled_lots(services: Services, lots: Iterable[str]) -> dict[str, bool]:
    """Return, of these lots, those an open recall or drill reaches, with whether it is a drill only."""
    return {lot: all(c.drill for c in cases) for lot, cases in services.recalls.affecting(lots).items()}


def short_id(recall_id: str) -> str:
    """Return a recall's id as it stands in addresses."""
    return recall_id.removeprefix("urn:uuid:")


def reason_of(case: RecallCase, lang: str) -> str:
    """Return why, in the reader's language where it was given in it."""
    return case.reason_zh if lang == CHINESE else case.reason_en or case.reason_zh


def _notice(services: Services, case: RecallCase, lang: str, t: Translate) -> RecallNotice:
    who = Teller(services.registry, lang, t).party(case.party)
    title = t("召回演练：不是真的召回") if case.drill else t("正在召回：请不要食用，请退回购买处")
    said = t("%(who)s 于 %(when)s 发出，%(n)s 级", who=who, when=time_text(case.record_ms, lang), n=case.level)
    return RecallNotice(short_id(case.id), case.drill, title, reason_of(case, lang), said)


@dataclass(frozen=True, slots=True)
class ReachView:
    """The reach of a recall as its page shows it."""

    lots: tuple[tuple[str, str, str, str, bool, bool], ...]
    more: int
    count: int
    receivers: str
    codes: int
    mixed: str
    parties: tuple[tuple[str, str, str, str, str, str], ...]
    unconfirmed: tuple[tuple[str, str, str, int], ...]
    at: str


def reach_view(services: Services, reach: Reach, lang: str, t: Translate) -> ReachView:
    """Return a reach in words."""
    teller = Teller(services.registry, lang, t)
    lots = tuple(
        (
            x.id.split(":", 3)[3], teller.product(x.product) if x.product else x.name_zh, teller.party(x.party),
            quantity_text(x.quantity, x.unit, t) if x.quantity else "–", x.root, x.mixed,
        )
        for x in reach.lots[:MOST_SHOWN]
    )  # fmt: skip
    parties = tuple(
        (
            teller.party(p.party), quantity_text(p.received, p.unit, t), quantity_text(p.held, p.unit, t),
            quantity_text(p.mixed_held, p.unit, t) if p.mixed_held else "–", quantity_text(p.arriving, p.unit, t),
            quantity_text(p.sold, p.unit, t),
        )
        for p in reach.tallies
    )  # fmt: skip
    waiting = tuple(
        (teller.party(u.from_party), teller.party(u.to_party), time_text(u.departs_ms, lang), len(u.lots)) for u in reach.unconfirmed
    )
    known = (
        t("%(n)s 个收货方里 %(k)s 个已确认收货", n=len(reach.receivers), k=len(reach.confirmed))
        if reach.receivers
        else t("还没有发给任何人")
    )
    mixed = (
        t("其中 %(n)s 批混有别的批次：分不出哪一部分受影响，数量是最多的可能。", n=reach.mixed)
        if reach.mixed
        else t("没有混入别的批次，数量就是受影响的数量。")
    )
    return ReachView(
        lots, max(0, len(reach.lots) - MOST_SHOWN), len(reach.lots), known, len(reach.codes), mixed, parties, waiting,
        time_text(reach.at_ms, lang),
    )  # fmt: skip


def balance_lines(b: Balance, t: Translate) -> list[tuple[str, str]]:
    """Return a lot's balance as labelled quantities; nothing while nothing of it exists."""
    if not b.came_in:
        return []
    kinds = {"split": t("分批用去"), "merge": t("合批用去"), "pack": t("包装用去"), "input_used": t("使用"), "sell": t("售给消费者")}
    lines = [(t("进"), b.came_in), *((kinds[k], v) for k, v in b.out.items()), (t("现存"), b.held), (t("在途"), b.in_transit)]
    if b.short:
        lines.append((t("收货时短少"), b.short))
    if not b.holds:
        lines.append((t("对不上"), b.unaccounted))
    return [(label, quantity_text(value, b.unit, t)) for label, value in lines]


def orderer(services: Services, caller: Caller, lots: Iterable[str]) -> str:
    """Return the party that a caller orders a recall for: its own, or the office of the lots' county.

    Raises:
        NotAllowed: a lot is another county's, or a cooperative did not make it.

    """
    from foundation.errors import NotAllowed, NotFound

    named = list(lots)
    counties = {lot.split(":")[3] for lot in named}
    if caller.county is not None and counties != {caller.county}:
        raise NotAllowed("this lot is another county's", expected=caller.county, got=", ".join(sorted(counties)))
    if caller.role == "cooperative":
        makers = {x.party for x in services.recalls.reach(named).lots if x.root}
        if caller.party is None or makers != {caller.party}:
            raise NotAllowed("a cooperative recalls its own lots", expected=caller.party or "a party", got=", ".join(sorted(makers)))
        return caller.party
    offices = [p.id for p in services.registry.parties(min(counties)) if "county" in p.roles]
    if len(counties) != 1 or not offices:
        raise NotFound(
            "no office of this county is registered", got=", ".join(sorted(counties)), todo="register a party with the role county"
        )
    return offices[0]
