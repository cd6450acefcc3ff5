"""The curated table of names: which product and variety a source's name means, and on whose word.

Every entry says why it may be believed. A wrong match is worse than none: what is priced apart or may mean two things is not here.
"""

from __future__ import annotations

from dataclasses import dataclass

from foundation.errors import BadInput


@dataclass(frozen=True, slots=True)
class Entry:
    """Names that all mean one product, and one variety of it where they say so; `note` is where that is known from."""

    product: str
    variety: str | None
    names: tuple[str, ...]
    note: str

    def __post_init__(self) -> None:
        if not (self.product and self.names and self.note):
            raise BadInput("an entry of the table of names needs product, names and a note", got=self.product)


# Sources of names, short: where a reader can look them up.
_STANDARD = "GB/T 8854 Nomenclature of vegetables: common names"
_XINFADI = "Xinfadi price page, column 品名"
_PLATFORM = "重点农产品市场信息平台, product tree"
_HUBEI = "names of a Hubei grocer's stock list (CUMCM 2023 C, annex 1)"
_BAOYING = "Baoying lotus-root market, column 品名"
_TAIWAN = "Taiwan AMIS crop names, traditional characters"

SYNONYMS: tuple[Entry, ...] = (
    Entry("lotus_root", None, ("莲藕", "藕", "鲜藕", "蓮藕"), f"{_STANDARD}; {_BAOYING}; {_TAIWAN}"),
    Entry("lotus_root", "floury", ("粉藕", "面藕", "野生粉藕", "洪湖莲藕(粉藕)", "洪湖莲藕（粉藕）"), f"for soup, starchy; {_HUBEI}"),
    Entry("lotus_root", "crisp", ("脆藕", "洪湖莲藕(脆藕)", "洪湖莲藕（脆藕）"), f"for frying and salad; {_HUBEI}"),
    Entry("lotus_root", "cleaned", ("净藕",), f"washed and trimmed, so it loses less and costs more; {_HUBEI}"),
    Entry("lotus_root", "wild", ("野藕",), f"from unplanted ponds; {_HUBEI}"),
    # 藕带 is the young rhizome before it swells, at several times the price of the root: never lotus_root.
    Entry("lotus_sprout", None, ("藕带", "鲜藕带", "藕尖", "藕鞭", "洪湖藕带"), f"{_STANDARD}; {_HUBEI}"),
    Entry("lotus_sprout", "red_lotus", ("红莲藕带",), _HUBEI),
    Entry("lotus_root_processed", None, ("藕制品",), _BAOYING),
    Entry("lotus_root_processed", "salted", ("盐渍藕",), _BAOYING),
    Entry("lotus_root_processed", "sliced", ("水煮藕片", "藕片（加工）", "藕片(加工)"), _BAOYING),
    Entry("lotus_root_processed", "starch", ("藕粉",), _BAOYING),
    Entry("tomato", None, ("番茄", "西红柿", "大西红柿"), f"{_STANDARD}; 西红柿 in {_PLATFORM}"),
    Entry("cucumber", None, ("黄瓜", "青瓜", "胡瓜"), f"{_STANDARD}; 青瓜 in the south; 胡瓜 in Taiwan"),
    Entry("eggplant", None, ("茄子", "矮瓜"), f"{_STANDARD}; 矮瓜 in Guangdong"),
    Entry("eggplant", "round", ("圆茄", "圆茄子", "紫圆茄"), f"{_XINFADI}; {_HUBEI}"),
    Entry("eggplant", "long", ("长茄", "长茄子", "线茄", "长线茄"), f"{_XINFADI}; {_HUBEI}"),
    Entry("pepper", None, ("辣椒", "尖椒"), f"{_STANDARD}; {_XINFADI}"),
    Entry("pepper", "green", ("青椒", "柿子椒"), f"{_XINFADI}; {_PLATFORM}"),
    Entry("melon", None, ("香瓜", "甜瓜"), _STANDARD),
    Entry("celery", None, ("芹菜",), _STANDARD),
    Entry("celery", "western", ("西芹",), _XINFADI),
    Entry("spinach", None, ("菠菜", "本地菠菜", "菠薐菜"), f"{_STANDARD}; {_HUBEI}"),
    Entry("cabbage", None, ("大白菜", "白菜", "结球白菜"), _STANDARD),
    Entry("cauliflower", None, ("菜花", "花菜", "花椰菜"), _STANDARD),
    Entry("cauliflower", "loose", ("散菜花", "松花菜", "青梗散花", "枝江青梗散花"), f"loose-curd kinds; {_XINFADI}; {_HUBEI}"),
    Entry("beans", None, ("豆角", "豇豆", "长豆角"), _STANDARD),
    Entry("garlic", None, ("大蒜", "蒜头"), _STANDARD),
    # 蒜薹 is the flower stem; 蒜苗 means the stem in some places and the leaf in others, so it is nobody's.
    Entry("garlic_sprout", None, ("蒜薹", "蒜苔"), f"{_STANDARD}; 蒜苔 is a common misspelling"),
    Entry("potato", None, ("土豆", "马铃薯", "洋芋"), _STANDARD),
    Entry("onion", None, ("洋葱", "葱头"), f"{_STANDARD}; {_PLATFORM}"),
    Entry("onion", "purple", ("红皮葱头", "紫皮洋葱"), _XINFADI),
    Entry("onion", "yellow", ("黄皮葱头", "黄皮洋葱"), _XINFADI),
    Entry("carrot", None, ("胡萝卜", "红萝卜", "胡蘿蔔"), f"{_STANDARD}; 红萝卜 in the south; {_TAIWAN}"),
    Entry("radish", None, ("白萝卜",), _STANDARD),
    Entry("zucchini", None, ("西葫芦", "西胡芦"), f"{_STANDARD}; 西胡芦 is a misspelling in {_XINFADI}"),
    Entry("bitter_gourd", None, ("苦瓜", "凉瓜"), f"{_STANDARD}; 凉瓜 in Guangdong and {_XINFADI}"),
    Entry("leek", None, ("韭菜",), _STANDARD),
    Entry("mushroom", None, ("香菇", "西峡香菇", "鲜香菇"), f"{_STANDARD}; {_HUBEI}"),
    Entry("mushroom", "flower", ("花菇", "西峡花菇"), f"cracked caps, dearer; {_HUBEI}"),
    Entry("oyster_mushroom", None, ("平菇",), _STANDARD),
    Entry("water_chestnut", None, ("荸荠", "马蹄"), _STANDARD),
    Entry("arrowhead", None, ("慈姑", "慈菇"), _STANDARD),
)
