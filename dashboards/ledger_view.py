"""The loss ledger as a page shows it: what of a gateway's messages came, what was missing and came later, what never will."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.i18n import Translate, age_text, number_text, time_text

if TYPE_CHECKING:
    from ingest.losses import BrokerDrops, LedgerRow, SeenGap

GAPS_SHOWN = 50
# A broker's loss is an alarm for this long; afterwards it stands in the ledger only.
DROPS_ALARM_MS = 24 * 3_600_000


@dataclass(frozen=True)
class Tally:
    """The ledger of a gateway in numbers, its foreign counters taken together."""

    expected: int = 0
    received: int = 0
    refused: int = 0
    seen: int = 0
    filled: int = 0
    open: int = 0
    missing: int = 0
    lost: int = 0

    @property
    def settled(self) -> bool:
        """Whether nothing is missing and nothing is lost."""
        return not (self.open or self.missing or self.lost)


@dataclass(frozen=True)
class GapLine:
    """One gap: its numbers, when it was seen, what became of it."""

    stream: str
    numbers: str
    seen: str
    state: str
    state_text: str
    became: str


@dataclass(frozen=True)
class DropsLine:
    """What a broker says of messages it threw away."""

    broker: str
    text: str
    bad: bool


def tallies(rows: Iterable[LedgerRow]) -> dict[str, Tally]:
    """Return the tally of every gateway."""
    found: dict[str, Tally] = {}
    for row in rows:
        before = found.get(row.gateway, Tally())
        found[row.gateway] = Tally(
            before.expected + row.expected,
            before.received + row.received,
            before.refused + row.refused,
            before.seen + row.seen,
            before.filled + row.filled,
            before.open + row.open,
            before.missing + row.missing,
            before.lost + row.lost,
        )
    return found


def gap_lines(gaps: Sequence[SeenGap], now_ms: int, lang: str, t: Translate) -> list[GapLine]:
    """Return gaps as lines of a table, in the order given."""
    return [_gap_line(g, now_ms, lang, t) for g in gaps]


def drops_lines(drops: Iterable[BrokerDrops], now_ms: int, lang: str, t: Translate) -> list[DropsLine]:
    """Return what each broker threw away, in words."""
    lines = []
    for d in drops:
        if not d.told or d.told_ms is None:
            lines.append(DropsLine(d.broker, t("消息服务 %(b)s 不说自己丢弃了多少", b=d.broker), bad=False))
            continue
        age = age_text(now_ms - d.told_ms, t)
        if not d.total:
            lines.append(DropsLine(d.broker, t("消息服务自己丢弃的消息：0（%(age)s说的）", age=age), bad=False))
            continue
        last = time_text(d.last_increase_ms, lang) if d.last_increase_ms is not None else "–"
        text = t("消息服务自己丢弃了 %(n)s 条消息，最近一次在 %(last)s；网关会重发，账上看得见", n=number_text(d.total, lang), last=last)
        lines.append(DropsLine(d.broker, text, bad=dropping(d, now_ms)))
    return lines


def dropping(drops: BrokerDrops, now_ms: int) -> bool:
    """Tell whether a broker threw messages away lately."""
    return drops.last_increase_ms is not None and now_ms - drops.last_increase_ms < DROPS_ALARM_MS


def _gap_line(gap: SeenGap, now_ms: int, lang: str, t: Translate) -> GapLine:
    words = {"fresh": t("刚出现"), "open": t("未补上"), "filled": t("已补上"), "lost": t("确定丢失")}
    numbers = str(gap.first) if gap.first == gap.last else f"{gap.first}–{gap.last}"
    if gap.state == "filled" and gap.closed_ms is not None:
        became = t("%(d)s后补齐", d=_duration(gap.closed_ms - gap.seen_ms, t))
    elif gap.state == "lost":
        became = t("%(n)s 条不会再来", n=number_text(gap.lost, lang))
    else:
        became = t("还差 %(n)s 条，已 %(d)s", n=number_text(gap.missing, lang), d=_duration(now_ms - gap.seen_ms, t))
    return GapLine(gap.stream, numbers, time_text(gap.seen_ms, lang), gap.state, words[gap.state], became)


def _duration(ms: int, t: Translate) -> str:
    seconds = max(ms, 0) / 1000
    if seconds < 120:
        return t("%(n)s 秒", n=f"{seconds:.0f}")
    if seconds < 7200:
        return t("%(n)s 分钟", n=f"{seconds / 60:.0f}")
    if seconds < 172_800:
        return t("%(n)s 小时", n=f"{seconds / 3600:.0f}")
    return t("%(n)s 天", n=f"{seconds / 86_400:.0f}")
