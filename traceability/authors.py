"""Who may say what: an event's signature, the key's validity, the party's roles, and that everything named is registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from foundation.errors import BadInput, NotAllowed, NotFound, SuheError
from registry.keys import key_id
from traceability.events import TraceEvent, county_of, read_event
from traceability.key_register import PLACED_KINDS, KeyStanding, standing_of
from traceability.ledger import SignedEvent, named
from traceability.secrets import Secret, check_impersonal, check_secrets

if TYPE_CHECKING:
    from registry.keys import SigningKey
    from registry.parties import Party
    from registry.service import Registry


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event on its way in: the canonical bytes, the id of the key that signed them, the signature, and values behind commitments."""

    body: bytes
    key_id: str
    signature: bytes
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadEnvelope:
    """An envelope whose body was read and whose signature fits it, by a key that is or was registered."""

    event: TraceEvent
    envelope: Envelope


class Reader:
    """Reads envelopes: the part of the work that needs no look at the log, done by whoever hands them in.

    A key's id is the hash of the key, so what was once registered under an id can be remembered for good; whether it counts now is
    asked at the desk.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._verifiers: dict[str, VerifyKey] = {}

    def read(self, envelopes: Sequence[Envelope]) -> list[ReadEnvelope]:
        """Return the events in the envelopes.

        Raises:
            BadInput, NotAllowed: as `Trace.capture` says.

        """
        found = []
        for number, envelope in enumerate(envelopes):
            try:
                found.append(self._read(envelope))
            except SuheError as error:
                raise named(error, number, len(envelopes)) from error
        return found

    def _read(self, envelope: Envelope) -> ReadEnvelope:
        event = read_event(envelope.body)
        try:
            self._verifier(envelope.key_id).verify(envelope.body, envelope.signature)
        except (BadSignatureError, ValueError) as error:
            raise BadInput(
                "the signature does not fit the body", expected="Ed25519 over exactly the bytes of the body", todo="sign what is sent"
            ) from error
        return ReadEnvelope(event, envelope)

    def _verifier(self, wanted: str) -> VerifyKey:
        if wanted not in self._verifiers:
            try:
                key = self._registry.key(wanted)
            except NotFound as error:
                raise NotAllowed("this key is not registered", got=repr(wanted[:40]), todo="have the county office register it") from error
            if key_id(key.public_key) != wanted:
                raise NotAllowed("the registry holds another key under this id", got=repr(wanted[:40]), todo="suhe trace verify --all")
            self._verifiers[wanted] = VerifyKey(key.public_key)
        return self._verifiers[wanted]


class Desk:
    """Decides whether authors may say what they say, for one batch; asks the registry for each thing once."""

    def __init__(self, registry: Registry, now_ms: int) -> None:
        self._now_ms = now_ms
        self._key = cache(registry.key)
        self._party = cache(registry.party)
        self._plots = cache(registry.plots_run_by)
        self._plot = cache(registry.plot)
        self._base = cache(registry.base)
        self._device = cache(registry.device)
        self._product = cache(registry.product)
        self._standing: dict[str, KeyStanding] = {}

    def admit(self, group: Sequence[ReadEnvelope]) -> list[SignedEvent]:
        """Return the events of a group with their authors' standing.

        Raises:
            NotAllowed, NotFound: as `Trace.capture` says.

        """
        found = []
        for number, item in enumerate(group):
            try:
                found.append(self._admit(item))
            except SuheError as error:
                raise named(error, number, len(group)) from error
        return found

    def _admit(self, item: ReadEnvelope) -> SignedEvent:
        event = item.event
        key = self._valid_key(item.envelope.key_id)
        # Here and not where events are read: what was recorded before this rule must stay readable.
        check_impersonal(event.body)
        check_secrets(event.body, item.envelope.secrets)
        if key.party != event.party:
            raise NotAllowed("the key belongs to another party than the event names", expected=key.party, got=event.party)
        self._check_entitled(event)
        self._check_named(event)
        if key.id not in self._standing:
            self._standing[key.id] = standing_of(key, self._party(key.party).roles, self._plots(key.party))
        return SignedEvent(event, item.envelope.body, self._standing[key.id], item.envelope.signature, item.envelope.secrets)

    def _valid_key(self, key_id: str) -> SigningKey:
        try:
            key = self._key(key_id)
        except NotFound as error:
            raise NotAllowed("this key is not registered", got=repr(key_id[:40]), todo="have the county office register it") from error
        if not key.valid_at(self._now_ms):
            raise NotAllowed("this key does not count now", got=key.id, todo="it was revoked, ran out, or is not valid yet; use another")
        return key

    def _check_entitled(self, event: TraceEvent) -> None:
        """The author's party has a role for this kind of event and, where something grows, runs the place."""
        party = self._party(event.party)
        if not set(party.roles) & set(event.kind.signers):
            raise NotAllowed(
                f"{party.id} may not sign events of kind {event.kind.name}",
                expected=" or ".join(event.kind.signers),
                got=", ".join(party.roles),
            )
        if event.kind.name == "recall":
            _check_recaller(event, party)
        if event.plot and event.kind.name in PLACED_KINDS:
            base = self._base(self._plot(event.plot).base)
            if base.party != event.party:
                raise NotAllowed("only the party that runs a plot says what grows there", expected=base.party, got=event.party)
            wrong = [lot for lot in event.lots if county_of(lot) != base.county]
            if wrong:
                raise BadInput("a lot carries the code of the county it grows in", expected=base.county, got=wrong[0])

    def _check_named(self, event: TraceEvent) -> None:
        """Everything the body names is registered."""
        for party in {event.from_party, event.to_party} - {"", event.party}:
            self._party(party)
        if event.plot:
            self._plot(event.plot)
        if event.kind.name == "ship":
            self._check_recorder(event)
        if event.product:
            product = self._product(event.product)
            if event.variety and event.variety not in {v.id for v in product.varieties}:
                raise NotFound("this product has no such variety", expected=", ".join(v.id for v in product.varieties), got=event.variety)

    def _check_recorder(self, event: TraceEvent) -> None:
        """The recorder that travels belongs to who carries: a foreign one would speak for a leg it was not on."""
        if event.carrier and event.carrier != event.party:
            self._party(event.carrier)
        if event.recorder:
            owner = self._base(self._device(event.recorder).base).party
            if owner != (event.carrier or event.party):
                raise NotAllowed("this recorder belongs to somebody else", expected=event.carrier or event.party, got=owner)


def _check_recaller(event: TraceEvent, party: Party) -> None:
    """A county recalls what grows in it; that a maker recalls only its own is asked of the lots themselves."""
    county = event.body["suhe:recall"]["authority"] == "county"
    if county != ("county" in party.roles):
        raise NotAllowed(
            "a county recalls as county, a maker as maker",
            expected="county" if "county" in party.roles else "maker",
            got=str(event.body["suhe:recall"]["authority"]),
        )
    foreign = [lot for lot in event.lots if county_of(lot) != party.county] if county else []
    if foreign:
        raise NotAllowed("a county recalls lots of its own", expected=party.county, got=foreign[0], todo="ask the other county")
