"""Foreign senders over HTTP: their feeds and names, what waits in quarantine, and messages posted in their own formats."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from dashboards.api.deps import page_of, require
from dashboards.api.feed_models import ChannelNameBody, ClaimBody, DeviceNameBody, FeedBody, FeedView, SecretBody, TakenBody
from dashboards.api.line_protocol import influx_credentials
from foundation.errors import BadInput, NotAllowed, NotSignedIn
from registry.feeds import ChannelName, DeviceName, Feed
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services
    from ingest.claim_service import Claimed, Waiting

Office = Annotated[Caller, Depends(require("county"))]


def router(services: Services) -> APIRouter:
    """Return the routes of feeds."""
    routes = APIRouter(prefix="/api/v1", tags=["feeds"])
    _messages(routes, services)
    _feeds(routes, services)
    _quarantine(routes, services)
    _clocks(routes, services)
    return routes


def _messages(routes: APIRouter, services: Services) -> None:
    @routes.post("/feeds/{feed}", summary="Post a message in the sender's format")
    async def post(feed: str, request: Request, topic: Annotated[str, Query(max_length=200)] = "") -> TakenBody:
        """Take one message of a feed, as a webhook sends it; the answer comes after it is on disk or in quarantine.

        Sign in as the feed's gateway, with HTTP Basic or `Authorization: Token GATEWAY:PASSWORD`, or with `Authorization: Token SECRET`
        where the feed has a secret. A message that is damaged, or of which a value is refused, is answered with the reasons and kept.
        """
        from starlette.concurrency import run_in_threadpool

        found = await run_in_threadpool(_proven, services, feed, request)
        body = await _whole(request)
        return await run_in_threadpool(_take, services, found, topic or request.url.query[:200], body)

    @routes.post("/{token}/telemetry", summary="Post a ThingsBoard device's telemetry")
    async def telemetry(token: str, request: Request) -> TakenBody:
        """Take what ThingsBoard's device API takes, at the address that API has: the token is the secret of a feed of that format."""
        from starlette.concurrency import run_in_threadpool

        found = await run_in_threadpool(services.registry.feed_of_secret, token)
        if found is None or found.format != "thingsboard-device":
            raise NotSignedIn("this token is no feed's", todo="suhe feed secret FEED")
        return await run_in_threadpool(_take, services, found, "v1/devices/me/telemetry", await _whole(request))


def _feeds(routes: APIRouter, services: Services) -> None:
    registry = services.registry

    @routes.get("/feeds")
    def list_feeds(caller: Office) -> dict[str, Any]:
        """List the feeds of foreign senders."""
        return page_of([FeedView.of(f) for f in registry.feeds(caller.county)], None)

    @routes.post("/feeds", status_code=201)
    def add_feed(body: FeedBody, caller: Office) -> FeedView:
        """Register a feed of a gateway in the caller's county; its messages are taken within seconds."""
        from ingest.feed_checks import check_feed

        feed = body.noun()
        _of_county(services, caller, feed.gateway)
        check_feed(feed)
        return FeedView.of(registry.add_feed(feed))

    @routes.get("/feeds/{feed}")
    def read_feed(feed: str, caller: Office) -> dict[str, Any]:
        """Return a feed with its names."""
        found = _feed(services, caller, feed)
        book = registry.feed_book()
        return {
            **FeedView.of(found).model_dump(),
            "mapping": found.mapping,
            "devices": [asdict(d) for d in book.devices if d.feed == feed],
            "channels": [asdict(c) for c in book.channels if c.feed == feed],
        }

    @routes.delete("/feeds/{feed}", status_code=204)
    def remove_feed(feed: str, caller: Office) -> None:
        """Take no more of a feed's messages; what it delivered stays."""
        _feed(services, caller, feed)
        registry.remove_feed(feed)

    @routes.post("/feeds/{feed}/secret")
    def set_secret(feed: str, caller: Office) -> SecretBody:
        """Give a feed a new secret and return it; it cannot be shown again."""
        from foundation.passwords import new_password

        _feed(services, caller, feed)
        secret = new_password()
        registry.set_feed_secret(feed, secret)
        return SecretBody(secret=secret)

    @routes.put("/feeds/{feed}/devices", status_code=204)
    def name_device(feed: str, body: DeviceNameBody, caller: Office) -> None:
        """Say which device behind the feed's gateway a sender's name means."""
        _feed(services, caller, feed)
        registry.name_device(DeviceName(feed, body.name, body.device))

    @routes.put("/feeds/{feed}/channels", status_code=204)
    def name_channel(feed: str, body: ChannelNameBody, caller: Office) -> None:
        """Say what a sender's name of a channel means; an empty channel takes no values of it."""
        _feed(services, caller, feed)
        registry.name_channel(ChannelName(feed, body.device, body.name, body.channel, body.unit, body.scale, body.offset))


def _quarantine(routes: APIRouter, services: Services) -> None:
    @routes.get("/quarantine")
    def list_waiting(caller: Office) -> dict[str, Any]:
        """List the names whose messages wait: unknown gateways, devices and stations, and clocks nobody can believe."""
        return page_of([_entry(w) for w in services.claims.waiting(caller.county)], None)

    @routes.get("/quarantine/{entry}")
    def read_waiting(entry: int, caller: Office) -> dict[str, Any]:
        """Return what waits under a name, the channels a claim would give it, and its oldest messages as text."""
        found = _waiting(services, caller, entry)
        kept = services.readings.quarantined_messages(entry, 5)
        messages = [{"topic": m.topic, "received_ms": m.received_ms, "body": m.body[:4096].decode(errors="replace")} for m in kept]
        return {
            **_entry(found),
            "guess": [asdict(c) for c in services.claims.guess(entry)],
            "messages": messages,
        }

    @routes.post("/quarantine/{entry}/claim")
    def claim(entry: int, body: ClaimBody, caller: Office) -> dict[str, Any]:
        """Say which device the name means, registering it if it is new, and store what waited.

        For a gateway, `base` says where it stands, and the answer holds its password.
        """
        found = _waiting(services, caller, entry)
        for base in [body.base] if body.base else []:
            if caller.county is not None and services.registry.base(base).county != caller.county:
                raise NotAllowed("this base lies in another county", expected=caller.county, got=base)
        if body.gateway:
            _of_county(services, caller, body.gateway)
        if found.entry.kind == "gateway":
            return _claimed(services.claims.claim_gateway(entry, body.base, body.name_zh, body.name_en))
        return _claimed(
            services.claims.claim(
                entry,
                body.device,
                base=body.base,
                plot=body.plot,
                kind=body.kind,
                name_zh=body.name_zh,
                name_en=body.name_en,
                gateway=body.gateway,
            )
        )

    @routes.post("/quarantine/{entry}/release")
    def release(entry: int, caller: Office) -> dict[str, Any]:
        """File the values of a clock nobody can believe under when they were received."""
        _waiting(services, caller, entry)
        return _claimed(services.claims.release(entry))

    @routes.delete("/quarantine/{entry}")
    def discard(entry: int, caller: Office) -> dict[str, int]:
        """Throw away what waits under a name."""
        _waiting(services, caller, entry)
        return {"messages": services.claims.discard(entry)}


def _clocks(routes: APIRouter, services: Services) -> None:
    @routes.get("/clocks")
    def list_clocks(caller: Office) -> dict[str, Any]:
        """List clocks that are whole hours off: what is proposed, and what was decided by whom and when."""
        return page_of([asdict(p) for p in services.readings.clocks(caller.county)], None)

    @routes.post("/clocks/{proposal}/accept")
    def accept_clock(proposal: int, caller: Office, whole_gateway: bool = False) -> dict[str, Any]:
        """Correct a clock in what is received from now on; with `whole_gateway` those of all its gateway's devices."""
        _clock(services, caller, proposal)
        return asdict(services.readings.accept_clock(proposal, caller.name, whole_gateway=whole_gateway))

    @routes.post("/clocks/{proposal}/refuse")
    def refuse_clock(proposal: int, caller: Office) -> dict[str, Any]:
        """Leave a clock as it is; the same is not proposed again."""
        _clock(services, caller, proposal)
        return asdict(services.readings.refuse_clock(proposal, caller.name))

    @routes.post("/clocks/{proposal}/revoke")
    def revoke_clock(proposal: int, caller: Office) -> dict[str, Any]:
        """Correct a clock no more in what is received from now on."""
        _clock(services, caller, proposal)
        return asdict(services.readings.revoke_clock(proposal, caller.name))


def _clock(services: Services, caller: Caller, proposal: int) -> None:
    _of_county(services, caller, services.readings.clock(proposal).gateway)


def _proven(services: Services, feed_id: str, request: Request) -> Feed:
    """Return the feed its sender proved to be; whether there is such a feed is told to nobody else."""
    wrong = NotSignedIn("this sender is unknown or its password does not fit", todo="suhe feed secret, or the gateway's password")
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("token", "bearer") and ":" not in text:
        found = services.registry.feed_of_secret(text.strip())
        if found is None or found.id != feed_id:
            raise wrong
        return found
    gateway, password = influx_credentials(request)
    known = next((f for f in services.registry.feeds() if f.id == feed_id and f.gateway == gateway), None)
    if not services.registry.check_gateway(gateway, password) or known is None:
        raise wrong
    return known


def _take(services: Services, feed: Feed, topic: str, body: bytes) -> TakenBody:
    taken = services.readings.accept_foreign(feed, topic, body)
    return TakenBody(stored=taken.stored, quarantined=taken.quarantined, refused=taken.refused[:20], duplicate=taken.duplicate)


async def _whole(request: Request) -> bytes:
    from ingest.foreign import LARGEST_FOREIGN

    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > LARGEST_FOREIGN:
            raise BadInput("this message is too long", expected=f"at most {LARGEST_FOREIGN} bytes")
    return b"".join(parts)


def _feed(services: Services, caller: Caller, feed_id: str) -> Feed:
    found = services.registry.feed(feed_id)
    _of_county(services, caller, found.gateway)
    return found


def _of_county(services: Services, caller: Caller, gateway: str) -> None:
    county = services.registry.gateway(gateway).county
    if caller.county is not None and caller.county != county:
        raise NotAllowed("this belongs to another county", expected=caller.county, got=county)


def _waiting(services: Services, caller: Caller, entry: int) -> Waiting:
    found = services.claims.entry(entry)
    if caller.county is not None and found.county not in (None, caller.county):
        raise NotAllowed("this belongs to another county", expected=caller.county, got=found.county or "")
    return found


def _entry(waiting: Waiting) -> dict[str, Any]:
    told = asdict(waiting.entry)
    told["channels"] = [{"name": name, "value": value, "unit": unit} for name, (value, unit) in waiting.entry.channels.items()]
    return {**told, "county": waiting.county, "format": waiting.format}


def _claimed(claimed: Claimed) -> dict[str, Any]:
    return asdict(claimed)
