"""An installation reads the sources its operator chose, and none before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from foundation.errors import BadInput, NotFound
from foundation.settings import Settings
from pricing.sources import SOURCES
from suhe.price_sources import chosen_sources


def test_nothing_is_read_until_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default names no source and no private host."""
    monkeypatch.delenv("SUHE_PRICE_SOURCES", raising=False)
    settings = Settings()
    assert chosen_sources(settings.price_sources) == {}
    assert settings.private_price_hosts == []
    monkeypatch.setenv("SUHE_PRICE_PRIVATE_HOSTS", "Prices.county.lan, 10.0.0.7")
    assert Settings().private_price_hosts == ["prices.county.lan", "10.0.0.7"]


def test_all_means_those_that_need_no_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that needs leave, or has no address, is only read where it is named; naming it says that the leave was given."""
    written = replace(SOURCES["xinfadi"], id="guarded", permission="written", enabled=False, address="https://guarded.example")
    monkeypatch.setitem(SOURCES, "guarded", written)
    chosen = chosen_sources("all")
    assert chosen
    assert all(SOURCES[s].enabled and address == SOURCES[s].address for s, address in chosen.items())
    assert "guarded" not in chosen
    assert chosen_sources("guarded") == {"guarded": "https://guarded.example"}
    named = chosen_sources("xinfadi = https://moved.example/x , all")
    assert named["xinfadi"] == "https://moved.example/x"
    assert set(named) == set(chosen)


def test_a_choice_that_cannot_be_meant_is_refused() -> None:
    """An unknown id and a source without an address are errors of the operator, told at the start."""
    with pytest.raises(NotFound):
        chosen_sources("xinfadi, no_such_source")
    with pytest.raises(BadInput, match="has no address"):
        chosen_sources("shenxian_origin")
