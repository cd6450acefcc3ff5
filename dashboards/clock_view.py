"""Clocks as a page shows them: what a gateway says of itself, and corrections that wait for a person or were decided by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.i18n import Translate, number_text, time_text
from ingest.clock_keeping import ACCEPTED, PROPOSED, REFUSED, REPLACED, REVOKED

if TYPE_CHECKING:
    from ingest.clock_keeping import ClockProposal
    from ingest.links import Link

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class ClockLine:
    """One correction: whose clock, by how much, on what it rests, and what a person said."""

    id: int
    whose: str
    correction: str
    rests_on: str
    state: str
    said: str


def clock_lines(proposals: Iterable[ClockProposal], lang: str, t: Translate) -> list[ClockLine]:
    """Return corrections in words, in the order given."""
    return [_line(p, lang, t) for p in proposals]


def link_text(link: Link | None, lang: str, t: Translate) -> list[str]:
    """Return what a gateway says of itself, in sentences; nothing where it says nothing."""
    if link is None:
        return []
    when = time_text(link.since_ms, lang)
    said = [t("自己说在线，%(when)s起", when=when) if link.online else t("连接断了（遗嘱），%(when)s起", when=when)]
    if link.spool:
        said.append(
            t("存储里有 %(n)s 条消息没有确认，最老的等了 %(s)s 秒", n=number_text(link.spool, lang), s=number_text(link.oldest_s, lang))
        )
    if link.offset_ms is not None:
        said.append(t("它的时钟与这里差 %(s)s 秒", s=number_text(round(link.offset_ms / 1000, 1), lang, 1)))
    if link.given_up:
        said.append(t("存储满过，放弃了 %(n)s 条", n=number_text(link.given_up, lang)))
    return said


def _line(p: ClockProposal, lang: str, t: Translate) -> ClockLine:
    hours = number_text(abs(p.correction_ms) / HOUR_MS, lang, 0)
    correction = t("加 %(n)s 小时", n=hours) if p.correction_ms > 0 else t("减 %(n)s 小时", n=hours)
    rests = t(
        "%(n)s 次，%(first)s至%(last)s，彼此相差 %(s)s 秒",
        n=number_text(p.messages, lang),
        first=time_text(p.first_ms, lang),
        last=time_text(p.last_ms, lang),
        s=number_text(round(p.spread_ms / 1000), lang),
    )
    when = time_text(p.decided_ms, lang) if p.decided_ms is not None else ""
    over = time_text(p.revoked_ms, lang) if p.revoked_ms is not None else ""
    said = {
        PROPOSED: t("等人决定；决定之前什么也没改"),
        ACCEPTED: t("%(who)s于%(when)s同意，此后收到的按此更正", who=p.decided_by, when=when),
        REFUSED: t("%(who)s于%(when)s不同意", who=p.decided_by, when=when),
        REVOKED: t("%(who)s于%(when)s撤回", who=p.revoked_by, when=over),
        REPLACED: t("%(when)s被另一个更正取代", when=over),
    }
    return ClockLine(p.id, p.device or t("全部设备"), correction, rests, p.state, said.get(p.state, p.state))
