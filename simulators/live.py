"""The present, accelerated: every channel is read every ten seconds, where its device would read every ten minutes or hour."""

from __future__ import annotations

from dataclasses import replace

from simulators.faults import LONGEST_DELAY_MS, sent_by
from simulators.field import Field
from simulators.messages import Outbox, outbox
from simulators.scenario import Device

TICK_MS = 10_000
# A gateway reports half its devices at once and the other half this much later, so that it is heard from twice a tick: a silence shows
# before the next round of readings is due.
TURN_MS = 5_000
_HOUR_MS = 3_600_000


class Live:
    """What one gateway's devices send from moment to moment."""

    def __init__(self, field: Field, devices: tuple[Device, ...]) -> None:
        self._field, self._devices = field, devices
        self._hours: dict[int, Outbox] = {}

    def leaving(self, after_ms: int, until_ms: int, *, observed_after_ms: int, observed_until_ms: int | None = None) -> list[Outbox]:
        """Return what leaves the devices in (after, until], held-back readings included, one part per hour of observation.

        Only readings observed in (observed_after, observed_until] count: what was observed before was history's to send.
        """
        first, last = (after_ms - LONGEST_DELAY_MS) // _HOUR_MS, until_ms // _HOUR_MS
        for old in [h for h in self._hours if h < first]:
            del self._hours[old]
        parts = []
        for hour in range(max(first, observed_after_ms // _HOUR_MS), last + 1):
            made = self._hour(hour)
            chosen = (made.leaves_ms > after_ms) & (made.leaves_ms <= until_ms) & (made.observed_ms > observed_after_ms)
            if observed_until_ms is not None:
                chosen &= made.observed_ms <= observed_until_ms
            if chosen.any():
                parts.append(made.where(chosen))
        return parts

    def _hour(self, hour: int) -> Outbox:
        if hour not in self._hours:
            start, count = hour * _HOUR_MS, _HOUR_MS // TICK_MS
            self._hours[hour] = outbox(
                replace(p, leaves_ms=p.leaves_ms + (k % 2) * TURN_MS)
                for k, device in enumerate(self._devices)
                for p in sent_by(self._field, device, start, count, TICK_MS)
            )
        return self._hours[hour]
