"""HTTP: recalls. Reach before anything is ordered, orders and liftings, exports, and a lot's mass balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.api.deps import READERS, require
from dashboards.recall_words import orderer
from foundation.errors import NotAllowed
from foundation.ids import in_fours
from registry.people import Caller
from traceability.recall_export import KINDS
from traceability.recalling import Order
from traceability.service import full_lot_id

if TYPE_CHECKING:
    from dashboards.services import Services
    from traceability.balance import Balance
    from traceability.reach import Reach
    from traceability.recall_state import RecallCase

Reader = Annotated[Caller, Depends(require(*READERS))]
Orderer = Annotated[Caller, Depends(require("county", "cooperative"))]
Lots = Annotated[list[str], Query(min_length=1, max_length=200, description="Lots or inputs, by URN or as county:number")]
Form = Literal["csv", "xlsx", "epcis"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OrderBody(_Body):
    """A recall to order. It is signed with the key this installation holds for the party."""

    lots: list[Annotated[str, Field(max_length=140)]] = Field(min_length=1, max_length=200)
    level: Literal[1, 2, 3]
    reason_zh: str = Field(min_length=1, max_length=200)
    reason_en: str = Field(default="", max_length=200)
    drill: bool = False


class LiftBody(_Body):
    """The lifting of a recall, wholly or for some of its roots."""

    note: str = Field(default="", max_length=200)
    lots: list[Annotated[str, Field(max_length=140)]] = Field(default=[], max_length=200)


class CaseView(_Body):
    """A recall. `open_roots` are the named lots it was not lifted for yet."""

    id: str
    roots: list[str]
    open_roots: list[str]
    party: str
    authority: str
    level: int
    reason_zh: str
    reason_en: str
    drill: bool
    time_ms: int
    record_ms: int
    lifted_ms: int | None

    @classmethod
    def of(cls, c: RecallCase) -> CaseView:
        """Show a recall."""
        values = {name: getattr(c, name) for name in cls.model_fields}
        return cls(**{**values, "roots": list(c.roots), "open_roots": list(c.open_roots)})


class ReachedView(_Body):
    """A lot in the reach; quantities are decimal numbers as text."""

    id: str
    kind: str
    product: str
    party: str
    quantity: str
    unit: str
    state: str
    code: str
    root: bool
    mixed: bool


class TallyView(_Body):
    """What one party has to do with it, in one unit. `mixed_held` is the part of `held` that lies in mixed lots."""

    party: str
    unit: str
    received: str
    held: str
    mixed_held: str
    arriving: str
    sold: str


class UnconfirmedView(_Body):
    """A shipment that has no receipt for these lots."""

    leg: str
    from_party: str
    to_party: str
    departs_ms: int
    lots: list[str]


class ReachBody(_Body):
    """What lots reach now. `confirmed` of `receivers` confirmed every shipment of affected lots to them."""

    at_ms: int
    lots: list[ReachedView]
    parties: list[TallyView]
    receivers: list[str]
    confirmed: list[str]
    unconfirmed: list[UnconfirmedView]

    @classmethod
    def of(cls, r: Reach) -> ReachBody:
        """Show a reach."""
        return cls(
            at_ms=r.at_ms,
            lots=[
                ReachedView(id=x.id, kind=x.kind, product=x.product, party=x.party, quantity=str(x.quantity), unit=x.unit, state=x.state,
                            code=in_fours(x.code) if x.code else "", root=x.root, mixed=x.mixed) for x in r.lots
            ],
            parties=[
                TallyView(party=p.party, unit=p.unit, received=str(p.received), held=str(p.held), mixed_held=str(p.mixed_held),
                          arriving=str(p.arriving), sold=str(p.sold)) for p in r.tallies
            ],
            receivers=list(r.receivers), confirmed=list(r.confirmed),
            unconfirmed=[
                UnconfirmedView(leg=u.leg, from_party=u.from_party, to_party=u.to_party, departs_ms=u.departs_ms, lots=list(u.lots))
                for u in r.unconfirmed
            ],
        )  # fmt: skip


class BalanceView(_Body):
    """A lot's mass balance: came_in = out + held + in_transit + short + unaccounted, the last 0 where it holds."""

    lot: str
    unit: str
    came_in: str
    out: dict[str, str]
    held: str
    in_transit: str
    short: str
    unaccounted: str
    holds: bool

    @classmethod
    def of(cls, b: Balance) -> BalanceView:
        """Show a balance."""
        return cls(
            lot=b.lot, unit=b.unit, came_in=str(b.came_in), out={k: str(v) for k, v in b.out.items()}, held=str(b.held),
            in_transit=str(b.in_transit), short=str(b.short), unaccounted=str(b.unaccounted), holds=b.holds,
        )  # fmt: skip


def router(services: Services) -> APIRouter:
    """Return the routes of recalls."""
    routes = APIRouter(prefix="/api/v1", tags=["recall"])
    recalls = services.recalls

    @routes.get("/recalls")
    def list_recalls(caller: Reader) -> list[CaseView]:
        """List recalls and drills, open and lifted, the newest first."""
        return [CaseView.of(c) for c in recalls.cases(caller.county)]

    @routes.get("/recalls/reach")
    def read_reach(lot: Lots, caller: Orderer) -> ReachBody:
        """Say what lots or inputs reach now, without ordering anything."""
        named = [full_lot_id(x) for x in lot]
        orderer(services, caller, named)
        return ReachBody.of(recalls.reach(named))

    @routes.post("/recalls", status_code=201)
    def order(body: OrderBody, caller: Orderer) -> CaseView:
        """Call lots back, or drill it: a signed event in the log."""
        named = tuple(dict.fromkeys(full_lot_id(x) for x in body.lots))
        party = orderer(services, caller, named)
        return CaseView.of(recalls.start(Order(named, party, body.level, body.reason_zh, body.reason_en, body.drill)))

    @routes.get("/recalls/{recall}")
    def read_recall(recall: str, caller: Reader) -> CaseView:
        """Return one recall."""
        return CaseView.of(_seen(caller, recalls.case(recall)))

    @routes.get("/recalls/{recall}/reach")
    def read_reach_of(recall: str, caller: Orderer) -> ReachBody:
        """Return what a recall reaches now."""
        case = recalls.case(recall)
        orderer(services, caller, case.roots)
        return ReachBody.of(recalls.reach(case.roots))

    @routes.get("/recalls/{recall}/export", response_class=Response)
    def export(recall: str, caller: Orderer, form: Annotated[Form, Query()] = "csv") -> Response:
        """Return a recall's reach as CSV or XLSX, or the signed events of its lots as EPCIS JSON-LD."""
        case = recalls.case(recall)
        orderer(services, caller, case.roots)
        return export_answer(services, case, form)

    @routes.post("/recalls/{recall}/lift")
    def lift(recall: str, body: LiftBody, caller: Orderer) -> CaseView:
        """Lift a recall, signed by the party that ordered it."""
        case = recalls.case(recall)
        if orderer(services, caller, case.roots) != case.party:
            raise NotAllowed("who ordered a recall lifts it", expected=case.party, got=caller.name)
        return CaseView.of(recalls.lift(case.id, body.note, body.lots))

    @routes.get("/lots/{lot}/balance")
    def read_balance(lot: str, caller: Reader) -> BalanceView:
        """Return a lot's mass balance, counted from its events."""
        known = full_lot_id(lot)
        if caller.county is not None and known.split(":")[3] != caller.county:
            raise NotAllowed("this lot is another county's", expected=caller.county, got=known.split(":")[3])
        return BalanceView.of(recalls.balance(known))

    return routes


def export_answer(services: Services, case: RecallCase, form: str) -> Response:
    """Return a recall's export as a file to keep; a drill's name says so."""
    body = services.recalls.export(services.recalls.reach(case.roots), form)
    name = f"{'drill' if case.drill else 'recall'}-{case.id[-12:]}.{'jsonld' if form == 'epcis' else form}"
    return Response(body, media_type=KINDS[form], headers={"content-disposition": f'attachment; filename="{name}"'})


def _seen(caller: Caller, case: RecallCase) -> RecallCase:
    if caller.county is not None and caller.county not in {r.split(":")[3] for r in case.roots}:
        raise NotAllowed("this recall is another county's", expected=caller.county, got=case.id)
    return case
