"""A lot as pages show it: its own events and those of the lots it came from, each checked at this call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dashboards.certificate_words import CertificateWords, certificate_of, corrected, tell_correction
from dashboards.i18n import CHINESE, Translate, day_text, time_text
from dashboards.inspection_words import hold_lines
from dashboards.joining import clauses, listed, named, sentences
from dashboards.person_words import persons_of
from dashboards.telling import Teller, input_name, quantity_text
from foundation.clock import SHANGHAI, from_ms, to_ms
from foundation.ids import in_fours

if TYPE_CHECKING:
    from dashboards.services import Services
    from registry.people import Caller
    from traceability.verdicts import Problem, Verdict
    from traceability.views import EventView, LotHistory, LotSummary

# A lot merged from more lots than this is shown with the nearest ones, and the page says how many it did not check.
MOST_ANCESTORS = 24
TABLES_STEP = 12
NOBODY: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Gathered:
    """A lot's lineage with the verdicts on it, and the events that lead to this lot, in time order."""

    history: LotHistory
    lineage: tuple[LotHistory, ...]  # the lot itself first, then the lots it came from
    verdicts: tuple[Verdict, ...]
    events: tuple[EventView, ...]
    unchecked: int
    checked_ms: int

    @property
    def ok(self) -> bool:
        """Whether everything that was checked holds."""
        return all(v.ok for v in self.verdicts)

    @property
    def problems(self) -> list[Problem]:
        """Return each problem once, in the order of the log."""
        seen: dict[tuple[str, int, str], Problem] = {}
        for verdict in self.verdicts:
            for p in verdict.problems:
                seen.setdefault((p.event_id, p.step, p.what), p)
        return sorted(seen.values(), key=lambda p: (p.record_index is None, p.record_index or 0, p.step))

    @property
    def faults(self) -> dict[str, list[int]]:
        """Return the failed steps of each altered event; under "" what no one event is to blame for.

        That the tables differ from the events follows from an altered event, so it is told only where no event was altered.
        """
        found: dict[str, list[int]] = {}
        for p in self.problems:
            event_id = "" if p.step == TABLES_STEP else p.event_id
            if p.step not in found.setdefault(event_id, []):
                found[event_id].append(p.step)
        if any(found.keys() - {""}) and found.get("") == [TABLES_STEP]:
            del found[""]
        return found

    def inputs(self, lang: str) -> dict[str, str]:
        """Return the names of bought inputs by lot, as their purchase events give them, else as the log's tables do."""
        names = {lot: name for h in self.lineage for lot, name in h.inputs.items()}
        for e in (e for h in self.lineage for e in h.events if e.kind == "input_bought" and e.readable):
            names.update((a.lot, input_name(e.body["ilmd"], lang)) for a in e.amounts if a.role == "made")
        return names


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event as a line on a page; `bad` says what does not hold about it."""

    position: int
    title: str
    iso: str
    when: str
    who: str
    where: str
    what: str
    bad: str
    chain: tuple[tuple[str, str], ...]
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class LotRow:
    """One lot in the list."""

    id: str
    number: str
    product: str
    place: str
    harvested: str
    quantity: str
    state: str
    state_text: str
    events: int
    last: str


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of the check in words."""

    ok: bool
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class LotView:
    """Everything the lot page shows."""

    id: str
    number: str
    county: str
    product: str
    place: str
    harvested: str
    quantity: str
    state: str
    state_text: str
    parents: tuple[tuple[str, str], ...]
    children: tuple[tuple[str, str], ...]
    ok: bool
    headline: str
    problems: tuple[str, ...]
    checked: str
    root: str
    head: str
    steps: tuple[StepLine, ...]
    events: tuple[EventLine, ...]
    code: str
    marks: tuple[str, ...]
    certificate: CertificateWords


def gather(services: Services, lot: str) -> Gathered:
    """Return a lot with the lots it came from, all verified now from their stored bytes."""
    history = services.trace.lot(lot)
    near = history.ancestors[:MOST_ANCESTORS]
    lineage = (history, *(services.trace.lot(a.id) for a in near))
    verdicts = tuple(services.trace.verify_lot(h.summary.id) for h in lineage)
    now_ms = to_ms(services.clock.now())
    return Gathered(history, lineage, verdicts, _leading_to(lineage), len(history.ancestors) - len(near), now_ms)


def lot_view(services: Services, lot: str, lang: str, t: Translate, reader: Caller | None = None) -> LotView:
    """Return everything the lot page shows; its own events only, the check over its whole lineage."""
    found = gather(services, lot)
    s, own = found.history.summary, found.verdicts[0]
    teller = Teller(services.registry, lang, t)
    who, party = (reader.role, reader.party) if reader else ("public", None)
    persons = persons_of(services, found.history.events, who, party, t)
    names = step_names(t)
    steps = tuple(
        StepLine(step.ok, names.get(step.number, step.name), "" if step.ok and lang == CHINESE else step.detail) for step in own.steps
    )
    return LotView(
        s.short, s.number, s.county, teller.product(s.product, s.variety), teller.plot(s.plot) or teller.party(s.party),
        day_text(s.harvested_day, lang) if s.harvested_day else "", amount_of(s, t), s.state, state_names(t).get(s.state, s.state),
        tuple(_link(p) for p in found.history.parents), tuple(_link(c) for c in found.history.children),
        found.ok, headline(found, t), tuple(problem_lines(found, teller, lang, t)), checked_text(found, lang, t),
        own.checkpoint.root.hex() if own.checkpoint else "", own.head, steps,
        tuple(event_lines(found, found.history.events, teller, lang, t, persons)), in_fours(s.code) if s.code else "",
        tuple(hold_lines(services.trace.holds_on_labels(s.id), s.id, t)), certificate_of(found.history, teller, lang, t),
    )  # fmt: skip


def row_view(s: LotSummary, teller: Teller, lang: str, t: Translate) -> LotRow:
    """Return a lot as the list shows it."""
    return LotRow(
        s.short, s.number, teller.product(s.product, s.variety), teller.plot(s.plot) or teller.party(s.party),
        str(s.harvested_day or ""), amount_of(s, t), s.state, state_names(t).get(s.state, s.state),
        s.event_count, time_text(s.last_event_ms, lang),
    )  # fmt: skip


def event_lines(
    found: Gathered, events: Sequence[EventView], teller: Teller, lang: str, t: Translate, persons: Mapping[str, str] = NOBODY
) -> list[EventLine]:
    """Return events in words, each with what the check found about it; `persons` are the names this reader may see, by event."""
    faults, inputs = found.faults, found.inputs(lang)
    own = {e.event_id for e in found.history.events}
    put_right = corrected(e for h in found.lineage for e in h.events)
    lines = []
    for k, e in enumerate(events, 1):
        told = teller.tell(e, inputs)
        local = from_ms(e.event_time_ms).astimezone(SHANGHAI)
        chain = (
            (t("本批第几条"), str(e.lot_seq)), (t("日志位置"), str(e.log_index)), (t("记录时间"), time_text(e.record_time_ms, lang)),
            (t("签名的钥匙"), e.key_id), (t("上一条"), e.prev_hex), (t("这一条"), e.record_hash_hex), (t("事件号"), e.event_id),
        )  # fmt: skip
        later = put_right.get(e.event_id)
        what = clauses([told.what, t("已更正：%(c)s", c=tell_correction(later, t)[0])], lang) if later else told.what
        bad = listed((fault_text(step, t) for step in faults.get(e.event_id, [])), lang)
        who = clauses((told.who, persons.get(e.event_id, "")), lang)
        mine = e.event_id if e.event_id in own else ""
        lines.append(
            EventLine(k, told.title, local.isoformat(), when_text(local), who, told.where, what, bad, chain, mine)
        )  # fmt: skip
    return lines


def headline(found: Gathered, t: Translate) -> str:
    """Return the verdict in one line."""
    if found.ok:
        return t("记录完整，没有被改动")
    named = found.faults.keys() - {""}
    return t("有 %(n)s 条记录被改动过", n=len(named)) if named else t("记录对不上")


def problem_lines(found: Gathered, teller: Teller, lang: str, t: Translate) -> list[str]:
    """Return one line per event that does not hold, naming it; then what no one event is to blame for."""
    events = {e.event_id: e for h in found.lineage for e in h.events}
    lines = []
    for event_id, steps in found.faults.items():
        faults = listed((fault_text(step, t) for step in steps[:3]), lang)
        e = events.get(event_id)
        if e is None:
            lines.append(faults)
            continue
        told = teller.tell(e)
        when = when_text(from_ms(e.event_time_ms).astimezone(SHANGHAI))
        lines.append(named(clauses((told.title, when, told.who), lang), faults, lang))
    return lines


def checked_text(found: Gathered, lang: str, t: Translate) -> str:
    """Return what this server has checked just now, and no more than that."""
    at = from_ms(found.checked_ms).astimezone(SHANGHAI)
    indices = {e.log_index for h in found.lineage for e in h.events}
    checkpoint = found.verdicts[0].checkpoint
    parts = [t("本服务器刚刚（%(at)s）核对了 %(n)s 条记录的签名、顺序和在日志里的位置。", at=f"{at:%H:%M:%S}", n=len(indices))]
    if checkpoint is not None:
        parts.append(t("日志共 %(size)s 条，根 %(root)s…。", size=f"{checkpoint.size:,}", root=checkpoint.root.hex()[:12]))
    pending = sum(1 for index in indices if checkpoint is None or index >= checkpoint.size)
    if pending:
        parts.append(t("有 %(n)s 条新记录等待下一次封存。", n=pending))
    if found.unchecked:
        parts.append(t("另有 %(n)s 个更早的批次没有在本页核对。", n=found.unchecked))
    return sentences(parts, lang)


def state_names(t: Translate) -> dict[str, str]:
    """Return the states a lot can be in, in words."""
    return {"growing": t("生长中"), "in_stock": t("在库"), "in_transit": t("在途"), "received": t("已收货"), "used_up": t("已用完")}


def step_names(t: Translate) -> dict[int, str]:
    """Return the numbered plan of the check, in words."""
    return {
        1: t("正文与写下时的哈希一致"), 2: t("正文读得出，格式规范"), 3: t("存放的字段与正文一致"), 4: t("作者的签名有效"),
        5: t("签名的钥匙当时有效，属于这个作者"), 6: t("本批的链从第一条起不断"), 7: t("记录的哈希一致"), 8: t("记录时间不倒退"),
        9: t("与日志里的叶子一致"), 10: t("在已封存的日志里"), 11: t("封存点有日志的签名"), 12: t("各张表与记录一致"),
        13: t("历史完整，没有少一条（批次表）"),
    }  # fmt: skip


def fault_text(step: int, t: Translate) -> str:
    """Return what a failed step means, in words."""
    names = {
        1: t("正文与写下时不一样"),
        2: t("正文已读不出来"),
        3: t("存放的字段与正文不符"),
        4: t("作者的签名对不上"),
        5: t("签名的钥匙不算数"),
        6: t("链断了或顺序变了"),
        7: t("记录的哈希不符"),
        8: t("记录时间倒退"),
        9: t("与日志里的叶子不符"),
        10: t("不在已封存的日志里"),
        11: t("封存点的签名对不上"),
        12: t("表里的数与记录不符"),
        13: t("历史被截短或多出来了（批次表）"),
    }
    return names.get(step, t("核对不通过"))


def amount_of(s: LotSummary, t: Translate) -> str:
    """Return how much was made of a lot; nothing while it grows."""
    return quantity_text(s.quantity, s.unit, t) if s.quantity is not None else ""


def when_text(local: datetime) -> str:
    """Return a local moment as day and time, the year always told: a season may cross it."""
    return f"{local:%Y-%m-%d %H:%M}"


def _link(lot: str) -> tuple[str, str]:
    county, number = lot.split(":")[-2:]
    return f"{county}:{number}", number


def _leading_to(lineage: Sequence[LotHistory]) -> tuple[EventView, ...]:
    """Return the events that lead to the first lot of `lineage`: all its own, and of its ancestors those before it came to be.

    What became of the rest of an ancestor is another lot's story, so transformations that made none of these lots are left out.
    """
    own, family = lineage[0], {h.summary.id for h in lineage}
    made_at = min((e.log_index for e in own.events), default=0)
    chosen = {e.event_id: e for e in own.events}
    for ancestor in lineage[1:]:
        for e in ancestor.events:
            ours = e.kind not in ("split", "merge", "pack") or any(a.role == "output" and a.lot in family for a in e.amounts)
            if e.log_index <= made_at and ours:
                chosen.setdefault(e.event_id, e)
    return tuple(sorted(chosen.values(), key=lambda e: (e.event_time_ms, e.log_index)))
