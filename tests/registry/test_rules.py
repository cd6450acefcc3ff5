"""What must agree before one thing stands beside another, and that a refused write leaves nothing."""

from __future__ import annotations

import dataclasses
import threading

import nacl.signing
import pytest

from foundation.errors import BadInput, Conflict, NotFound
from registry.parties import Party
from registry.plots import Base
from registry.products import Product, Variety
from registry.service import Registry
from tests.registry.examples import BAOYING, BASE, COOP, LEVEL, LOTUS, POND, SHENXIAN

SX_COOP = Party("sx-coop", "371522", ("cooperative",), "莘县示例合作社", "Shenxian Example Cooperative")
SX_BASE = Base("sx-01", "371522", "sx-coop", "燕店基地", "Yandian base", 36.3, 115.5)


def test_what_is_named_must_be_registered(registry: Registry) -> None:
    """A party without its county, a base without its party, a plot without its base: each is refused by name."""
    for item, missing in ((COOP, "county"), (BASE, "county"), (POND, "base"), (LEVEL, "base")):
        with pytest.raises(BadInput, match=f"names a {missing} that is not registered"):
            registry.add_all([item])
    with pytest.raises(BadInput, match="names a base"):
        registry.register_gateway("gw", "321023", "by-01", "网关", "Gateway")
    with pytest.raises(BadInput, match="names a party"):
        registry.add_key("coop-1", bytes(nacl.signing.SigningKey.generate().verify_key), 0)
    assert registry.counties() == registry.parties() == registry.bases() == []


def test_a_thing_lies_in_one_county(filled: Registry) -> None:
    """A gateway and a device cannot claim another county than their base's, nor a device a plot of another base."""
    filled.add_all([SHENXIAN, SX_COOP, SX_BASE])
    filled.register_gateway("sx-01-gw", "371522", "sx-01", "网关", "Gateway")
    with pytest.raises(BadInput, match="gateway does not lie"):
        filled.register_gateway("gw-2", "371522", "by-01", "网关", "Gateway")
    for wrong in (
        dataclasses.replace(LEVEL, id="d", county="371522"),
        dataclasses.replace(LEVEL, id="d", gateway="sx-01-gw"),
        dataclasses.replace(LEVEL, id="d", county="371522", base="sx-01", gateway="sx-01-gw"),
    ):
        with pytest.raises(BadInput, match="device d does not lie"):
            filled.add_device(wrong)
    assert [d.id for d in filled.devices()] == [LEVEL.id]


def test_a_variety_belongs_to_one_product(filled: Registry) -> None:
    """Two products cannot share a variety's id, in one write or in two."""
    thief = Product("arrowhead", "慈姑", "Arrowhead", "kg", "medium", (Variety("lotus_root_early", "早", "Early"),))
    with pytest.raises(Conflict, match="another product"):
        filled.add_product(thief)
    with pytest.raises(Conflict, match="another product"):
        filled.add_all([dataclasses.replace(thief, id=i, varieties=(Variety("v", "甲", "A"),)) for i in ("one", "two")])
    assert filled.products() == [LOTUS]


def test_one_write_is_all_or_none(registry: Registry) -> None:
    """Where the last of many is refused, none of the others came in."""
    with pytest.raises(BadInput):
        registry.add_all([BAOYING, COOP, LOTUS, BASE, dataclasses.replace(POND, base="nowhere")])
    assert registry.counties() == [] and registry.products() == []
    with pytest.raises(BadInput, match="cannot be registered"):
        registry.add_all([BAOYING, "a word"])  # type: ignore[list-item]
    assert registry.counties() == []


def test_the_same_thing_twice_in_one_write_is_one(registry: Registry) -> None:
    """Twice the same is one; the same id with two contents is refused."""
    assert registry.add_all([BAOYING, BAOYING]) == 1
    assert registry.add_all([BAOYING]) == 0
    with pytest.raises(Conflict, match="name_en 'Baoying'"):
        registry.add_all([dataclasses.replace(BAOYING, name_en="Bao Ying")])


def test_a_refusal_names_what_differs(filled: Registry) -> None:
    """The message holds both contents of the field that differs, and no other field."""
    with pytest.raises(Conflict) as refused:
        filled.add_plot(dataclasses.replace(POND, area_mu=16.0))
    assert "area_mu 15.0" in refused.value.expected and "area_mu 16.0" in refused.value.got
    assert "name_zh" not in refused.value.explain()


def test_many_register_the_same_at_once(registry: Registry) -> None:
    """Six processes' worth of threads registering one county: it is there once, and nobody sees a database error."""
    failed: list[BaseException] = []
    begin = threading.Barrier(6)

    def register() -> None:
        begin.wait()
        try:
            registry.add_all([BAOYING, COOP, BASE])
        except Conflict:
            pass  # a race is told as such, and trying again succeeds
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=register) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    registry.add_all([BAOYING, COOP, BASE])
    assert registry.bases() == [BASE]


def test_a_thousand_things_in_one_write(filled: Registry) -> None:
    """Numbers beyond a database's limit of parameters go in and are compared again."""
    many = [dataclasses.replace(POND, id=f"p-{k:04}", outline=None) for k in range(1200)]
    assert filled.add_all(many) == 1200
    assert filled.add_all(many) == 0
    assert len(filled.plots(base="by-01")) == 1201


def test_a_key_belongs_to_one_party(filled: Registry) -> None:
    """The same public key cannot be registered for two parties, nor with another validity; revoked it stays."""
    filled.add_party(dataclasses.replace(COOP, id="coop-2"))
    public = bytes(nacl.signing.SigningKey.generate().verify_key)
    key = filled.add_key("coop-1", public, 10)
    with pytest.raises(Conflict):
        filled.add_key("coop-2", public, 10)
    with pytest.raises(Conflict):
        filled.add_key("coop-1", public, 5)
    revoked = filled.revoke_key(key.id, 50)
    assert filled.add_key("coop-1", public, 10) == revoked == filled.key(key.id)
    assert filled.signing_keys("coop-1") == [revoked] and filled.signing_keys("coop-2") == []
    with pytest.raises(NotFound):
        filled.revoke_key("0" * 16, 5)


@pytest.mark.parametrize("odd", ["", "nowhere", "a\x00b", "\ud800", "x" * 10_000, "'; DROP TABLE plot; --", "宝应"])
def test_odd_ids_find_nothing(filled: Registry, odd: str) -> None:
    """No text given as an id breaks a query, on either engine."""
    for get in (filled.county, filled.party, filled.base, filled.plot, filled.product, filled.device, filled.gateway, filled.key):
        with pytest.raises(NotFound):
            get(odd)
    assert filled.plots(base=odd) == filled.plots(county=odd) == filled.devices(plot=odd) == filled.bases(county=odd) == []
    assert not filled.check_gateway(odd, "x")
    with pytest.raises(NotFound):
        filled.rotate_gateway(odd)
    with pytest.raises(NotFound):
        filled.revoke_key(odd, 1)
