"""What a page says about scans: the first-scan line of a consumer, and anomalies with their evidence. Never that a copy was proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.i18n import Translate, number_text, time_text
from foundation.errors import SuheError
from traceability.scan_rules import Anomaly

if TYPE_CHECKING:
    from dashboards.services import Services


def first_scan_line(services: Services, code: str, serial: str, lang: str, t: Translate) -> str:
    """Return how often this pack's label was scanned before, and when first; what it means, where it may mean something."""
    try:
        known = services.scans.first(code, serial)
    except SuheError:
        return ""
    if known.kind == "unknown":
        return t("标签上的包号不是这里发出的：可能抄错，也可能是仿制的标签。批次的记录照样显示。")
    n, when = number_text(known.scans, lang), time_text(known.first_ms, lang) if known.first_ms is not None else ""
    if known.kind == "lot":
        return t("这批的标签已被扫过 %(n)s 次，首次 %(when)s。", n=n, when=when) if known.scans else t("这批的标签还没有人扫过。")
    if not known.scans:
        return t("本包首次扫码（第 %(pack)s 包）。", pack=known.pack)
    return t(
        "本包（第 %(pack)s 包）已被扫过 %(n)s 次，首次 %(when)s。如果您是第一个打开包装的人，标签可能被复制过。",
        pack=known.pack, n=n, when=when,
    )  # fmt: skip


def rule_names(t: Translate) -> dict[str, str]:
    """Return what each rule is called."""
    return {
        "impossible_travel": t("来不及的距离"),
        "many_devices": t("设备过多"),
        "after_end": t("不该再出现"),
        "out_of_region": t("发货地以外"),
        "unknown_burst": t("成串的未知号码"),
    }


def evidence_text(found: Anomaly, lang: str, t: Translate) -> str:
    """Return the figures an anomaly rests on."""

    def n(value: float) -> str:
        return number_text(value, lang)

    told = found.evidence
    if found.rule == "impossible_travel":
        return t(
            "同一包号，%(minutes)s 分钟里相距至少 %(km)s 公里（已扣除位置的误差）；这样的相邻扫码 %(times)s 对。",
            minutes=n(told["minutes"]), km=n(told["km"]), times=n(told["times"]),
        )  # fmt: skip
    if found.rule == "many_devices":
        return t(
            "同一包号，一天最多 %(devices)s 台设备，%(days)s 天合计 %(all)s 台次。",
            devices=n(told["devices"]), days=n(told["days"]), all=n(told["device_days"]),
        )  # fmt: skip
    if found.rule == "after_end":
        how = {"recalled": t("这批召回"), "sold": t("这批售完"), "used_up": t("用完")}[told["how"]]
        return t("%(how)s于 %(when)s，之后仍有 %(n)s 次扫码。", how=how, when=time_text(told["ended_ms"], lang), n=n(told["scans"]))
    if found.rule == "out_of_region":
        return t(
            "有位置的 %(of)s 次扫码里，%(n)s 次离所有发货地 300 公里以上，最远 %(km)s 公里。",
            of=n(told["of"]), n=n(told["scans"]), km=n(told["km"]),
        )  # fmt: skip
    what = t("包号") if told["of_code"] else t("追溯码")
    return t("%(minutes)s 分钟里试了 %(n)s 次不存在的%(what)s。", minutes=n(told["minutes"]), n=n(told["tries"]), what=what)
