"""What inspectors and sellers write of a lot: samples, tests, judgements, compliance certificates, corrections.

Events that others cite carry a mark ("@sample") until their keys are known; `resolve` puts the ids in the marks' place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

from simulators.season_bodies import Part, Told, party_urn

_STEP = "urn:suhe:bizstep:"
_CHINA = timezone(timedelta(hours=8))
_CARD = "GB/T 5009.199-2003"
_INSTRUMENT = "GB 23200.121-2021"
_INHIBITION = [{"analyte": "抑制率", "limit": 50, "unit": "%"}]
_LIMITS = [{"analyte": "毒死蜱", "limit": 0.02, "unit": "mg/kg"}, {"analyte": "克百威", "limit": 0.02, "unit": "mg/kg"}]
_LAB = "示例检测站"


@dataclass(frozen=True)
class Checked:
    """How a lot's inspection goes: minutes between its steps become seconds in an accelerated round."""

    inspector: str
    lot: str
    time_ms: int
    step_ms: int

    def screening(self, positive: bool, dice: float) -> list[Told]:
        """Return sample, card and judgement; where the card is positive, two re-tests as well."""
        told = {
            "plan": "日常抽检",
            "sampler": party_urn(self.inspector),
            "taken": "随机取样，整株浸提",
            "custody": "当场封样，冷藏送检",
            "units": 3,
        }
        value = round(51 + 20 * dice if positive else 5 + 35 * dice, 1)
        found = [self._event("@sample", -6, "sampling", {"suhe:sample": told}), self._card("@card", -3, value, None)]
        if positive:
            found += [self._card(f"@retest{k}", -3 + k, round(value - 2 * k / 3, 1), k) for k in (1, 2)]
        result = "screening_positive" if positive else "pass"
        return [*found, self._judge("@card", 0, "screening", _CARD, _INHIBITION, result)]

    def confirmation(self, failed: bool, after: int) -> list[Told]:
        """Return the instrument's test of the same sample and its judgement, `after` steps later."""
        name, other = "毒死蜱", {"name": "克百威", "unit": "mg/kg", "below": "lod", "lod": 0.002, "loq": 0.005}
        seen = {"name": name, "unit": "mg/kg", "value": 0.051 if failed else 0.004, "lod": 0.002, "loq": 0.005, "uncertainty": 0.001}
        test = self._test("@instrument", after - 1, "lc_ms", _INSTRUMENT, [seen, other], {})
        day = datetime.fromtimestamp((self.time_ms - 6 * self.step_ms) / 1000, _CHINA).date()
        edition = "GB 2763-2026" if day >= date(2026, 3, 1) else "GB 2763-2021"
        return [test, self._judge("@instrument", after, "confirmatory", edition, _LIMITS, "fail" if failed else "pass")]

    def _card(self, mark: str, at: int, value: float, retest: int | None) -> Told:
        more = {} if retest is None else {"retest": retest}
        shown = int(value) if value == int(value) else value
        return self._test(mark, at, "enzyme_inhibition", _CARD, [{"name": "抑制率", "unit": "%", "value": shown}], more)

    def _test(self, mark: str, at: int, method: str, standard: str, analytes: list[dict[str, Any]], more: Mapping[str, Any]) -> Told:
        report = hashlib.sha256(f"{self.lot}{mark}{self.time_ms}".encode()).hexdigest()
        told = {
            "sample": "@sample",
            "method": method,
            "standard": standard,
            "analytes": analytes,
            "lab": _LAB,
            "reportHash": report,
            **more,
        }
        return self._event(mark, at, "testing", {"suhe:test": told})

    def _judge(self, test: str, at: int, kind: str, edition: str, limits: list[dict[str, Any]], result: str) -> Told:
        disposition = "non_conformant" if result == "fail" else "conformant" if result == "pass" else "in_progress"
        told = {"test": test, "class": kind, "edition": edition, "limits": limits, "result": result}
        return self._event("", at, "judging", {"disposition": disposition, "suhe:judgement": told})

    def _event(self, mark: str, at: int, step: str, fields: Mapping[str, Any]) -> Told:
        listed = {"type": "ObjectEvent", "action": "OBSERVE", "bizStep": _STEP + step, "quantityList": [Part(self.lot).element()]}
        return Told(mark, self.time_ms + at * self.step_ms, self.inspector, {**listed, **fields})


def certificate(part: Part, party: str, time_ms: int, product: str, origin: str, basis: Sequence[str]) -> Told:
    """Return the promise of a party for a lot."""
    day = datetime.fromtimestamp(time_ms / 1000, _CHINA).date()
    told = {
        "product": product,
        "origin": origin,
        "date": str(day),
        "promiser": party_urn(party),
        "contact": "单位公示电话（示例）",
        "basis": list(basis),
        "rule": "农业农村部令2025年第4号" if day >= date(2026, 2, 1) else "农产品质量安全法第三十九条",
    }
    listed = {"type": "ObjectEvent", "action": "OBSERVE", "bizStep": _STEP + "certifying", "quantityList": [part.element()]}
    return Told("", time_ms, party, {**listed, "suhe:certificate": told})


def correction(lots: Sequence[str], event: str, field: str, wrong: str, right: str, reason: str) -> dict[str, Any]:
    """Return the fields of a correction of an event of one's own."""
    listed = {"type": "ObjectEvent", "action": "OBSERVE", "bizStep": _STEP + "correcting"}
    told = {"event": event, "field": field, "wrong": wrong, "right": right, "reason": reason}
    return {**listed, "quantityList": [Part(lot).element() for lot in lots], "suhe:correction": told}


def resolve(marks: Mapping[str, str], told: Told) -> Told:
    """Return an event with the ids of the events it cites in the place of their marks."""
    fields = {
        name: {k: marks.get(v, v) if isinstance(v, str) else v for k, v in value.items()} if isinstance(value, dict) else value
        for name, value in told.fields.items()
    }
    return replace(told, fields=fields)
