"""Readings to advice: reference evapotranspiration, water balance, growth stage, pest and disease risk.

In: good readings of a plot. Out: numbers a grower acts on, each with its method and uncertainty.
Nothing here yet: the room is named so that the import rules already hold for it.
"""
