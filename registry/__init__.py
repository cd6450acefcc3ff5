"""Who and where: counties, parties, bases, plots, products, devices, gateways, keys and people.

In: what an administrator or a demo registers. Out: frozen nouns by id, answers to "may this key, password or session do this?".
Every domain may ask it; it asks only the floor. Read `service.py` first; secrets are shown once and kept only as hashes.
"""
