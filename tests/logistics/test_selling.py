"""Where to sell: netbacks to the thousandth, markets refused by name, and laws that hold for any price and way."""

from __future__ import annotations

import copy
import math
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.i18n import translator
from dashboards.selling_view import selling_view
from foundation.errors import BadInput, Conflict, NotFound
from logistics.distance import Matrix, Tortuous
from logistics.places import MARKET_PLACES, Place
from logistics.selling.model import Netback, Quoted, Ranking, RefusedMarket, Terms
from logistics.selling.netback import haul_of, loss_share_ppm, netback_of, sift
from logistics.selling.terms import FILE, read_terms, term_sheet
from logistics.tariff import tariff_of
from tests.dashboards.fakes_house import House, build_house

TARIFF = tariff_of()
BASE = Place("base", "基地", "Base", 36.3, 115.6)
TERMS = Terms(2500, 15_000, 30_000, 40, 60)


def quoted(mid: int = 4000, *, market: str = "kuangshan", age: int = 0, kind: str = "wholesale", troubled: bool = False) -> Quoted:
    return Quoted(market, kind, mid - 400, mid, mid + 400, date(2026, 11, 25), age, 0, "xinfadi", troubled)


def table(metres: int) -> Matrix:
    return Matrix("a table", {("base", "kuangshan"): metres, ("kuangshan", "base"): metres})


def test_a_netback_is_worked_out_to_the_thousandth() -> None:
    """1,500 kg in one small truck over 100 km at 4.00/kg: each part by hand."""
    haul = haul_of(TARIFF, table(100_000), BASE, MARKET_PLACES["kuangshan"], 1500, reefer=False)
    assert (haul.truck.id, haul.trucks, haul.toll_reasons, haul.toll_fen) == ("small", 1, ("free_mass",), 0)
    n = netback_of(quoted(), MARKET_PLACES["kuangshan"], haul, TERMS)
    loss = round((1 - math.exp(-0.0025 * haul.costs[0].seconds / 3600)) * 1e6) + 15_000
    kept = 4000 * (1_000_000 - loss) // 1_000_000
    fees = kept * 30_000 // 1_000_000 + 40
    freight = 10 * haul.total_fen // 1500
    assert (n.loss_ppm, n.loss_milli, n.fees_milli, n.freight_milli, n.toll_milli) == (loss, 4000 - kept, fees, freight, 0)
    assert n.mid == kept - fees - freight - 60
    assert n.low < n.mid < n.high


def test_toll_turns_at_eighty_percent_of_the_load() -> None:
    """1,440 kg fill a small truck to 80 % of its mass and travel free; 1,439 kg do not."""
    hauls = [haul_of(TARIFF, table(300_000), BASE, MARKET_PLACES["kuangshan"], kg, reefer=False) for kg in (1440, 1439)]
    assert [h.toll_fen for h in hauls] == [0, 300 * 40]


def test_a_load_beyond_one_truck_travels_in_several() -> None:
    """Every truck but the last is full, and nothing is left behind."""
    haul = haul_of(TARIFF, table(100_000), BASE, MARKET_PLACES["kuangshan"], 40_000, reefer=False)
    most = min(haul.truck.payload_kg, haul.truck.crates * TARIFF.kg_per_crate)
    assert haul.trucks == -(-40_000 // most) > 1
    assert haul.costs[0].fill_percent >= 99


@pytest.mark.parametrize("kg", [0, -1, 500_001])
def test_an_absurd_load_is_refused(kg: int) -> None:
    """The error says what a load may be."""
    with pytest.raises(BadInput, match="500000"):
        haul_of(TARIFF, table(1), BASE, MARKET_PLACES["kuangshan"], kg, reefer=False)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"age": 3}, ""), ({"age": 4}, "too_old"), ({"troubled": True}, "troubled"), ({"kind": "retail"}, "retail"),
        ({"market": "nowhere"}, "unplaced"),
    ],
)  # fmt: skip
def test_markets_that_may_not_be_ranked_are_named_with_the_reason(told: dict[str, Any], reason: str) -> None:
    """Older than three days, from a source in trouble, retail, or nobody knows where: refused, never dropped in silence."""
    fine, refused = sift([quoted(**told)], MARKET_PLACES)
    assert [r.reason for r in refused] == ([reason] if reason else [])
    assert len(fine) + len(refused) == 1


@given(st.integers(1000, 20_000), st.integers(0, 5000), st.integers(1000, 2_000_000), st.integers(0, 500_000), st.integers(1, 30_000))
def test_dearer_is_never_worse_and_farther_is_never_better(price: int, more: int, metres: int, farther: int, kg: int) -> None:
    """For any load: a higher price never lowers the netback, a longer way never raises it."""
    near, far = (haul_of(TARIFF, table(m), BASE, MARKET_PLACES["kuangshan"], kg, reefer=True) for m in (metres, metres + farther))
    place = MARKET_PLACES["kuangshan"]
    assert netback_of(quoted(price + more), place, near, TERMS).mid >= netback_of(quoted(price), place, near, TERMS).mid
    assert netback_of(quoted(price), place, far, TERMS).mid <= netback_of(quoted(price), place, near, TERMS).mid


def test_no_more_is_lost_than_there_is() -> None:
    """However long the way, the share lost ends at the whole."""
    assert loss_share_ppm(Terms(900_000, 990_000, 0, 0, 0), 10**9) == 1_000_000


@pytest.mark.parametrize("group", ["loss.short", "fees.origin", "packing"])
def test_no_term_without_a_source(group: str) -> None:
    """A group of terms that does not say where it comes from is refused by its name."""
    told = copy.deepcopy(tomllib.loads(FILE.read_text(encoding="utf-8")))
    head, _, tail = group.partition(".")
    (told[head][tail] if tail else told[head])["source"] = ""
    with pytest.raises(BadInput, match=group):
        read_terms(told)
    assert {s.group for s in term_sheet().sources} >= {"loss.long", "fees.wholesale", "packing"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with prices and lots, which nobody changes."""
    return build_house(tmp_path_factory.mktemp("sell"), readings_every_minutes=720, price_days=30)


def ranking(house: House, kg: int = 2000) -> Ranking:
    found: Ranking = house.services.logistics.selling.where_to_sell("cucumber", "sx-04", kg)
    return found


def test_markets_are_ranked_by_what_is_left_and_nothing_is_dropped(house: House) -> None:
    """The best first; every market that quotes the product is ranked or refused."""
    found = ranking(house)
    assert len(found.ranked) >= 2
    assert [n.mid for n in found.ranked] == sorted((n.mid for n in found.ranked), reverse=True)
    quoting = {r.market for r in house.services.prices.board(None, None) if r.product == "cucumber"}
    assert {n.quoted.market for n in found.ranked} | {r.quoted.market for r in found.refused} == quoting
    assert found.lead_milli == found.ranked[0].mid - found.ranked[1].mid
    assert found.distance_method == Tortuous().method


def test_old_quotes_are_not_ranked_a_week_later(house: House) -> None:
    """The same question a week after the last quotes: no market is ranked, all are named."""
    later = house.services.logistics.selling.where_to_sell("cucumber", "sx-04", 2000, date(2025, 12, 5))
    assert later.ranked == ()
    assert {r.reason for r in later.refused} == {"too_old"}
    said = selling_view(house.services, later, "en", translator("en"))
    assert "none fresh enough to rank" in said.sentence


@pytest.mark.parametrize(
    ("lang", "words"),
    [("zh-Hans", ("今天把魏庄蔬菜基地的", "公斤黄瓜卖到", "比第二的")), ("en", ("Today the 2,000 kg of cucumber", "more than in"))],
)
def test_one_sentence_says_where_and_by_how_much(house: House, lang: str, words: tuple[str, ...]) -> None:
    """In both languages: the market, what is left, the lead and what makes it."""
    view = selling_view(house.services, ranking(house), lang, translator(lang))
    assert all(w in view.sentence for w in words), view.sentence
    assert view.lines[0].netback in view.sentence


def test_the_sentence_claims_no_more_than_the_quotes_do(house: House) -> None:
    """Quotes refused for another reason than age are not called old, the only one ranked is not the only fresh one, a tie is a tie."""
    found = ranking(house)
    t = translator("en")

    def said(ranked: tuple[Netback, ...], reason: str) -> str:
        refused = tuple(RefusedMarket(n.quoted, reason) for n in found.ranked)
        return selling_view(house.services, replace(found, ranked=ranked, refused=refused), "en", t).sentence

    assert "the reasons are below" in said((), "troubled") and "fresh" not in said((), "troubled")
    assert "none fresh enough" in said((), "too_old")
    assert "whose quote can be ranked" in said(found.ranked[:1], "troubled")
    tie = replace(found.ranked[1], mid=found.ranked[0].mid)
    assert "practically the same" in said((found.ranked[0], tie), "too_old")


def test_the_last_truck_is_not_called_full(house: House) -> None:
    """Of a load that fills trucks but the last one, both fills are told; of one truck its own."""
    many = selling_view(house.services, ranking(house, 18_000), "en", translator("en")).lines[0].haul
    assert many.startswith("2 ×") and "filled to 100%, the last one to" in many
    assert "last" not in selling_view(house.services, ranking(house, 1000), "en", translator("en")).lines[0].haul


def test_a_lot_is_a_load_while_it_lies_at_its_base(house: House) -> None:
    """T1 has kilograms left at its base; P1 was delivered and is refused with what to do."""
    load = house.services.logistics.selling.load_of_lot("371522:T1")
    assert (load.product, load.base, load.kg) == ("melon", "sx-01", 460)
    assert [(x.product, x.base, x.kg) for x in house.services.logistics.selling.loads("371522")] == [("melon", "sx-01", 460)]
    with pytest.raises(Conflict, match="choose a product"):
        house.services.logistics.selling.load_of_lot("371522:T2")
    with pytest.raises(NotFound):
        house.services.logistics.selling.load_of_lot("371522:none")


def test_the_page_and_the_api_answer_and_refuse(house: House, tmp_path: Path) -> None:
    """A wrong weight keeps the form and says what may be entered; the API names what is missing."""
    from fastapi.testclient import TestClient

    from dashboards.api import selling as api
    from dashboards.pages import selling as page

    client = TestClient(house.app(page, api), headers={"accept-language": "en", "accept": "text/html"})
    text = client.get("/c/371522/sell?product=cucumber&base=sx-04&kg=2000").text
    assert "Today the 2,000 kg of cucumber at Weizhuang" in text and "/lots/371522:T1" in text
    assert "enter 1 to 500,000 kg" in client.get("/c/371522/sell?kg=900000000").text
    kept = client.get("/c/371522/sell?product=cucumber&base=sx-04&kg=2t").text
    assert '<option value="cucumber" selected>' in kept and '<option value="sx-04" selected>' in kept and 'value="2t"' in kept
    assert "no such product" in client.get("/c/371522/sell?product=gold").text
    told = client.get("/api/v1/sell?product=cucumber&base=sx-04&kg=2000").json()
    assert told["ranked"][0]["mid"] - told["ranked"][1]["mid"] == told["lead_milli"]
    assert client.get("/api/v1/sell?product=cucumber").status_code == 422
    assert client.get("/api/v1/sell?lot=371522:none").status_code == 404
