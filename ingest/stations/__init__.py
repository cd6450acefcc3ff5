"""Stations that speak SL 651 and HJ 212 over TCP: the server, what belongs together on a wire, answers after the sync, pictures."""
