"""The program: bootstrap names the concrete parts, stack supervises them, schedule lists every job, cli is the door.

In: settings. Out: a running county.
"""
