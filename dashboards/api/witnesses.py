"""HTTP: witnesses of the log. Who they are and what they cosigned is public; a cosignature or a proof against us anyone may bring."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from foundation.errors import BadInput

if TYPE_CHECKING:
    from dashboards.services import Services
    from traceability.witnessing import Cosigned, WitnessStand

_MOST_BYTES = 262_144


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CosignedView(_Body):
    """A checkpoint a witness vouched for; `time` is the witness's own, in ms UTC."""

    witness: str
    size: int
    time: int

    @classmethod
    def of(cls, c: Cosigned) -> CosignedView:
        """Show a cosignature."""
        return cls(witness=c.witness.name, size=c.size, time=c.time_s * 1000)


class WitnessView(_Body):
    """A witness this log knows. `independent` is false where the log's own operator runs it; `recomputes` says that it checks maps too."""

    name: str
    vkey: str
    independent: bool
    recomputes: bool
    added: int
    last: CosignedView | None

    @classmethod
    def of(cls, s: WitnessStand) -> WitnessView:
        """Show a witness."""
        w = s.witness
        return cls(
            name=w.name,
            vkey=w.cosigner.vkey(),
            independent=not w.ours,
            recomputes=w.whole,
            added=w.added_ms,
            last=CosignedView.of(s.last) if s.last else None,
        )


class AlarmView(_Body):
    """A proof that this log's key signed two histories; `proof` can be checked by anyone, `suhe witness prove-fork FILE`."""

    received: int
    kind: str
    proof: dict[str, Any]


def router(services: Services) -> APIRouter:
    """Return the routes on these services."""
    routes = APIRouter(prefix="/api/v1/log", tags=["trace"])
    witnessing = services.trace.witnessing

    @routes.get("/witnesses")
    def list_witnesses() -> list[WitnessView]:
        """List the witnesses this log knows, and the largest checkpoint each has cosigned."""
        return [WitnessView.of(s) for s in witnessing.stands()]

    @routes.post("/cosignatures", status_code=201)
    async def add_cosignatures(request: Request) -> list[CosignedView]:
        """Take a cosigned checkpoint, the note as text. Only known witnesses' signatures on a checkpoint of ours are kept."""
        note = await _text(request)
        return [CosignedView.of(c) for c in await run_in_threadpool(services.trace.add_cosignature, note)]

    @routes.get("/alarms")
    def list_alarms() -> list[AlarmView]:
        """List the proofs that were brought against this log, the latest first."""
        return [AlarmView(received=at, kind=kind, proof=json.loads(proof)) for at, kind, proof in witnessing.alarms()]

    @routes.post("/alarms", status_code=201)
    async def add_alarm(request: Request) -> dict[str, bool]:
        """Take a proof that this log's key signed two histories (an ALARM file of a witness); it is checked before it is kept."""
        return {"new": await run_in_threadpool(witnessing.take_alarm, await _text(request))}

    return routes


async def _text(request: Request) -> str:
    body = await request.body()
    if len(body) > _MOST_BYTES:
        raise BadInput("this is too long", expected=f"at most {_MOST_BYTES} bytes", got=str(len(body)))
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadInput("this is no text", expected="UTF-8") from error
