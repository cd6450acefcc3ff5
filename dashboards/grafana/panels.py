"""Every panel of every board, in one table: its name and meaning in both languages, its unit, its datasource and its query.

Readings are asked of VictoriaMetrics in MetricsQL, by the names of `ingest/lines.py`: `{channel}_value` and `{channel}_flag` with the labels
county, gateway, device and unit. Records are asked of PostgreSQL in SQL, by the tables of the domains. Units are Grafana's own ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

READINGS, RECORDS = "suhe-readings", "suhe-records"
SERIES, STAT, TABLE, BARS = "timeseries", "stat", "table", "bargauge"


@dataclass(frozen=True)
class Panel:
    """One panel. `legend` names series of MetricsQL; `width` is in 24ths of the board."""

    zh: str
    en: str
    zh_about: str
    en_about: str
    unit: str
    query: str
    kind: str = SERIES
    source: str = READINGS
    legend: str = "{{device}}"
    width: int = 12
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Row:
    """Panels under one heading."""

    zh: str
    en: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """One board; `variables` are the names of the choices above it, `span` the time it opens with."""

    uid: str
    zh: str
    en: str
    zh_about: str
    en_about: str
    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    span: tuple[str, str] = ("now-7d", "now")

    @property
    def panels(self) -> Iterator[Panel]:
        """Every panel of the board."""
        for row in self.rows:
            yield from row.panels


def _channel(code: str, zh: str, en: str, unit: str, *, total: bool = False, width: int = 12, bounds: tuple[float, ...] = ()) -> Panel:
    """Return the panel of a channel: the last value of the last twenty minutes, or what came together in an hour or a day."""
    if total:
        hours = "1h" if code == "rain" else "24h"
        spell_zh, spell_en = ("每小时", "per hour") if code == "rain" else ("24 小时", "in 24 hours")
        return Panel(
            f"{zh}（{spell_zh}合计）", f"{en}, {spell_en}", f"各设备{spell_zh}内的{zh}合计，缺测不补。",
            f"Sum of {en.lower()} {spell_en} for each device; what was not measured is not made up.",
            unit, f'sum_over_time({code}_value{{county=~"$county"}}[{hours}])', width=width,
        )  # fmt: skip
    return Panel(
        zh, en, f"各设备最近 20 分钟内最新的{zh}；更旧的不画，断线就是没有读数。",
        f"Newest {en.lower()} of each device within twenty minutes; older values are not drawn, a break is a silence.",
        unit, f'last_over_time({code}_value{{county=~"$county"}}[20m])', width=width, bounds=bounds,
    )  # fmt: skip


def _age(code: str, zh: str, en: str) -> Panel:
    return Panel(
        f"{zh}有多旧", f"Age of {en}", f"距每台设备最后一条{zh}读数的时间；超过 30 分钟变黄，超过 2 小时变红。",
        f"Time since each device's last reading of {en}; amber beyond half an hour, red beyond two hours.",
        "s", f'time() - tlast_over_time({code}_value{{county=~"$county"}}[7d])', kind=BARS, bounds=(1800, 7200),
    )  # fmt: skip


FIELD = Board(
    "suhe-field", "田间", "Field", "两县田间每个通道的读数，来自收到的原始记录。", "Readings of every channel in the field, fed from the receive log.",
    ("county",),
    (
        Row("气象", "Weather", (
            _channel("air_temperature", "气温", "Air temperature", "celsius"),
            _channel("air_humidity", "空气湿度", "Relative humidity", "percent"),
            _channel("rain", "降水", "Rain", "lengthmm", total=True),
            _channel("wind_speed", "风速", "Wind speed", "velocityms"),
            _channel("solar_radiation", "太阳辐射", "Solar radiation", "Wm2"),
            _channel("air_pressure", "气压", "Air pressure", "pressurehpa"),
        )),
        Row("水", "Water", (
            _channel("water_level", "水位", "Water level", "lengthcm"),
            _channel("water_temperature", "水温", "Water temperature", "celsius"),
            _channel("dissolved_oxygen", "溶解氧", "Dissolved oxygen", "conmgL", bounds=(4, 2)),
            _channel("ph", "酸碱度", "pH", "pH"),
        )),
        Row("大棚和土壤", "Greenhouse and soil", (
            _channel("soil_temperature", "土壤温度", "Soil temperature", "celsius"),
            _channel("soil_moisture", "土壤含水率", "Soil moisture", "percent"),
            _channel("co2", "二氧化碳", "Carbon dioxide", "ppm"),
        )),
        Row("虫和孢子", "Pests and spores", (
            _channel("pest_count", "诱虫数", "Pests trapped", "short", total=True),
            _channel("spore_count", "孢子数", "Spores", "short", total=True),
        )),
        Row("冷链", "Cold chain", (_channel("cargo_temperature", "货厢温度", "Cargo temperature", "celsius", width=24),)),
        Row("可信吗", "How good it is", (
            _age("air_temperature", "气温", "air temperature"),
            Panel(
                "可疑读数的比例", "Share of suspect readings", "一小时内气温读数里，质量标志为可疑或错误（QARTOD 3、4）的比例。",
                "Share of an hour's air temperatures flagged suspect or fail (QARTOD 3 and 4).",
                "percentunit", 'avg by (county) (avg_over_time((air_temperature_flag{county=~"$county"} >bool 2)[1h:1m]))',
                legend="{{county}}",
            ),
        )),
    ),
)  # fmt: skip


def _gateway(
    field: str, zh: str, en: str, zh_about: str, en_about: str, unit: str, *, kind: str = SERIES, bounds: tuple[float, ...] = ()
) -> Panel:
    query = f'last_over_time(ingest_gateway_{field}{{county=~"$county"}}[5m])'
    return Panel(zh, en, zh_about, en_about, unit, query, kind=kind, legend="{{gateway}}", bounds=bounds)


def _store(field: str, zh: str, en: str, zh_about: str, en_about: str, unit: str, *, bounds: tuple[float, ...] = ()) -> Panel:
    return Panel(
        zh, en, zh_about, en_about, unit, f"last_over_time(ingest_store_{field}[5m])", kind=STAT, legend=en, width=6, bounds=bounds
    )


INGEST = Board(
    "suhe-ingest", "接收健康", "Ingest health", "网关说了什么、丢了没有、存到哪里。", "What gateways said, whether anything is missing, and where it went.",
    ("county",),
    (
        Row("存储", "Store", (
            _store("readings", "已存读数", "Readings stored", "落盘并确认过的读数总数。", "Readings on disk and acknowledged.", "short"),
            _store("dead_letters", "死信", "Dead letters", "读不懂或被拒的消息总数，每条都有原因。", "Messages that could not be taken, each kept with its reason.",
                   "short", bounds=(1, 1000)),
            _store("sink_lag_seconds", "送往本库的滞后", "Lag of this store", "本库落后于收到记录的时间。", "How far this store is behind the receive log.",
                   "s", bounds=(180, 900)),
            _store("sink_waiting_readings", "等着送来的读数", "Readings waiting", "已落盘、还没有送到本库的读数。", "On disk, not fed to this store yet.", "short"),
        )),
        Row("网关", "Gateways", (
            _gateway("silent_seconds", "沉默多久", "Silent for", "距每个网关最后一条消息的时间；1 分钟变黄，5 分钟变红。",
                     "Time since each gateway's last message; amber from one minute, red from five.", "s", kind=BARS, bounds=(60, 300)),
            _gateway("open_gaps", "未补的缺口", "Open gaps", "序号中间还没有收到的段数；补发后归零。", "Stretches of sequence numbers not received yet; zero after backfill.",
                     "short", bounds=(1, 5)),
            Panel("每秒读数", "Readings a second", "每个网关五分钟内的平均速率。", "Mean rate of each gateway over five minutes.", "ops",
                  'rate(ingest_gateway_readings{county=~"$county"}[5m])', legend="{{gateway}}"),
            _gateway("duplicates", "重复消息", "Duplicates", "重发后认出来、没有存两次的消息。", "Messages sent again and recognised, not stored twice.", "short"),
        )),
    ),
)  # fmt: skip

_IN_COUNTY = "county IN (${county:sqlstring})"
# A second count times a thousand is no integer of four bytes any more.
_SPAN = "BETWEEN $__unixEpochFrom() * 1000::bigint AND $__unixEpochTo() * 1000::bigint"
_NOW_MS = "(extract(epoch from now()) * 1000)"


def _sql(zh: str, en: str, zh_about: str, en_about: str, unit: str, query: str, *, kind: str = SERIES, width: int = 12,
         bounds: tuple[float, ...] = ()) -> Panel:  # fmt: skip
    return Panel(zh, en, zh_about, en_about, unit, query, kind=kind, source=RECORDS, legend="", width=width, bounds=bounds)


LOTS = Board(
    "suhe-lots", "批次", "Lots", "批次、记录、检测和日志。", "Lots, their records, inspections and the log.", ("county",),
    (
        Row("日志", "The log", (
            _sql("记录数", "Records", "日志里的记录总数。", "Records in the log.", "short",
                 "SELECT count(*) AS records FROM event", kind=STAT, width=6),
            _sql("距上次签名", "Since the last checkpoint", "最近一次签名的检查点有多旧。", "Age of the newest signed checkpoint.", "s",
                 f"SELECT ({_NOW_MS} - max(time_ms)) / 1000 AS age FROM checkpoint", kind=STAT, width=6, bounds=(120, 900)),
            _sql("还没签进检查点", "Not in a checkpoint yet", "写下以后还没有被检查点覆盖的记录。", "Records not covered by a checkpoint yet.", "short",
                 "SELECT (SELECT count(*) FROM event) - coalesce(max(size), 0) AS waiting FROM checkpoint", kind=STAT, width=6),
            _sql("锚定的记录", "Anchored records", "最后一个已确认锚点所覆盖的记录数；没有锚点时为 0。", "Records under the newest confirmed anchor; 0 without one.", "short",
                 "SELECT coalesce(max(size), 0) AS anchored FROM anchor WHERE block_number IS NOT NULL", kind=STAT, width=6),
        )),
        Row("批次", "Lots", (
            _sql("各状态的批次", "Lots by state", "每个县、每种状态有多少批。", "Lots of produce by county and state.", "short",
                 f"SELECT county, state, count(*) AS lots FROM lot WHERE kind = 'produce' AND {_IN_COUNTY} GROUP BY county, state ORDER BY county, state",
                 kind=TABLE),
            _sql("检测结果", "Inspection results", "批次最近一次检测的结论；n 是批次数，不是合格率。", "Newest inspection of each lot; n counts lots, it is no pass rate.", "short",
                 f"SELECT county, inspection AS result, count(*) AS n FROM lot WHERE kind = 'produce' AND inspection <> '' AND {_IN_COUNTY} "
                 "GROUP BY county, inspection ORDER BY county, inspection", kind=TABLE),
            _sql("每天记录多少", "Records per day", "按种类，每天发生的事件数。", "Events by kind and the day they happened.", "short",
                 "SELECT to_timestamp(event_time_ms / 86400000 * 86400) AS \"time\", event_type AS metric, count(*) AS records FROM event "
                 f"WHERE event_time_ms {_SPAN} GROUP BY 1, 2 ORDER BY 1", width=24),
        )),
        Row("流通", "On the road", (
            _sql("冷链行程", "Cold-chain legs", "按温度等级，在路上和已到的行程数。", "Legs by temperature class, under way and arrived.", "short",
                 f"SELECT county, class, count(*) FILTER (WHERE arrives_ms IS NULL) AS under_way, count(*) FILTER (WHERE arrives_ms IS NOT NULL) AS arrived "
                 f"FROM cold_leg WHERE {_IN_COUNTY} GROUP BY county, class ORDER BY county, class", kind=TABLE),
            _sql("运输计划费用", "Cost of freight plans", "每份计划按费率表的总费用（元）；费率多为估算。", "Total of each plan by the tariff (yuan); most rates are assumptions.", "currencyCNY",
                 f"SELECT to_timestamp(made_ms / 1000) AS \"time\", county AS metric, total_fen / 100.0 AS cost FROM freight_plan "
                 f"WHERE made_ms {_SPAN} AND {_IN_COUNTY} ORDER BY 1"),
        )),
    ),
)  # fmt: skip

# Yuan only, and every source by itself: currencies and sources are never averaged together.
_QUOTED = "FROM quote_current q JOIN price_series s ON s.id = q.series_id WHERE s.currency = 'CNY' AND s.product IN (${product:sqlstring})"
_SEEN = "BETWEEN to_timestamp($__unixEpochFrom()) AND to_timestamp($__unixEpochTo())"
_CHOSEN = "f.currency = 'CNY' AND f.product IN (${product:sqlstring})"
_FORECAST = f"FROM price_forecast f JOIN price_forecast_point p ON p.forecast_id = f.id WHERE {_CHOSEN}"
_HERE = "market IN (${market:sqlstring})"
# A week's price is the median of its days', a day's the mean of what a source quoted; a week without quotes is no row.
_WEEKS = (
    "SELECT market, source, date_trunc('week', valid_date)::timestamptz AS week, percentile_cont(0.5) WITHIN GROUP (ORDER BY mid) / 1000.0 AS price "
    f"FROM (SELECT s.market, s.source, q.valid_date, avg(q.mid) AS mid {_QUOTED} GROUP BY 1, 2, 3) AS daily GROUP BY 1, 2, 3"
)

PRICES = Board(
    "suhe-prices", "价格", "Prices", "各市场的报价和预测、它们有多旧、来源怎么样。", "Quotes and forecasts of every market, how old they are, and how the sources are.",
    ("product", "market"),
    (
        Row("报价", "Quotes", (
            _sql("各市场每天的价", "Daily price by market", "所选产品每个市场、每个来源每天报价的平均，元/公斤；没有报价的日子不补，来源不混。",
                 "Mean of the day's quotes of the chosen product by market and source, yuan per kg; days without quotes are not filled, sources not mixed.", "currencyCNY",
                 f"SELECT q.valid_date::timestamptz AS \"time\", s.market || ' · ' || s.source AS metric, avg(q.mid) / 1000.0 AS price {_QUOTED} "
                 f"AND q.valid_date::timestamptz {_SEEN} GROUP BY 1, 2 ORDER BY 1"),
            _sql("各市场的周价", "Weekly price by market", "一周各天价格的中位数，元/公斤；预测用的就是它。没有报价的周不补。",
                 "Median of the week's days, yuan per kg; forecasts are made from it. Weeks without quotes are not filled.", "currencyCNY",
                 f"SELECT week AS \"time\", market || ' · ' || source AS metric, price FROM ({_WEEKS}) AS weekly WHERE week {_SEEN} ORDER BY 1"),
            _sql("最新报价和它的日子", "Newest quote and its day", "每个市场最后一天的最低、平均、最高（元/公斤）和距今几天。",
                 "Low, mean and high of each market's last day (yuan per kg), and how many days ago that was.", "none",
                 f"SELECT DISTINCT ON (s.market) s.market, s.source, q.valid_date, current_date - q.valid_date AS days_old, q.low / 1000.0 AS low, "
                 f"q.mid / 1000.0 AS mid, q.high / 1000.0 AS high {_QUOTED} ORDER BY s.market, q.valid_date DESC", kind=TABLE, width=24),
        )),
        Row("预测", "Forecasts", (
            _sql("所选市场往后 12 周", "Twelve weeks ahead in the chosen market", "最近一次预测：P50 居中，八成把握在 P10 和 P90 之间；连同到目前为止的周价，元/公斤。",
                 "The newest forecast: P50 in the middle, eight cases of ten between P10 and P90; with the weekly price so far, yuan per kg.", "currencyCNY",
                 f"SELECT week AS \"time\", source AS metric, price FROM ({_WEEKS}) AS weekly WHERE {_HERE} AND week {_SEEN} UNION ALL "
                 "SELECT p.week::timestamptz, q.name, q.price / 1000.0 FROM price_forecast_point p "
                 "CROSS JOIN LATERAL (VALUES ('P10', p.p10), ('P50', p.p50), ('P90', p.p90)) AS q(name, price) WHERE p.forecast_id = "
                 f"(SELECT f.id FROM price_forecast f WHERE {_CHOSEN} AND f.{_HERE} ORDER BY f.made_ms DESC, f.id DESC LIMIT 1) ORDER BY 1", width=24),
            _sql("预测比照搬上周价好多少", "Forecasts against last week's price", "每个市场最近一次预测：方法、价格、MASE 和照搬上周价的 MASE、区间罩住的比例、试过几次。不比照搬准的，写的就是上周价。",
                 "Each market's newest forecast: method, price, MASE and last week's price's MASE, share inside the interval, trials. Where it is not better, last week's price is shown.", "none",
                 "SELECT market, weeks, method, p50, mase, mase_naive, inside, origins, days_old FROM (SELECT f.market, p.horizon AS weeks, p.method, p.p50 / 1000.0 AS p50, p.mase, "
                 "p.mase_naive, p.coverage AS inside, p.origins, current_date - to_timestamp(f.made_ms / 1000)::date AS days_old, "
                 f"rank() OVER (PARTITION BY f.market ORDER BY f.made_ms DESC, f.id DESC) AS age {_FORECAST} AND p.horizon IN (1, 4, 12)) AS newest "
                 "WHERE age = 1 ORDER BY market, weeks", kind=TABLE),
            _sql("四周前的预测和后来的价", "Four weeks before, and what came", "所选市场：四周前给出的 P50 和那一周后来的价，元/公斤；预测一旦给出就不再改。",
                 "In the chosen market: the P50 given four weeks before, and the week's price when it came, yuan per kg; a forecast once given is never changed.", "currencyCNY",
                 f"SELECT week AS \"time\", source AS metric, price FROM ({_WEEKS}) AS weekly WHERE {_HERE} AND week {_SEEN} UNION ALL "
                 f"SELECT p.week::timestamptz, 'P50', p.p50 / 1000.0 {_FORECAST} AND f.{_HERE} AND p.horizon = 4 AND p.week::timestamptz {_SEEN} ORDER BY 1"),
        )),
        Row("官方指数", "Official indices", (
            _sql("农业农村部批发价格指数", "Ministry's wholesale price indices", "按公布的数，各代码一条线；本系统不重算它。", "As published, a line for each code; we do not recompute them.", "none",
                 "SELECT day::timestamptz AS \"time\", code AS metric, milli / 1000.0 AS value FROM (SELECT DISTINCT ON (code, day) code, day, milli FROM official_index "
                 f"WHERE day::timestamptz {_SEEN} ORDER BY code, day, observed_ms DESC) AS newest ORDER BY 1", width=24),
        )),
        Row("来源", "Sources", (
            _sql("来源有多旧", "Age of the sources", "距每个来源上次成功的时间；一天变黄，两天变红。", "Time since each source's last success; amber from a day, red from two.", "s",
                 f"SELECT id AS source, ({_NOW_MS} - last_success_ms) / 1000 AS age FROM price_source WHERE last_success_ms IS NOT NULL ORDER BY id",
                 kind=BARS, bounds=(86_400, 172_800)),
            _sql("来源状态", "State of the sources", "正常、停更、被隔离（不信它的回答）或没有回答，以及原因。", "Fine, stale, quarantined (its answer is not believed) or failing, and why.", "none",
                 "SELECT id AS source, state, why, rows_last FROM price_source ORDER BY id", kind=TABLE),
            _sql("采集次数", "Collecting runs", "每小时各结果的采集次数。", "Runs of the collector per hour by result.", "short",
                 f"SELECT to_timestamp(started_ms / 3600000 * 3600) AS \"time\", state AS metric, count(*) AS runs FROM price_run WHERE started_ms {_SPAN} "
                 "GROUP BY 1, 2 ORDER BY 1", width=24),
        )),
    ),
    # Half a year of weeks behind, a forecast's twelve ahead.
    span=("now-180d", "now+84d"),
)  # fmt: skip

BOARDS = (FIELD, INGEST, LOTS, PRICES)
# Name of a choice -> (label zh, label en, datasource, query that lists what may be chosen).
VARIABLES: dict[str, tuple[str, str, str]] = {
    "county": ("县", "County", "SELECT code AS __value, code AS __text FROM county ORDER BY code"),
    "product": ("产品", "Product", "SELECT DISTINCT product FROM price_series WHERE product IS NOT NULL ORDER BY product"),
    "market": ("市场", "Market", "SELECT DISTINCT market FROM price_series WHERE product IS NOT NULL ORDER BY market"),
}
