"""The cold chain: what a reefer measured, when it was too warm for too long, one summary per leg for a lot's history.

In: trips and readings of trackers. Out: excursions, legs, summaries. Read `service.py` first.
"""
