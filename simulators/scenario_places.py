"""Where the two counties' bases lie and who runs them.

Township names and rough positions are public geography; every base, cooperative and firm is invented, and its name says so
(示例 / Example). No real organisation is meant.
"""

from __future__ import annotations

SHENXIAN = "371522"
BAOYING = "321023"

# code -> (zh, en, latitude, longitude)
COUNTIES: dict[str, tuple[str, str, float, float]] = {
    SHENXIAN: ("莘县", "Shenxian", 36.24, 115.67),
    BAOYING: ("宝应县", "Baoying", 33.24, 119.36),
}

# party id -> (county, roles, zh, en)
PARTIES: dict[str, tuple[str, tuple[str, ...], str, str]] = {
    "sx-coop-01": (SHENXIAN, ("cooperative", "grower"), "晨禾示例蔬菜合作社", "Chenhe Example Vegetable Cooperative"),
    "sx-coop-02": (SHENXIAN, ("cooperative", "grower"), "瓜田里示例合作社", "Guatianli Example Melon Cooperative"),
    "sx-coop-03": (SHENXIAN, ("cooperative", "grower"), "青垄示例蔬菜合作社", "Qinglong Example Vegetable Cooperative"),
    "sx-coop-04": (SHENXIAN, ("cooperative", "grower"), "暖棚示例合作社", "Nuanpeng Example Greenhouse Cooperative"),
    "sx-coop-05": (SHENXIAN, ("cooperative", "grower"), "菌香示例合作社", "Junxiang Example Mushroom Cooperative"),
    "sx-coop-06": (SHENXIAN, ("cooperative", "grower"), "北畦示例蔬菜合作社", "Beiqi Example Vegetable Cooperative"),
    "sx-coop-07": (SHENXIAN, ("cooperative", "grower"), "河畔示例合作社", "Hepan Example Cooperative"),
    "by-coop-01": (BAOYING, ("cooperative", "grower"), "荷风示例莲藕合作社", "Hefeng Example Lotus Cooperative"),
    "by-coop-02": (BAOYING, ("cooperative", "grower"), "藕塘示例合作社", "Outang Example Lotus Cooperative"),
    "by-coop-03": (BAOYING, ("cooperative", "grower"), "水生源示例合作社", "Shuishengyuan Example Aquatic Cooperative"),
    "sx-processor-01": (SHENXIAN, ("processor",), "净菜示例加工厂", "Jingcai Example Packing House"),
    "by-processor-01": (BAOYING, ("processor",), "玉节示例藕品厂", "Yujie Example Lotus Works"),
    "sx-carrier-01": (SHENXIAN, ("carrier",), "鲜路示例冷链运输", "Xianlu Example Cold-chain Carrier"),
    "by-carrier-01": (BAOYING, ("carrier",), "里下河示例冷链运输", "Lixiahe Example Cold-chain Carrier"),
    "sx-inspector-01": (SHENXIAN, ("inspector",), "莘县示例农产品检测站", "Shenxian Example Inspection Station"),
    "by-inspector-01": (BAOYING, ("inspector",), "宝应示例农产品检测站", "Baoying Example Inspection Station"),
    "sx-retailer-01": (SHENXIAN, ("retailer",), "禾家示例超市", "Hejia Example Supermarket"),
    "sx-retailer-02": (SHENXIAN, ("retailer",), "早市示例鲜菜店", "Zaoshi Example Greengrocer"),
    "by-retailer-01": (BAOYING, ("retailer",), "运河示例超市", "Yunhe Example Supermarket"),
    "sx-office": (SHENXIAN, ("county",), "莘县示例农业农村办公室", "Shenxian Example Agriculture Office"),
    "by-office": (BAOYING, ("county",), "宝应示例农业农村办公室", "Baoying Example Agriculture Office"),
}

# One row per vegetable base: (township zh, en, latitude, longitude, party, product of each greenhouse).
SHENXIAN_BASES: tuple[tuple[str, str, float, float, str, tuple[str, ...]], ...] = (
    ("燕店", "Yandian", 36.335, 115.555, "sx-coop-02", ("melon", "melon", "tomato")),
    ("董杜庄", "Dongduzhuang", 36.118, 115.535, "sx-coop-02", ("melon", "cucumber")),
    ("王奉", "Wangfeng", 36.318, 115.478, "sx-coop-01", ("cucumber", "pepper")),
    ("魏庄", "Weizhuang", 36.302, 115.612, "sx-coop-01", ("tomato", "eggplant", "cucumber")),
    ("河店", "Hedian", 36.213, 115.590, "sx-coop-05", ("mushroom", "oyster_mushroom")),
    ("朝城", "Chaocheng", 36.057, 115.588, "sx-coop-03", ("pepper", "beans")),
    ("观城", "Guancheng", 35.935, 115.390, "sx-coop-06", ("garlic", "garlic_sprout")),
    ("古城", "Gucheng", 35.882, 115.565, "sx-coop-06", ("cabbage", "radish")),
    ("张鲁", "Zhanglu", 36.172, 115.472, "sx-coop-03", ("eggplant", "zucchini")),
    ("樱桃园", "Yingtaoyuan", 35.905, 115.648, "sx-coop-07", ("tomato", "celery")),
    ("妹冢", "Meizhong", 36.108, 115.672, "sx-coop-04", ("cucumber", "bitter_gourd", "tomato")),
    ("张寨", "Zhangzhai", 36.018, 115.668, "sx-coop-04", ("cucumber", "tomato")),
    ("大张家", "Dazhangjia", 35.968, 115.468, "sx-coop-06", ("spinach", "leek")),
    ("徐庄", "Xuzhuang", 36.128, 115.602, "sx-coop-04", ("pepper", "cucumber")),
    ("十八里铺", "Shibalipu", 36.168, 115.648, "sx-coop-05", ("oyster_mushroom", "mushroom")),
    ("俎店", "Zudian", 36.272, 115.468, "sx-coop-01", ("cauliflower", "cabbage")),
    ("大王寨", "Dawangzhai", 36.238, 115.502, "sx-coop-03", ("tomato", "pepper")),
    ("柿子园", "Shiziyuan", 36.072, 115.668, "sx-coop-07", ("potato", "onion")),
    ("王庄集", "Wangzhuangji", 35.998, 115.548, "sx-coop-07", ("carrot", "celery")),
    ("古云", "Guyun", 35.845, 115.498, "sx-coop-07", ("melon", "zucchini")),
)

# One row per lotus base: (township zh, en, latitude, longitude, party, product of each pond).
BAOYING_BASES: tuple[tuple[str, str, float, float, str, tuple[str, ...]], ...] = (
    ("射阳湖", "Sheyanghu", 33.332, 119.588, "by-coop-01", ("lotus_root", "lotus_root", "lotus_sprout")),
    ("西安丰", "Xi'anfeng", 33.228, 119.522, "by-coop-01", ("lotus_root", "lotus_sprout", "water_chestnut")),
    ("柳堡", "Liubao", 33.062, 119.448, "by-coop-02", ("lotus_root", "lotus_root", "lotus_root")),
    ("鲁垛", "Luduo", 33.138, 119.532, "by-coop-02", ("lotus_root", "lotus_sprout", "lotus_root")),
    ("望直港", "Wangzhigang", 33.252, 119.432, "by-coop-03", ("lotus_root", "arrowhead", "lotus_root")),
    ("广洋湖", "Guangyanghu", 33.148, 119.632, "by-coop-03", ("lotus_root", "lotus_root", "water_chestnut")),
)
