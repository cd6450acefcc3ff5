"""The register of keys as the log tells it: whose key it is, what its party may say and where, from when to when it counts.

The county's registry decides who gets a key; what counts at verification is what the log was told at the time. A key's statements are
its own chain, so nobody shows a key without its revocation, and a key slipped into the registry later speaks for nothing older.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from foundation.errors import BadInput, NotFound, SuheError
from registry.keys import SigningKey, key_id
from traceability import store
from traceability.notes import NoteVerifier
from traceability.statements import KEY_REGISTERED, KEY_REVOKED, KEY_URN, LOG_PARTY, Statement, read_statement
from traceability.vocabulary import PARTY_URN

if TYPE_CHECKING:
    from traceability.events import TraceEvent

# Where something grows, only who runs the plot says so.
PLACED_KINDS = ("plant", "harvest")


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """A key and what its party is entitled to."""

    id: str
    party: str
    public_key: bytes
    roles: tuple[str, ...]
    plots: tuple[str, ...]
    valid_from_ms: int
    valid_to_ms: int | None = None
    revoked_ms: int | None = None

    def valid_at(self, at_ms: int) -> bool:
        """Tell whether what this key signed counts if it was recorded at `at_ms`."""
        ends = [t for t in (self.valid_to_ms, self.revoked_ms) if t is not None]
        return self.valid_from_ms <= at_ms and all(at_ms < t for t in ends)

    def same_rights(self, other: KeyStanding) -> bool:
        """Tell whether two tellings of a key differ in nothing but its revocation."""
        return (self.id, self.party, self.public_key, self.roles, self.plots, self.valid_from_ms, self.valid_to_ms) == (
            other.id, other.party, other.public_key, other.roles, other.plots, other.valid_from_ms, other.valid_to_ms,
        )  # fmt: skip

    def fault(self, event: TraceEvent) -> str | None:
        """Return why this key's party may not say this, None where it may."""
        if self.party == LOG_PARTY:
            return "the log's own key signs statements, not events"
        if self.party != event.party:
            return f"the key belongs to {self.party}, the event is {event.party}'s"
        if not set(self.roles) & set(event.kind.signers):
            return f"{self.party} may not sign events of kind {event.kind.name}"
        if event.kind.name in PLACED_KINDS and event.plot not in self.plots:
            return f"{self.party} does not run plot {event.plot}"
        return None

    def told(self) -> dict[str, Any]:
        """Return the fields of the statement that registers this key."""
        fields: dict[str, Any] = {
            "publicKey": self.public_key.hex(),
            "party": PARTY_URN + self.party,
            "roles": sorted(set(self.roles)),
            "plots": sorted(set(self.plots)),
            "validFrom": self.valid_from_ms,
        }
        return fields if self.valid_to_ms is None else {**fields, "validTo": self.valid_to_ms}


def standing_of(key: SigningKey, roles: Iterable[str], plots: Iterable[str]) -> KeyStanding:
    """Return a key of the registry with its party's rights."""
    entitled = tuple(sorted(set(roles))), tuple(sorted(set(plots)))
    return KeyStanding(key.id, key.party, key.public_key, *entitled, key.valid_from_ms, key.valid_to_ms, key.revoked_ms)


def log_standing(log_key: NoteVerifier) -> KeyStanding:
    """Return the log's own key, which signs statements."""
    return KeyStanding(key_id(log_key.public_key), LOG_PARTY, log_key.public_key, (), (), 0)


def fold(statements: Sequence[Statement]) -> KeyStanding:
    """Return what a key's statements, in the order of their chain, make of it.

    Raises:
        BadInput: they break a law: the first registers the key, whose id is its hash; key and party never change; it never counts
            from an earlier time than first told; what is revoked stays so.

    """
    found: KeyStanding | None = None
    for s in statements:
        if s.type == KEY_REGISTERED:
            told = s.told
            party, public_key = told["party"].removeprefix(PARTY_URN), bytes.fromhex(told["publicKey"])
            entitled = tuple(told["roles"]), tuple(told["plots"])
            new = KeyStanding(s.subject.removeprefix(KEY_URN), party, public_key, *entitled, told["validFrom"], told.get("validTo"))
            if key_id(new.public_key) != new.id:
                raise BadInput("the key registered under this id is another key", expected=new.id, got=key_id(new.public_key))
            if found is not None and (
                found.revoked_ms is not None
                or (new.public_key, new.party) != (found.public_key, found.party)
                or new.valid_from_ms < found.valid_from_ms
            ):
                raise BadInput("a registered key's party, start or revocation cannot be changed", got=new.id)
            found = new
        elif s.type == KEY_REVOKED and found is not None:
            earlier = found.revoked_ms is None or s.told["revoked"] < found.revoked_ms
            found = replace(found, revoked_ms=s.told["revoked"] if earlier else found.revoked_ms)
        else:
            raise BadInput("a key's first statement registers it", got=f"{s.type} of {s.subject}")
    if found is None:
        raise NotFound("this key is not in the log")
    return found


class Register:
    """Looks keys up as the log tells them, each once. Records from before the log kept a register fall back to the county's registry."""

    def __init__(self, connection: Connection, registered: Callable[[str], SigningKey], log_key: NoteVerifier) -> None:
        self._connection, self._registered = connection, registered
        self._own = log_standing(log_key)
        self._told: dict[str, list[tuple[int, Statement]]] = {}
        self._found: dict[tuple[str, int], KeyStanding | SuheError] = {}
        first = select(store.event.c.log_index).where(store.event.c.event_type == KEY_REGISTERED).order_by(store.event.c.log_index).limit(1)
        self._since = connection.execute(first).scalar()

    def key(self, wanted: str, log_index: int) -> KeyStanding:
        """Return a key as it stood for the record at `log_index`: rights as told before it, revocations whenever told.

        Raises:
            NotFound, BadInput: the log knows no such key then, or contradicts itself.

        """
        if wanted == self._own.id:
            return self._own
        if wanted not in self._told:
            self._told[wanted] = statements_of(self._connection, KEY_URN + wanted)
        told = [s for at, s in self._told[wanted] if at < log_index or s.type == KEY_REVOKED]
        place = (wanted, len(told))
        if place not in self._found:
            self._found[place] = _folded(told)
        found = self._found[place]
        if isinstance(found, SuheError) and (self._since is None or log_index < self._since):
            key = self._registered(wanted)
            # Roles and plots of that time are not known; the log was not told.
            return _Legacy(key.id, key.party, key.public_key, (), (), key.valid_from_ms, key.valid_to_ms, key.revoked_ms)
        if isinstance(found, SuheError):
            raise found
        return found

    def logged(self, wanted: Iterable[str]) -> dict[str, KeyStanding]:
        """Return those of these keys that the log knows, as it tells them."""
        found = {k: _folded([s for _, s in statements_of(self._connection, KEY_URN + k)]) for k in wanted}
        return {k: v for k, v in found.items() if isinstance(v, KeyStanding)}

    def differing(self) -> list[tuple[str, str]]:
        """Return (key id, what) for every logged key of which the county's registry says something else now."""
        entry = store.event_lot.c
        subjects = self._connection.execute(select(entry.lot).where(entry.lot_seq == 1, entry.lot.startswith(KEY_URN))).scalars().all()
        found = []
        for wanted in sorted(s.removeprefix(KEY_URN) for s in subjects):
            try:
                logged = fold([s for _, s in statements_of(self._connection, KEY_URN + wanted)])
                now = self._registered(wanted)
            except SuheError as error:
                found.append((wanted, f"key {wanted}: {error.message}"))
                continue
            if (logged.public_key, logged.party, logged.valid_from_ms) != (now.public_key, now.party, now.valid_from_ms):
                found.append((wanted, f"the registry tells another party, key or start of key {wanted} than the log"))
            elif logged.revoked_ms is not None and (now.revoked_ms is None or now.revoked_ms > logged.revoked_ms):
                found.append((wanted, f"the log revoked key {wanted}, the registry does not know it"))
        return found


class _Legacy(KeyStanding):
    """A key of a record older than the register in the log: what its party might say then was checked at capture and not logged."""

    __slots__ = ()

    def fault(self, event: TraceEvent) -> str | None:
        return None if self.party == event.party else f"the key belongs to {self.party}, the event is {event.party}'s"


def statements_of(connection: Connection, subject: str) -> list[tuple[int, Statement]]:
    """Return a subject's statements with their places in the log, in the order of its chain; unreadable ones are named elsewhere."""
    found = []
    for stored in store.events_of_lot(connection, subject):
        try:
            found.append((stored.log_index, read_statement(stored.body)))
        except SuheError:
            continue
    return found


def _folded(told: Sequence[Statement]) -> KeyStanding | SuheError:
    try:
        return fold(told)
    except SuheError as error:
        return error
