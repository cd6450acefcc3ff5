"""What ingest asks of the registry at every message, answered from memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from foundation.log import get_logger
from registry.devices import DevicePlace, GatewayKey
from registry.feeds import FeedBook
from registry.service import Registry

# A gateway or device nobody knew is looked up again at once, but not oftener than this: it may have been registered a moment ago.
_LOOK_AGAIN_S = 0.2


class RegistryDirectory:
    """Which gateway belongs to which county and speaks for which devices, at most `refresh_s` old.

    While the database cannot be read the last answer stands: readings go on being stored.
    """

    def __init__(self, registry: Registry, refresh_s: float = 5.0, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._refresh_s = refresh_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._keys: dict[str, GatewayKey] = {}
        self._book = FeedBook()
        self._known: tuple[dict[str, str], dict[str, frozenset[str]]] | None = None

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return the county of a gateway that may deliver, or None."""
        county = self._fresh(self._refresh_s)[0].get(gateway_id)
        return county if county is not None else self._fresh(_LOOK_AGAIN_S)[0].get(gateway_id)

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether a gateway speaks for a device."""
        if device_id in self._fresh(self._refresh_s)[1].get(gateway_id, ()):
            return True
        return device_id in self._fresh(_LOOK_AGAIN_S)[1].get(gateway_id, ())

    def device_places(self) -> Mapping[str, DevicePlace] | None:
        """Return where every device stands, None while the database cannot be read."""
        try:
            return self._registry.device_places()
        except SQLAlchemyError as error:
            get_logger(__name__).warning("where devices stand cannot be read", error=type(error).__name__)
            return None

    def gateway_key(self, gateway_id: str) -> GatewayKey | None:
        """Return the key a gateway signs with at present, None where none is registered."""
        self._fresh(self._refresh_s)
        return self._keys.get(gateway_id)

    def forget(self) -> None:
        """Ask the registry anew at the next question."""
        self._read_at = float("-inf")

    def feeds(self, *, again: bool = False) -> FeedBook:
        """Return every foreign sender with its names; the same book as long as nothing changed. `again`: something was not in it."""
        self._fresh(_LOOK_AGAIN_S if again else self._refresh_s)
        return self._book

    def _fresh(self, at_most_s: float) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
        known = self._known
        if known is not None and self._monotonic() - self._read_at < min(at_most_s, self._refresh_s):
            return known
        with self._lock:
            known = self._known
            if known is not None and self._monotonic() - self._read_at < min(at_most_s, self._refresh_s):
                return known
            try:
                known = self._registry.who_speaks_for_what()
                self._keys = {k.gateway: k for k in self._registry.gateway_keys()}
                book = self._registry.feed_book()
                if book.edition != self._book.edition:
                    self._book = book
            except SQLAlchemyError as error:
                if self._known is None:
                    raise
                get_logger(__name__).warning("the registry cannot be read; its last answer stands", error=type(error).__name__)
                known = self._known
            self._known, self._read_at = known, self._monotonic()
            return known
