"""What may stand in the fields of samples, tests, judgements, certificates and corrections."""

from __future__ import annotations

import re
from typing import Any

from foundation.errors import BadInput
from traceability.field_checks import Check, listed, matching, number, object_of, one_of, party, text, whole_number
from traceability.vocabulary import METHODS, RESULTS

# What a test is worth: a screening can raise a suspicion and never settle one.
SCREENING, CONFIRMATORY = "screening", "confirmatory"
SCREENING_METHODS = ("enzyme_inhibition", "colloidal_gold")
BASES = ("self_test", "entrusted_test", "internal_control", "self_promise")
# A mobile number belongs to a person; bodies are hashed for ever and hold none.
_MOBILE = re.compile(r"(?<![0-9])(?:\+?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])")

event_id = matching(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", "the eventID of a recorded event")
_amount = number(0, 10**9)


def class_of(method: str) -> str:
    """Return whether a method screens or confirms."""
    return SCREENING if method in SCREENING_METHODS else CONFIRMATORY


def _contact(name: str, value: Any, kind: str) -> None:
    text(60)(name, value, kind)
    if _MOBILE.search(value):
        raise BadInput(
            f"{name} is kept for ever and may not be a person's number",
            expected="an organisation's address or fixed line",
            got="a mobile number",
            todo="name the organisation's own line",
        )


def _analyte(name: str, value: Any, kind: str) -> None:
    _ANALYTE(name, value, kind)
    if ("value" in value) == ("below" in value):
        raise BadInput(f"{name} is either measured or below a limit of the method", expected="value, or below", got=", ".join(value))
    if "below" in value and value["below"] not in value:
        raise BadInput(f"{name} is below the {value['below']}, which must stand beside it", expected=value["below"], got=", ".join(value))


def _scalar(name: str, value: Any, kind: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        text(200)(name, value, kind)


_ANALYTE = object_of(
    {"name": text(60), "unit": text(20)},
    {"value": _amount, "below": one_of(("lod", "loq")), "lod": _amount, "loq": _amount, "uncertainty": _amount},
)
_LIMIT = object_of({"analyte": text(60), "limit": _amount, "unit": text(20)}, {})

TRADE_FIELDS: dict[str, Check] = {
    "suhe:sample": object_of(
        {"plan": text(80), "sampler": party, "taken": text(120), "custody": text(200)}, {"units": whole_number(1, 10_000), "seal": text(60)}
    ),
    "suhe:test": object_of(
        {
            "sample": event_id,
            "method": one_of(METHODS),
            "standard": text(60),
            "analytes": listed(1, 50, _analyte),
            "lab": text(80),
            "reportHash": matching(r"[0-9a-f]{64}", "the report's SHA-256 in hex"),
        },
        {"cma": text(40), "cnas": text(40), "report": text(80), "retest": whole_number(1, 20)},
    ),
    "suhe:judgement": object_of(
        {
            "test": event_id,
            "class": one_of((SCREENING, CONFIRMATORY)),
            "edition": text(60),
            "limits": listed(1, 50, _LIMIT),
            "result": one_of(RESULTS),
        },
        {},
    ),
    "suhe:certificate": object_of(
        {
            "product": text(60),
            "origin": text(120),
            "date": matching(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day such as 2026-03-01"),
            "promiser": party,
            "contact": _contact,
            "basis": listed(1, len(BASES), one_of(BASES)),
            "rule": text(60),
        },
        {"number": text(60)},
    ),
    "suhe:correction": object_of(
        {"event": event_id, "field": matching(r"[A-Za-z:.]{1,60}", "a field such as suhe:purpose"), "wrong": _scalar, "right": _scalar,
         "reason": text(200)},
        {},
    ),
}  # fmt: skip
