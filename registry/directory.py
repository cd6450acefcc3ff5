"""The registry as ingest asks it, for every message: cached, and asked again every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from registry.service import Registry


class RegistryDirectory:
    """Which county a gateway stands in, and which devices it may speak for."""

    def __init__(self, registry: Registry, refresh_s: float = 5.0, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._refresh_s = refresh_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._fresh_until = -1.0
        self._counties: dict[str, str] = {}
        self._devices: dict[str, str] = {}

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return the county of a registered gateway, or None."""
        self._look()
        return self._counties.get(gateway_id)

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether the device is bound to this gateway."""
        self._look()
        return self._devices.get(device_id) == gateway_id

    def _look(self) -> None:
        if self._monotonic() < self._fresh_until:
            return
        with self._lock:
            if self._monotonic() < self._fresh_until:
                return
            self._counties = {g.id: g.county for g in self._registry.gateways()}
            self._devices = {d.id: d.gateway for d in self._registry.devices()}
            self._fresh_until = self._monotonic() + self._refresh_s
