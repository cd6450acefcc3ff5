"""Witnesses in words: who they are, whether they are independent, what they checked, and what a proof against this log says."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.anchor_words import when
from dashboards.i18n import Translate, age_text
from traceability import fork_proof as kinds
from traceability.witness_store import Witness
from traceability.witnessing import Cosigned, WitnessStand


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """One witness as a page shows it; `late` where it has not vouched for a long time."""

    name: str
    kind: str
    checks: str
    size: str
    time: str
    age: str
    late: bool


# A witness looks every half minute and vouches again for a quiet log every ten; three times that without a word is worth saying.
LATE_MS = 1_800_000


def witness_row(stand: WitnessStand, now_ms: int, t: Translate) -> WitnessRow:
    """Return the row of a witness."""
    last = stand.last
    at_ms = last.time_s * 1000 if last else 0
    return WitnessRow(
        stand.witness.name,
        kind_text(stand.witness, t),
        t("重算记录和对照表") if stand.witness.whole else t("只核对前后一致"),
        f"{last.size:,}" if last else "–",
        when(at_ms or None),
        age_text(max(now_ms - at_ms, 0), t) if last else t("还没有签署"),
        last is None or now_ms - at_ms > LATE_MS,
    )


def kind_text(w: Witness, t: Translate) -> str:
    """Return whether a witness is independent of whoever runs the log."""
    return t("演示见证，同一台机器") if w.ours else t("外部见证，由另一方运行")


def cosigners_text(found: list[Cosigned], t: Translate) -> str:
    """Return how many witnesses vouched for a checkpoint, and how many of them are independent."""
    if not found:
        return t("无人签署")
    outside = sum(not c.witness.ours for c in found)
    return t("%(n)s 个见证，其中外部 %(o)s 个", n=len(found), o=outside)


def standing_text(stands: list[WitnessStand], t: Translate) -> str:
    """Return in one sentence what the witnesses of this log are worth."""
    if not stands:
        return t("这个日志没有见证：有没有被整个改写，外人看不出来。")
    if all(s.witness.ours for s in stands):
        return t("只有演示见证，和日志在同一台机器上：它演示见证怎样工作，不能向外人证明什么。")
    return t("有外部见证：它们记住见过的每个检查点，日志改写后就得不到它们的签署。")


def alarm_text(kind: str, t: Translate) -> str:
    """Return what a proof against this log shows."""
    said = {
        kinds.TWO_ROOTS: t("同一大小签过两个不同的根"),
        kinds.TWO_MAPS: t("同一大小签过两个不同的对照表"),
        kinds.TIME_BACK: t("更大的日志签在更早的时间"),
        kinds.TWO_HISTORIES: t("后来的日志不是从先前的日志接着写的"),
    }
    return said.get(kind, kind)
