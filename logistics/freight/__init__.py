"""Freight: a day's picked lots onto trucks and to markets, with a cost that one tariff tells.

In: lots, trucks, markets, a tariff. Out: a checked plan with its baseline. Read `service.py` first.
"""
