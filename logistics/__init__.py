"""Moving the harvest: cold chain, loads, routes, where to sell.

In: lots, quotes, places, reefer readings. Out: plans and advice with their baseline.
Nothing here yet: the room is named so that the import rules already hold for it.
"""
