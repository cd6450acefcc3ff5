"""The peer of `bench.ingest`: what tutorials teach. paho, json, one Point per reading, the batching WriteApi, VictoriaMetrics.

    python -m bench.ingest_tutorial '{"port": 1883, "url": "http://127.0.0.1:8428", "messages": 1000, "warm": 16}'

It acknowledges to the broker before anything is stored, which is less than what we promise. It prints a line when it listens, one when
the warm-up is written, and one with the time when the last point was written.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import paho.mqtt.client as mqtt
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import WriteOptions
from influxdb_client.domain.write_precision import WritePrecision
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Subscribe, write, tell."""
    order = json.loads(sys.argv[1])
    client = InfluxDBClient(url=order["url"], token="none", org="none")
    failed: list[str] = []
    seen = 0

    def open_writer() -> Any:
        return client.write_api(write_options=WriteOptions(), error_callback=lambda _conf, _data, error: failed.append(str(error)))

    writer = open_writer()

    def on_connect(mqttc: mqtt.Client, _u: Any, _flags: Any, _code: Any, _properties: Any) -> None:
        mqttc.subscribe("suhe/v1/+/+/up", qos=1)

    def on_message(mqttc: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal seen, writer
        body, gateway = json.loads(message.payload), message.topic.split("/")[3]
        for r in body["readings"]:
            point = Point("reading").tag("gateway", gateway).tag("device", r["d"])  # type: ignore[no-untyped-call]
            point = point.tag("channel", r["c"]).tag("unit", r["u"]).field("value", float(r["x"])).time(r["t"], WritePrecision.MS)
            writer.write(bucket="readings", record=point)
        seen += 1
        if seen == order["warm"]:
            writer.close()
            writer = open_writer()
            _tell(warm=True)
        elif seen == order["warm"] + order["messages"]:
            writer.close()  # waits until everything buffered is written
            _tell(ended=time.time(), failed=len(failed))
            mqttc.disconnect()

    mqttc = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="tutorial", clean_session=False)
    mqttc.on_connect = on_connect
    mqttc.on_subscribe = lambda *_: _tell(listening=True)
    mqttc.on_message = on_message
    mqttc.connect("127.0.0.1", order["port"])
    mqttc.loop_forever()


def _tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
