"""Readings to advice: what a crop wants at a time of the year, and later evapotranspiration, water balance, pest and disease risk.

In: days, and good readings of a plot. Out: figures a grower acts on, each with its source and how far it can be trusted.
So far the calendar of the lotus (`lotus.py`): stages, advised depth of water, temperatures, seasons of pests and diseases.
Pure rules; what is measured is asked for by the pages above.
"""
