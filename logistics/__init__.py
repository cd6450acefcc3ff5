"""Moving the harvest: loads and routes, the cold chain, where to sell.

In: lots, quotes, places, reefer readings. Out: plans and advice with their baseline.
`freight/`, `cold_chain/` and `selling/` each have the grammar of a domain; `tariff.py` and `distance.py` serve all three.
"""
