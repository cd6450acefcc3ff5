"""What the two counties grow: products with their varieties and shelf-life classes.

`short` keeps for days, `medium` for one to three weeks, `long` for a month or more, in the store conditions usual for the product.
"""

from __future__ import annotations

# product id -> (zh, en, shelf-life class, ((variety id, zh, en), ...)). Variety names are common types, not brands.
PRODUCTS: dict[str, tuple[str, str, str, tuple[tuple[str, str, str], ...]]] = {
    "lotus_root": ("莲藕", "Lotus root", "medium", (("early", "早熟莲藕", "Early lotus"), ("late", "晚熟莲藕", "Late lotus"))),
    "lotus_sprout": ("藕带", "Lotus sprout", "short", (("common", "普通藕带", "Common"),)),
    "lotus_root_processed": (
        "藕制品",
        "Processed lotus root",
        "long",
        (("sliced", "藕片", "Slices"), ("starch", "藕粉", "Starch")),
    ),
    "tomato": ("番茄", "Tomato", "short", (("pink", "粉果番茄", "Pink"), ("red", "红果番茄", "Red"), ("cherry", "樱桃番茄", "Cherry"))),
    "cucumber": ("黄瓜", "Cucumber", "short", (("spiny", "密刺黄瓜", "Spiny"), ("fruit", "水果黄瓜", "Mini"))),
    "eggplant": ("茄子", "Eggplant", "short", (("round", "圆茄", "Round"), ("long", "长茄", "Long"))),
    "pepper": ("辣椒", "Pepper", "short", (("green", "青椒", "Green"), ("line", "线椒", "Long thin"))),
    "melon": ("香瓜", "Melon", "short", (("white", "白皮香瓜", "White"), ("striped", "花皮香瓜", "Striped"))),
    "celery": ("芹菜", "Celery", "medium", (("western", "西芹", "Western"), ("local", "本芹", "Local"))),
    "spinach": ("菠菜", "Spinach", "short", (("round_leaf", "圆叶菠菜", "Round-leaf"),)),
    "cabbage": ("大白菜", "Chinese cabbage", "long", (("autumn", "秋白菜", "Autumn"), ("spring", "春白菜", "Spring"))),
    "cauliflower": ("菜花", "Cauliflower", "medium", (("loose", "松花菜", "Loose-curd"), ("tight", "紧花菜", "Tight-curd"))),
    "beans": ("豆角", "Yardlong beans", "short", (("green", "青豆角", "Green"),)),
    "garlic": ("大蒜", "Garlic", "long", (("purple", "紫皮蒜", "Purple"), ("white", "白皮蒜", "White"))),
    "garlic_sprout": ("蒜薹", "Garlic sprout", "medium", (("red", "红帽蒜薹", "Red-tip"),)),
    "potato": ("土豆", "Potato", "long", (("yellow", "黄心土豆", "Yellow"),)),
    "onion": ("洋葱", "Onion", "long", (("purple", "紫皮洋葱", "Purple"), ("yellow", "黄皮洋葱", "Yellow"))),
    "carrot": ("胡萝卜", "Carrot", "long", (("red", "红心胡萝卜", "Red-core"),)),
    "radish": ("白萝卜", "White radish", "medium", (("long", "长白萝卜", "Long white"),)),
    "zucchini": ("西葫芦", "Zucchini", "medium", (("light", "浅绿西葫芦", "Light green"),)),
    "bitter_gourd": ("苦瓜", "Bitter gourd", "short", (("green", "绿苦瓜", "Green"),)),
    "leek": ("韭菜", "Chinese chive", "short", (("broad", "宽叶韭", "Broad-leaf"),)),
    "mushroom": ("香菇", "Shiitake", "short", (("thick", "厚菇", "Thick-cap"),)),
    "oyster_mushroom": ("平菇", "Oyster mushroom", "short", (("grey", "灰平菇", "Grey"),)),
    "water_chestnut": ("荸荠", "Water chestnut", "medium", (("large", "大果荸荠", "Large"),)),
    "arrowhead": ("慈姑", "Arrowhead", "medium", (("purple", "紫圆慈姑", "Purple round"),)),
}
