"""Where to sell today: what a kilogram is worth at the farm gate in each market, after freight, toll, loss and fees.

In: quotes with their age, the tariff, loss rates. Out: a ranking with its reasons. Read `service.py` first.
"""
