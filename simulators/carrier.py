"""A carrier's office: when a truck has arrived and its box is empty, it signs what was measured on the way, once per leg.

It signs what the server has and computes: what never arrived is missing from the summary, and the summary says how much that is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx

from foundation.log import get_logger
from simulators.season_bodies import CONTEXT, envelope, party_urn, sensor_summary

_CHINA = timezone(timedelta(hours=8))
_MOST = 50


class Carrier:
    """Signs for every carrier whose key it holds. `waiting` tells how many messages a truck still has to deliver."""

    def __init__(self, http: httpx.Client, keys: Mapping[str, Any], waiting: Callable[[str], int]) -> None:
        self._http, self._keys, self._waiting = http, keys, waiting
        self._refused: set[str] = set()
        self._log = get_logger(__name__)

    def sign_due(self) -> int:
        """Sign and hand in the summaries that are due; return how many were recorded. What fails is tried again at the next call."""
        try:
            answer = self._http.get("/api/v1/cold-chain/legs", params={"state": "due", "limit": _MOST})
            answer.raise_for_status()
            legs = [leg for leg in answer.json()["items"] if leg["id"] not in self._refused and leg["carrier"] in self._keys]
            return sum(self._sign(leg["id"]) for leg in legs if self._waiting(leg["recorder"]) == 0)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            self._log.info("summaries wait", why=str(error)[:200])
            return 0

    def _sign(self, leg_id: str) -> int:
        found = self._http.get(f"/api/v1/cold-chain/legs/{leg_id}/summary")
        found.raise_for_status()
        leg = found.json()
        arrived = datetime.fromtimestamp(leg["arrives_ms"] / 1000, _CHINA)
        body = {
            "@context": CONTEXT,
            "eventID": leg["summary_id"],
            "eventTime": arrived.isoformat(timespec="milliseconds"),
            "eventTimeZoneOffset": "+08:00",
            "suhe:party": party_urn(leg["carrier"]),
            **sensor_summary(leg),
        }
        answer = self._http.post("/api/v1/events", json=envelope(body, self._keys[leg["carrier"]]))
        if answer.status_code >= 500 or answer.status_code == 429:
            raise httpx.HTTPError(f"the API answers {answer.status_code}")
        if answer.status_code >= 400:
            # Recorded already with other words (a killed start), or not ours to sign: trying again changes nothing.
            self._refused.add(leg_id)
            self._log.warning("a summary was refused", leg=leg_id, status=answer.status_code, why=answer.text[:300])
        return int(answer.status_code == 201)
