"""Who may have told a price by telephone: a role, never a name."""

from __future__ import annotations

TELLERS = ("grower", "cooperative", "broker", "market", "buyer", "other")
# The source of prices taken by telephone; the county owns what its own staff wrote down.
SOURCE = "manual"
LICENCE, PERMISSION = "the county's own", "own"
NAME_ZH, NAME_EN = "电话报价", "By telephone"
