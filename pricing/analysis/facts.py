"""The nouns of analysis: every number with its method, the days and the count it rests on, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from foundation.errors import BadInput
from pricing.quotes import Window

# Method ids; each is an anchor in docs/prices.md.
METHODS = frozenset(
    {"latest", "day-change", "period", "year-solar", "year-lunar", "seasonal-index", "seasonal-band", "volatility", "unchanged", "spread",
     "half-life", "ipa", "alps", "level", "basket-index"}
)  # fmt: skip
# Why a number is not given.
REASONS = frozenset({"not-enough-history", "not-quoted", "not-comparable", "low-coverage", "no-variation", "no-return", "no-thresholds"})
UNUSUAL_KINDS = ("level", "ipa", "alps", "band", "move", "spread")


@dataclass(frozen=True, slots=True)
class Fact:
    """One number and what it rests on: `n` observations between `start` and `end`; without one, `reason` says why (`need`: how many)."""

    method: str
    value: float | None
    n: int
    start: date | None = None
    end: date | None = None
    reason: str = ""
    need: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise BadInput("there is no such method", expected=", ".join(sorted(METHODS)), got=self.method)
        if (self.value is None) != bool(self.reason) or (self.reason and self.reason not in REASONS):
            raise BadInput("a number comes without a reason, no number with one", expected=", ".join(sorted(REASONS)), got=self.reason)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest price that stands, in thousandths of the currency per kilogram, with its day, age and source."""

    low: int
    mid: int
    high: int
    valid_date: date
    age_days: int
    source: str
    observed_ms: int
    quotes: int


@dataclass(frozen=True, slots=True)
class Span:
    """Some days that are compared: how many of them were quoted, and the median of their prices."""

    start: date
    end: date
    quoted: int
    price: float | None

    @property
    def days(self) -> int:
        """How many days the span has."""
        return (self.end - self.start).days + 1

    @property
    def coverage(self) -> float:
        """Return the share of the days that were quoted, 0 to 1."""
        return self.quoted / self.days


@dataclass(frozen=True, slots=True)
class Comparison:
    """A change in per cent between two spans of days, both shown. `kind`: day, week, ten-days, month, year-solar or year-lunar."""

    kind: str
    change_pct: Fact
    now: Span | None
    then: Span | None


@dataclass(frozen=True, slots=True)
class SeasonNow:
    """Where today's price lies in its season: the index of the month (1 = an average month) and the middle half of earlier years."""

    index: Fact
    months: tuple[float | None, ...]
    low: int | None
    mid: int | None
    high: int | None
    years: int
    band: Fact  # the latest price over the band's middle, in per cent; n counts quotes of earlier years


@dataclass(frozen=True, slots=True)
class IpaNow:
    """FAO's indicator of price anomalies for the newest month, with both weights, and what each weight makes of the history."""

    month: date | None
    fixed: Fact  # gamma = 0.4, as in SDG 2.c.1
    pca: Fact  # gamma from the principal component
    gamma_pca: float | None
    state_fixed: str  # normal, watch, alert, low-watch, low-alert or unknown
    state_pca: str
    alerts_fixed: int
    watches_fixed: int
    alerts_pca: int
    watches_pca: int
    real: bool  # deflated by a monthly price index; else nominal, and said so


@dataclass(frozen=True, slots=True)
class AlpsNow:
    """WFP's alert for price spikes: the distance from trend and season in standard errors, on the log price."""

    month: date | None
    value: Fact
    state: str  # normal, stress, alert, crisis or unknown
    expected: float | None  # the price trend and season would give, thousandths per kilogram
    parameters: int


@dataclass(frozen=True, slots=True)
class LevelNow:
    """The county's own warning level for a product: 0 is none, 1 the most serious; `weeks` for which the present level was met."""

    level: int
    side: str  # low, high or ""
    ratio: Fact  # price over the reference (cost or a fixed price)
    since: date | None
    weeks: int
    reference: str
    reference_milli: int | None


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """All that is known of one product in one market on one day; `as_of_ms` where it is told as it was known then."""

    product: str
    market: str
    day: date
    as_of_ms: int | None
    latest: Latest | None
    day_change: Comparison
    week: Comparison
    ten_days: Comparison
    month: Comparison
    year_solar: Comparison
    year_lunar: Comparison
    season: SeasonNow
    volatility: Fact  # a year's standard deviation of the log weekly price, as a share: 0.4 is 40 % a year
    unchanged: Fact  # share of daily quotes that repeat the one before
    ipa: IpaNow
    alps: AlpsNow
    level: LevelNow
    weekly: tuple[tuple[date, float], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class SpreadFacts:
    """How far two markets' prices of a product lie apart and how fast they come together. Spreads are logs: 0.1 is about 10 %."""

    product: str
    a: str
    b: str
    day: date
    spread: Fact  # ln(price a / price b) on the newest common day
    usual: Fact  # its median over the window
    transfer_cost_milli: int | None
    band_log: float | None  # the transfer cost as a log band around nought
    outside: Fact  # share of common days outside the band
    outside_now: bool | None
    half_life_weeks: Fact
    half_life_low: float | None  # 90 % interval; the high end is None where no return can be told
    half_life_high: float | None
    rho: Fact


@dataclass(frozen=True, slots=True)
class IndexPoint:
    """The basket index on one day. The weight is quoted on the day, carried from a few days before, or imputed: the three add up to 1."""

    day: date
    value: float | None  # None where less than 70 % of the weight was quoted
    raw: float | None  # as computed, also where it is not shown; ratios are taken from this, never from a rounded figure
    coverage: float  # weight share quoted on the very day
    carried: float
    imputed: float


@dataclass(frozen=True, slots=True)
class Weight:
    """One item of a basket: weight in per cent, whose figure it is and of which day; `own` where it is our own assumption."""

    product: str
    percent: float
    source: str
    date: date
    own: bool
    group: str


@dataclass(frozen=True, slots=True)
class Link:
    """A change of basket, sample or base: on `day` the new index was joined to the old one by `factor`; both stay."""

    day: date
    old: str
    new: str
    factor: float
    overlap_days: int


@dataclass(frozen=True, slots=True)
class IndexSeries:
    """A county's basket index over some days, with its basket, base and links; empty `reason` where there is one."""

    county: str
    basket: str
    base: Window  # the first version's, on which all of it stands
    weights: tuple[Weight, ...]
    markets: tuple[str, ...]
    points: tuple[IndexPoint, ...]
    links: tuple[Link, ...]
    as_of_ms: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unusual:
    """One thing out of the ordinary today, ranked by `score` (1 is just out of the ordinary).

    `value` is in the kind's unit: level the ratio to the reference, ipa and alps their value, band and spread per cent over the usual,
    move the week's change in per cent. `low` and `high` bound what is usual, in the same unit. `fact` carries n, method and days. `also`
    are the other markets that are unusual in the same direction: a harvest shows everywhere, and is one thing to know.
    """

    kind: str
    product: str
    market: str
    up: bool
    score: float
    value: float
    low: float | None
    high: float | None
    fact: Fact
    price_milli: int
    valid_date: date
    age_days: int
    source: str
    state: str = ""  # the level's number, or the indicator's word
    other_market: str = ""
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in UNUSUAL_KINDS:
            raise BadInput("nothing is unusual in this way", expected=", ".join(UNUSUAL_KINDS), got=self.kind)
