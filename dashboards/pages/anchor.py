"""The page of the chain anchor: how it is, which checkpoints are anchored, and how anybody checks that without us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.anchor_words import condition_text, contract_text, development_text, short, state_text, when
from dashboards.i18n import Translate, age_text
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.witness_words import alarm_text, cosigners_text, standing_text, witness_row
from foundation.clock import to_ms
from traceability import anchor as states

if TYPE_CHECKING:
    from dashboards.services import Services
    from traceability.anchor import Anchor, AnchorStatus, Contract
    from traceability.notes import Checkpoint
    from traceability.witnessing import Cosigned

ANCHORS_SHOWN = 20
CHECKPOINTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """One anchor as the page shows it."""

    size: str
    state: str
    on_chain: bool
    block: str
    time: str
    tx: str
    chain: str


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One checkpoint, and which anchor covers it."""

    size: int
    time: str
    root: str
    anchored: str
    witnessed: str


def router(services: Services) -> APIRouter:
    """Return the route of the anchor page; it is public, as checkpoints are."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/anchor")
    def anchor(request: Request) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        return render(request, "anchor.html", **anchor_context(services, lang, t))

    return pages


def anchor_context(services: Services, lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the page's template shows."""
    status = services.anchors.status()
    recent = services.anchors.recent(ANCHORS_SHOWN)
    c = status.contract
    now_ms = to_ms(services.clock.now())
    points = services.trace.checkpoints(CHECKPOINTS_SHOWN)
    witnessing = services.trace.witnessing
    cosigned = witnessing.of_sizes(p.size for p in points)
    stands = witnessing.stands()
    return {
        "witnesses": [witness_row(s, now_ms, t) for s in stands],
        "witness_standing": standing_text(stands, t),
        "witness_alarms": [(when(at), alarm_text(kind, t)) for at, kind, _ in witnessing.alarms()],
        "status": status,
        "said": condition_text(status, lang, t),
        "good": status.condition == states.FINE,
        "development": development_text(t)
        if c is not None and c.development and (status.newest or status.condition != states.NONE)
        else "",
        "facts": _facts(status, c, now_ms, t),
        "anchors": [_anchor_row(a, on, t) for a, on in recent],
        "checkpoints": _checkpoints(points, status, [a for a, _ in recent], cosigned, t),
        "contracts": [(x.address, x.chain_id, contract_text(x, lang, t), when(x.made_ms)) for x in services.anchors.contracts()],
    }


def _facts(status: AnchorStatus, c: Contract | None, now_ms: int, t: Translate) -> list[tuple[str, str]]:
    a = status.newest
    anchored = t("%(n)s 条，共 %(all)s 条", n=f"{a.size if a else 0:,}", all=f"{status.log_size:,}")
    # Under an alarm nothing of our log may be called anchored.
    facts = [] if status.alarm else [(t("已锚定的记录"), anchored)]
    if a is not None:
        facts += [(t("最新的锚"), when(a.block_ms)), (t("区块"), f"{a.block_number or 0:,}"), (t("交易"), short(a.tx_hash))]
    waiting = t("%(r)s 条记录，%(c)s 个检查点", r=f"{status.waiting_records:,}", c=f"{status.waiting_checkpoints:,}")
    if not status.alarm:
        facts.append((t("等待锚定"), waiting))
    if c is not None:
        facts += [(t("链"), str(c.chain_id)), (t("链高"), f"{status.height:,}")]
    if status.looked_ms:
        facts.append((t("上次查看链"), age_text(now_ms - status.looked_ms, t)))
    if status.reached_ms:
        facts.append((t("链上次应答"), when(status.reached_ms)))
    if status.lost:
        facts.append((t("随链丢失的锚"), str(status.lost)))
    return facts


def _anchor_row(a: Anchor, c: Contract, t: Translate) -> AnchorRow:
    block = f"{a.block_number:,}" if a.block_number is not None else "–"
    return AnchorRow(f"{a.size:,}", state_text(a, t), a.on_chain, block, when(a.block_ms), short(a.tx_hash), str(c.chain_id))


def _checkpoints(
    found: list[Checkpoint], status: AnchorStatus, anchors: list[Anchor], cosigned: dict[int, list[Cosigned]], t: Translate
) -> list[CheckpointRow]:
    c = status.contract
    held = sorted(a.size for a in anchors if a.on_chain and c is not None and a.contract_id == c.id and not status.alarm)
    rows = []
    for point in found:
        by = next((size for size in held if size >= point.size), None)
        said = t("由 %(size)s 条的锚覆盖", size=f"{by:,}") if by is not None else t("还没有锚定")
        by_whom = cosigners_text(cosigned.get(point.size, []), t)
        rows.append(CheckpointRow(point.size, when(point.time_ms), point.root.hex()[:16] + "…", said, by_whom))
    return rows
