"""Appending a batch costs what the batch is, not what already stands."""

from __future__ import annotations

from pricing.appending import WITHDRAW, Stage
from pricing.service import Prices


def test_withdrawals_are_looked_up_and_never_looked_for(lite_prices: Prices) -> None:
    """What stands is found by its key: no batch makes the database walk through every quote there is."""
    with lite_prices.engine.begin() as connection:
        Stage(connection)
        plan = " ".join(str(row[-1]) for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + WITHDRAW))
    assert "SEARCH quote_current" in plan
    assert "SCAN quote_current" not in plan
