"""Alerts on prices: rules that people set, what is known about each, when that is an alarm, and whom it is told.

In: rules from the pages and the API; facts from prices, analysis and forecasts. Out: alarms with beginning, end and acknowledgement, and
messages in `foundation`'s outbox, written in the same transaction as the alarm that caused them. `service.py` is the page to read first.
"""
