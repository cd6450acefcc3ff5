"""Forecasts of weekly prices: a combination of simple methods, measured against naive before anybody sees it.

In: daily prices as they stand (`pricing.service.Prices.series`), made weekly (`pricing/weekly.py`), complete weeks only.
Through: pure rules on log prices (`methods.py`, `combining.py`, `intervals.py`); nothing in them sees a week later than its origin.
Kept: every forecast as it was made, never changed, so that what was said can be held against what came.
Out: `service.Forecasts`: make_all, latest, quantiles_at, track_record. Read that file first.
"""
