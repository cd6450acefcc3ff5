"""Two simulated counties that stand apart: they speak only MQTT, HTTP and files, as real ones do.

In: a seed, a clock, credentials and the addresses of a broker and an API. Out: readings through the gateway SDK, signed events
and quotes over HTTP, and ground truth of every planted fault as JSON lines in the simulator's folder.
Read `scenario.py` (who and where), then `field.py` (what a sensor sees), then `driver.py` (history, then live).
"""
