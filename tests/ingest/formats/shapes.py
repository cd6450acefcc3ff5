"""Documented messages of other people's gateways, for tests to send whole, in part or damaged."""

from __future__ import annotations

import json
from typing import Any

RECEIVED = 1_764_741_600_000
EUI = "0101010101010101"
INFO = {
    "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242", "tenantName": "ChirpStack", "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
    "applicationName": "Test application", "deviceProfileId": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad", "deviceName": "Test device",
    "devEui": EUI, "tags": {"key": "value"},
}  # fmt: skip


def chirpstack(event: str = "up", **fields: Any) -> tuple[str, bytes]:
    """Return topic and body of an event with these fields beside those all events have."""
    head = {"deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d", "time": "2022-07-18T09:34:15.775023242+00:00", "deviceInfo": INFO}
    return f"application/{INFO['applicationId']}/device/{EUI}/event/{event}", json.dumps(head | fields).encode()


def things_stack(kind: str = "up", **fields: Any) -> tuple[str, bytes]:
    """Return topic and body of a message of The Things Stack."""
    ids = {"device_id": "pond-3", "application_ids": {"application_id": "county"}, "dev_eui": "7066E1FFFE000ECA", "dev_addr": "260BE53E"}
    head = {"end_device_ids": ids, "received_at": "2023-12-15T15:01:57.181695121Z"}
    return f"v3/county@ttn/devices/pond-3/{kind}", json.dumps(head | fields).encode()
