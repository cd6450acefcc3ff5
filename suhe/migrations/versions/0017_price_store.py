"""Varieties of series, an index of withdrawals, one check of a series per quote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# What the curated table said of names when this step was made: (names, product, variety). A step does not follow later changes.
READINGS: tuple[tuple[tuple[str, ...], str, str | None], ...] = (
    (("莲藕", "藕", "鲜藕", "蓮藕"), "lotus_root", None),
    (("粉藕", "面藕", "野生粉藕", "洪湖莲藕(粉藕)", "洪湖莲藕（粉藕）"), "lotus_root", "floury"),
    (("脆藕", "洪湖莲藕(脆藕)", "洪湖莲藕（脆藕）"), "lotus_root", "crisp"),
    (("净藕",), "lotus_root", "cleaned"),
    (("野藕",), "lotus_root", "wild"),
    (("藕带", "鲜藕带", "藕尖", "藕鞭", "洪湖藕带"), "lotus_sprout", None),
    (("红莲藕带",), "lotus_sprout", "red_lotus"),
    (("藕制品",), "lotus_root_processed", None),
    (("盐渍藕",), "lotus_root_processed", "salted"),
    (("水煮藕片", "藕片（加工）", "藕片(加工)"), "lotus_root_processed", "sliced"),
    (("藕粉",), "lotus_root_processed", "starch"),
    (("番茄", "西红柿", "大西红柿"), "tomato", None),
    (("黄瓜", "青瓜", "胡瓜"), "cucumber", None),
    (("茄子", "矮瓜"), "eggplant", None),
    (("圆茄", "圆茄子", "紫圆茄"), "eggplant", "round"),
    (("长茄", "长茄子", "线茄", "长线茄"), "eggplant", "long"),
    (("辣椒", "尖椒"), "pepper", None),
    (("青椒", "柿子椒"), "pepper", "green"),
    (("香瓜", "甜瓜"), "melon", None),
    (("芹菜",), "celery", None),
    (("西芹",), "celery", "western"),
    (("菠菜", "本地菠菜", "菠薐菜"), "spinach", None),
    (("大白菜", "白菜", "结球白菜"), "cabbage", None),
    (("菜花", "花菜", "花椰菜"), "cauliflower", None),
    (("散菜花", "松花菜", "青梗散花", "枝江青梗散花"), "cauliflower", "loose"),
    (("豆角", "豇豆", "长豆角"), "beans", None),
    (("大蒜", "蒜头"), "garlic", None),
    (("蒜薹", "蒜苔"), "garlic_sprout", None),
    (("土豆", "马铃薯", "洋芋"), "potato", None),
    (("洋葱", "葱头"), "onion", None),
    (("红皮葱头", "紫皮洋葱"), "onion", "purple"),
    (("黄皮葱头", "黄皮洋葱"), "onion", "yellow"),
    (("胡萝卜", "红萝卜", "胡蘿蔔"), "carrot", None),
    (("白萝卜",), "radish", None),
    (("西葫芦", "西胡芦"), "zucchini", None),
    (("苦瓜", "凉瓜"), "bitter_gourd", None),
    (("韭菜",), "leek", None),
    (("香菇", "西峡香菇", "鲜香菇"), "mushroom", None),
    (("花菇", "西峡花菇"), "mushroom", "flower"),
    (("平菇",), "oyster_mushroom", None),
    (("荸荠", "马蹄"), "water_chestnut", None),
    (("慈姑", "慈菇"), "arrowhead", None),
)


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    with op.batch_alter_table("price_series", schema=None) as batch_op:
        batch_op.add_column(sa.Column("variety", sa.Text(), nullable=True))
    series = sa.table("price_series", sa.column("name", sa.Text), sa.column("product", sa.Text), sa.column("variety", sa.Text))
    for names, product, variety in READINGS:
        op.execute(series.update().where(series.c.name.in_(names)).values(product=product, variety=variety))
    # What stands is only ever written with the history, whose series are checked. PostgreSQL paid this check for every row a second time.
    with op.batch_alter_table("quote_current", table_kwargs={"sqlite_with_rowid": False}) as batch_op:
        batch_op.drop_constraint("fk_quote_current_series_id_price_series", type_="foreignkey")
    op.create_index(
        "ix_quote_obs_withdrawn", "quote_obs", ["series_id", "valid_date", "ordinal"], unique=False,
        sqlite_where=sa.text("status = 'withdrawn'"), postgresql_where=sa.text("status = 'withdrawn'"),
    )  # fmt: skip
