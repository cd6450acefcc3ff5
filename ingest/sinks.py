"""A server store that speaks the InfluxDB v2 write API, reached through influxdb-client: bytes out, an answer understood back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from foundation.errors import BadInput, SuheError, Unavailable

TIMEOUT_MS = 30_000
# Bad lines of a batch are found by halving it; a batch that is bad through and through must not become ten thousand requests.
MOST_QUESTIONS = 64
_DROPPED = re.compile(r"dropped=(\d+)")


@dataclass(frozen=True)
class Target:
    """Where a sink writes. `name` is what its cursor goes by: another server, or an emptied one, is another name."""

    name: str
    url: str
    token: str = ""
    org: str = "suhe"
    bucket: str = "readings"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("the address of the server store cannot be used", expected="http://host:port", got=f"{parts.scheme}://…")


@dataclass(frozen=True)
class Refusal:
    """Lines a server will never take, with its words; `lines` may be fewer than `count`."""

    count: int
    why: str
    lines: tuple[str, ...] = ()


class Misconfigured(SuheError):
    """The server refuses us as a whole: token, organisation or bucket. It is asked again, because a person may mend it there."""

    code = "sink-misconfigured"
    status = 503


class Server:
    """One server store. Not for several threads at once."""

    def __init__(self, target: Target) -> None:
        from influxdb_client import InfluxDBClient  # type: ignore[attr-defined]
        from influxdb_client.client.write_api import SYNCHRONOUS

        self.target = target
        # An empty token would be sent as an empty header, which some proxies refuse.
        self._client: Any = InfluxDBClient(url=target.url, token=target.token or "none", org=target.org, timeout=TIMEOUT_MS)
        self._api = self._client.write_api(write_options=SYNCHRONOUS)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def write(self, lines: Sequence[str]) -> list[Refusal]:
        """Write lines and return what was refused for good; raise Unavailable or Misconfigured where trying again later is right."""
        refusals: list[Refusal] = []
        waiting, questions = [list(lines)], 0
        while waiting:
            part = waiting.pop()
            questions += 1
            answer = self._post(part)
            if answer is None:
                continue
            status, said, named = answer
            dropped = _DROPPED.search(said)
            if status in (400, 422) and "partial write" in said and (dropped or named):
                # The rest is stored. InfluxDB 2 tells how many lines are not, InfluxDB 3 which.
                refusals.append(Refusal(int(dropped.group(1)) if dropped else len(named), said, named))
            elif len(part) == 1 or questions >= MOST_QUESTIONS:
                refusals.append(Refusal(len(part), said, tuple(part[:1])))
            else:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
        return refusals

    def started(self) -> float | None:
        """Return when the server's process started, as it tells Prometheus; None where it does not tell."""
        status, text = self._get("/metrics")
        found = re.search(r"^process_start_time_seconds\s+(\S+)", text, re.MULTILINE) if status == 200 else None
        return float(found.group(1)) if found else None

    def forget_series(self, channel: str, device: str) -> bool:
        """Delete a channel of a device from a VictoriaMetrics; tell whether this server is one.

        Of two values for one time it keeps both and tells either, whichever part of its files comes first. InfluxDB overwrites.
        """
        if not self._is_victoria():
            return False
        names = [f'{{__name__="{channel}_{field}",device="{device}"}}' for field in ("value", "flag")]
        status, _ = self._get("/api/v1/admin/tsdb/delete_series", [("match[]", name) for name in names])
        if status not in (200, 204):
            raise Unavailable("a corrected series cannot be written anew", got=f"delete_series answers {status}")
        return True

    def _is_victoria(self) -> bool:
        status, text = self._get("/metrics")
        return status == 200 and "\nvm_app_version{" in "\n" + text

    def _post(self, lines: Sequence[str]) -> tuple[int, str, tuple[str, ...]] | None:
        """Return None where the lines are taken, else status, words and named lines of a refusal that will stay one."""
        from influxdb_client.domain.write_precision import WritePrecision
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        try:
            milliseconds: Any = WritePrecision.MS  # typed as text there, and asked for as its class
            self._api.write(bucket=self.target.bucket, record="\n".join(lines).encode(), write_precision=milliseconds)
        except ApiException as error:
            said = _words(error, self.target.token)
            if error.status in (400, 413, 422):
                return int(error.status), said, _named_lines(error)
            if error.status in (401, 403, 404):
                raise Misconfigured(
                    "the server store refuses us", got=f"{error.status}: {said}", todo="look at SUHE_SINK_TOKEN, _ORG and _BUCKET"
                ) from error
            raise Unavailable("the server store cannot take readings now", got=f"{error.status}: {said}") from error
        except (HTTPError, OSError) as error:
            raise Unavailable("the server store cannot be reached", got=type(error).__name__) from error
        return None

    def _get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> tuple[int, str]:
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        try:
            text, status, _ = self._client.api_client.call_api(
                path, "GET", query_params=list(query), response_type="str", _return_http_data_only=False
            )
        except ApiException as error:
            return int(error.status or 0), ""
        except (HTTPError, OSError) as error:
            raise Unavailable("the server store cannot be reached", got=type(error).__name__) from error
        return int(status), str(text)


def _words(error: Any, secret: str) -> str:
    """Return a server's own words, InfluxDB's JSON or plain text, shortened; never our token, even where it is echoed."""
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or error.reason or "")
    try:
        told = json.loads(body)
        body = str(told.get("message") or told.get("error") or body)
    except (ValueError, AttributeError):
        pass
    return (body.replace(secret, "********") if secret else body)[:300]


def _named_lines(error: Any) -> tuple[str, ...]:
    """Return the lines a server names as those it did not take, as InfluxDB 3 does; none where it names none."""
    try:
        told = json.loads(error.body)["data"]
        return tuple(str(one["original_line"])[:1000] for one in (told if isinstance(told, list) else [told]))
    except (ValueError, KeyError, TypeError):
        return ()
