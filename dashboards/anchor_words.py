"""The chain anchor in words: one short passage for a lot's page, one sentence for each condition, and what the pages must not claim."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.i18n import Translate, time_text
from dashboards.joining import sentences
from foundation.clock import SHANGHAI, from_ms
from traceability import anchor as states
from traceability.anchor import Anchor, AnchorStatus, Contract, LotAnchor


@dataclass(frozen=True, slots=True)
class AnchorLine:
    """What a lot's page says of its anchor; `alarm` where the log is not the one that was anchored."""

    text: str
    alarm: bool


def anchor_line(found: LotAnchor, lang: str, t: Translate) -> AnchorLine:
    """Return the passage on a lot's page: what is anchored, what is not, and on what kind of chain."""
    status, a, c = found.status, found.covering, found.status.contract
    if status.alarm:
        return AnchorLine(condition_text(status, lang, t), alarm=True)
    parts: list[str] = []
    if a is not None and c is not None:
        parts.append(
            t("已锚定：日志前 %(size)s 条，%(when)s，链 %(chain)s，区块 %(block)s，交易 %(tx)s。",
              size=f"{a.size:,}", when=when(a.block_ms), chain=c.chain_id, block=f"{a.block_number or 0:,}", tx=short(a.tx_hash))
        )  # fmt: skip
    if found.waiting and (status.condition != states.NONE or a is not None):
        parts.append(t("%(n)s 条记录还没有锚定，等待下一次。", n=found.waiting))
    if a is None and found.before is not None:
        parts.append(t("先前的锚随那条链一起没有了，不再算数。"))
    if status.condition != states.FINE:
        parts.append(condition_text(status, lang, t))
    if c is not None and c.development and (status.condition != states.NONE or a is not None):
        parts.append(development_text(t))
    return AnchorLine(sentences(parts, lang), alarm=False)


def condition_text(status: AnchorStatus, lang: str, t: Translate) -> str:
    """Return how anchoring is, in one sentence that says what holds and what does not."""
    since = time_text(status.since_ms, lang)
    said = {
        states.NONE: t("现在没有连接链；已锚定的是那之前核对过的。") if status.newest else t("没有锚定：这里没有连接链。"),
        states.FINE: t("锚定正常。"),
        states.DEPLOYING: t("合约正在建立，还没有锚定。"),
        states.NO_CONTRACT: t("链上还没有合约，等待管理员建立。"),
        states.REPLACED: t("从 %(since)s 起，存放锚的链或合约不在了；那里的锚不再算数，等待管理员建立新的合约。", since=since),
        states.UNREACHABLE: t("从 %(since)s 起链连不上；已锚定的是那之前核对过的，新记录照常保存，恢复后补上。", since=since),
        states.OUT_OF_GAS: t("从 %(since)s 起付费账户余额不足；已锚定的不受影响，新记录照常保存，充值后补上。", since=since),
        states.REFUSED: t("从 %(since)s 起链不接受新的锚；已锚定的不受影响，新记录照常保存。", since=since),
        states.AHEAD: t("警报：链上锚定的记录比这里的日志多。日志被截短过，或者这是一份旧的副本。"),
        states.FORK: t("警报：链上的根与这里的日志不同。日志在锚定之后被改写过。"),
    }
    return said.get(status.condition, status.condition)


def development_text(t: Translate) -> str:
    """Return what must stand wherever an anchor on a development chain is shown."""
    return t("开发链，不是独立的锚。")


def state_text(a: Anchor, t: Translate) -> str:
    """Return the state of one anchor in words."""
    said = {
        states.SENT: t("已提交，还没进区块"),
        states.MINED: t("已进区块，等待确认"),
        states.FIRM: t("已确认"),
        states.DROPPED: t("没有上链，已重新提交"),
        states.LOST: t("随链丢失"),
    }
    return said[a.state]


def contract_text(c: Contract, lang: str, t: Translate) -> str:
    """Return what kind of chain a contract is on and whether it is still there."""
    kind = development_text(t) if c.development else t("外部的链。")
    return sentences((kind, t("已不在。")), lang) if c.gone_ms is not None else kind


def when(ms: int | None) -> str:
    """Return a moment with its year: an anchor is for later."""
    return f"{from_ms(ms).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}" if ms else "–"


def short(tx_hash: str) -> str:
    """Return enough of a hash to find it again."""
    return f"{tx_hash[:12]}…"
