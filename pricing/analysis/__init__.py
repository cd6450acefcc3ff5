"""Analysis of prices: what is usual, what is not, and what the county's basket costs.

In: the standing days of `pricing.service.Prices`, also as they were known at an earlier time. Through: pure rules, one file each, each
with its formula and source (`index.py`, `comparison.py`, `season.py`, `volatility.py`, `spread.py`, `ipa.py`, `alps.py`, `levels.py`).
Out: `facts.py`, numbers that carry what they rest on, or the reason why there is none. `service.Analysis` puts them together.
No rule fills a missing quote, and none looks at a later day than the one it speaks of. The method page is docs/prices.md.
"""
