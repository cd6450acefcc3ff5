"""The floor: settings, clock, units, ids, errors, database, blobs and log.

In: the environment and a settings file. Out: values and small tools that know no agriculture.
Nothing here imports anything else of ours, and nothing happens on import.
"""
