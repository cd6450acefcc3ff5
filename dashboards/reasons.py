"""Why a source's answer was not taken, in Chinese. The collector's own words are English; what the table lacks is shown as they are."""

from __future__ import annotations

import re

from dashboards.i18n import CHINESE, Translate

# Pattern in the collector's sentence -> the same in Chinese, with its groups.
_CHINESE = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"answered 200 with an empty body|answers with nothing|answer has no rows", "网站回了空内容"),
        (r"answered a page instead of data|answered another page", "网站回的是网页，不是数据"),
        (r"unit was switched|moved by a factor of ([0-9.]+) at once", "价格一下子都变了，像是换了单位"),
        (r"does not answer", "网站没有回应"),
        (r"site refused", "网站拒绝了请求"),
        (r"silent for (\d+) minutes", r"已经 \1 分钟没有成功"),
        (r"only (\d+%) of the usual rows", r"只有平常 \1 的行数"),
        (r"(\d+) of (\d+) rows cannot be taken", r"\2 行里有 \1 行不能用"),
        (r"(\d+) rows received of (\d+) promised", r"说有 \2 行，只收到 \1 行"),
        (r"(\d+%) of the names are not known", r"有 \1 的品名不认识"),
        (r"no rows of (.*?)( and others)?$", r"没有这些天的行：\1"),
        (r"new columns: (.*)", r"多出几列：\1"),
        (r"(\d+%) of the rows are of markets that never quoted here", r"有 \1 的行来自从没在这里报过价的市场"),
        (r"(\d+%) of the names were never used here", r"有 \1 的品名在这里从没用过"),
        (r"(\d+%) of the rows changed their unit", r"有 \1 的行换了单位"),
        (r"robots\.txt forbids", "网站的 robots.txt 不许读这里"),
        (r"robots\.txt cannot be read", "读不到网站的 robots.txt，所以什么也没问"),
        (r"left alone for a while", "接连失败，先不去打扰这个网站"),
        (r"gave enough for today", "今天的流量已经用完，明天再问"),
        (r"site moved", "网站搬到了别处，没有跟过去"),
        (r"leads into a network of our own", "这个地址指向内部网络，没有去问"),
        (r"no address of a market site", "这不是行情网站的地址"),
        (r"told to stop|run ended in the middle", "这一次采集中途停了"),
        (r"answer has no end|source has no end", "回答没完没了，没有读完"),
        (r"cannot be read again|holds no answer", "这一批没有留下可以重读的回答"),
        (r"changed its|columns are gone|has other columns|does not fit its heads", "网站换了格式"),
    )
)


def reason_text(why: str, lang: str) -> str:
    """Return why an answer was not taken, for a reader of the language; empty where there is no reason."""
    if lang != CHINESE:
        return re.split("; (?:expected|got|do): ", why)[0]
    for pattern, text in _CHINESE:
        found = pattern.search(why)
        if found:
            return found.expand(text)
    return why


def state_text(state: str, t: Translate) -> str:
    """Return the state of a source."""
    names = {"ok": t("正常"), "stale": t("停更"), "quarantined": t("有隔离"), "failing": t("取不到"), "never": t("还没取过")}
    return names.get(state, state)


def terms_text(terms: str, lang: str) -> str:
    """Return a licence or a permission, for a reader of the language."""
    return (_TERMS if lang == CHINESE else _TERMS_EN).get(terms, terms)


_TERMS = {
    "the county's own": "本县自有",
    "none stated: internal use, not redistributed": "对方没有写明：只在内部用，不转发",
    "synthetic: made up by the simulators of a demo, free to use": "演示：模拟器编的数，随意用",
    "none stated": "没有写明",
    "own": "自有",
    "Open Government Data License, version 1.0 (Taiwan)": "政府资料开放授权条款第 1 版（台湾）",
    "CC BY-IGO": "知识共享：署名（政府间组织）",
    "written": "要对方书面同意",
    "none": "没有另外的授权，只读公开页面",
}
_TERMS_EN = {
    "own": "the county's own site",
    "written": "needs the owner's permission in writing",
    "none": "no leave needed: public pages only",
}
