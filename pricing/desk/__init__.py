"""The price desk: what a person must look at, and what a person tells.

In come quotes that do not fit their own past (set aside, never deleted), prices taken by telephone and files from elsewhere.
Out go a queue for a reviewer, append-only decisions, and for every product and market the notes that say how good its price is.
Reading order: notes, soft_gate, calls, tables, moves, judging, aside, deciding, queue, telephone, imports, service.
"""
