"""The calendar of the lotus in the lower Yangtze: stages, the depth of water each wants, its temperatures, and when what is a danger.

Every figure says where it stands: `agree` where several local extension texts say the same, `differ` where they do not (the band then
spans them), `assumption` where no text was found and the figure is ours to be corrected by the county. No growing-degree totals of lotus
are published, so stages go by date; a county that records its own dates replaces this table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

AGREE, DIFFER, ASSUMPTION = "agree", "differ", "assumption"
# The lotus year begins with planting, not in January.
FIRST_MONTH = 4


@dataclass(frozen=True)
class Span:
    """A range with its standing and the words for where it is from; an open end is None."""

    low: float | None
    high: float | None
    status: str
    source_zh: str
    source_en: str

    def __post_init__(self) -> None:
        if self.status not in (AGREE, DIFFER, ASSUMPTION):
            raise ValueError(f"a figure stands as {AGREE}, {DIFFER} or {ASSUMPTION}, got {self.status!r}")
        if self.low is None and self.high is None:
            raise ValueError("a range needs at least one end")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"a range needs its low end below its high one, got {self.low}..{self.high}")

    def judge(self, value: float) -> str:
        """Return below, within or above."""
        if self.low is not None and value < self.low:
            return "below"
        return "above" if self.high is not None and value > self.high else "within"


@dataclass(frozen=True)
class Stage:
    """One stage from its first day (month, day) to the day before the next one's; `water_c` is the water temperature it goes by."""

    key: str
    name_zh: str
    name_en: str
    short_en: str
    start: tuple[int, int]
    depth_cm: Span
    water_c: Span | None
    advice_zh: str
    advice_en: str


@dataclass(frozen=True)
class Risk:
    """A time of the year in which a pest or a disease of lotus is looked for; `channel` is what counts it."""

    key: str
    channel: str
    name_zh: str
    name_en: str
    start: tuple[int, int]
    last: tuple[int, int]
    status: str
    source_zh: str
    source_en: str


def _said(low: float | None, high: float | None) -> Span:
    return Span(low, high, AGREE, "多份当地推广资料一致", "extension texts agree")


def _assumed(low: float | None, high: float | None) -> Span:
    return Span(low, high, ASSUMPTION, "假设", "assumption")


STAGES = (
    Stage("sprouting", "种植萌芽", "Planting, sprouting", "Sprouting", (4, 1), _said(3, 5), _said(8, None),
          "浅水增温；寒夜可加深到 10 厘米", "Shallow water warms the mud; up to 10 cm on cold nights"),
    Stage("leaves", "浮叶立叶", "Floating and first standing leaves", "Leaves", (5, 1), _said(5, 10), _said(14, None),
          "随立叶长高逐渐加水", "Raise the water as the leaves rise"),
    Stage("vigour", "旺盛生长", "Vigorous growth", "Vigorous growth", (6, 1), _said(10, 20), _said(23, 30),
          "高温时保持 15–20 厘米；立叶受淹须 8 小时内排水", "15–20 cm in heat; drain within 8 h if leaves are submerged"),
    Stage("swelling", "开花膨藕", "Flowering, rhizome swelling", "Swelling", (9, 1),
          Span(4, 10, DIFFER, "资料不一：4–7 与 5–10 厘米", "texts: 4–7, 5–10 cm"), _said(None, 25),
          "终止叶出现后落浅，水温降到 25°C 以下结藕", "Lower the water after the terminal leaf; rhizomes form below 25°C"),
    Stage("harvest", "成熟采收、留塘越冬", "Maturity, harvest, overwintering", "Harvest, winter", (11, 1), _assumed(8, 15), None,
          "带水越冬，随采随挖", "Keep water on through the winter; dig as it is sold"),
)  # fmt: skip

RISKS = (
    Risk("litura", "pest_count", "斜纹夜蛾", "Cluster caterpillar", (6, 15), (10, 31), ASSUMPTION,
         "专家估计", "expert estimate"),
    Risk("leaf_spot", "spore_count", "叶斑类病害", "Leaf spot", (6, 1), (9, 30), ASSUMPTION,
         "专家估计：25–30°C 的月份", "expert estimate: the months of 25–30°C"),
)  # fmt: skip


def stage_on(day: date) -> Stage:
    """Return the stage of a day."""
    begun = [s for s in STAGES if s.start <= (day.month, day.day)]
    # Before April the winter of the year before goes on.
    return begun[-1] if begun else STAGES[-1]


def depth_band(stage: Stage) -> Span:
    """Return the depth of water in cm a stage wants, with its source."""
    return stage.depth_cm


def risk_on(risk: Risk, day: date) -> bool:
    """Tell whether a risk is looked for on a day."""
    return risk.start <= (day.month, day.day) <= risk.last


def year_of(day: date) -> tuple[date, date]:
    """Return the first day of the lotus year a day lies in and that of the next one."""
    year = day.year if day.month >= FIRST_MONTH else day.year - 1
    return date(year, FIRST_MONTH, 1), date(year + 1, FIRST_MONTH, 1)


def stages_of(day: date) -> Iterator[tuple[Stage, date, date]]:
    """Yield each stage of the lotus year around a day with its first and last day, in order."""
    first, after = year_of(day)
    starts = [date(first.year, *s.start) for s in STAGES]
    for stage, start, following in zip(STAGES, starts, [*starts[1:], after], strict=True):
        yield stage, start, following - timedelta(days=1)
