"""People who sign in and machines that call with a key."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.ids import check_county, check_id
from registry.checks import check_name
from registry.roles import check_key_role, check_person_role

LINK_MS = 15 * 60_000
SESSION_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who signs in by a one-time link. No county means every county; `party` is whom the person acts for."""

    name: str
    role: str
    county: str | None = None
    party: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        check_person_role(self.role, self.county)
        _check_scope(self.county, self.party)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who stands behind an API key, in the same words as a Person."""

    name: str
    role: str
    county: str | None = None
    party: str | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is kept: never its text. `last_used_ms` is right to the hour."""

    prefix: str
    name: str
    role: str
    county: str | None
    party: str | None
    made_ms: int
    last_used_ms: int | None
    revoked_ms: int | None

    def __post_init__(self) -> None:
        check_name(self.name, "key name")
        check_key_role(self.role, self.county)
        _check_scope(self.county, self.party)

    @property
    def caller(self) -> Caller:
        """Who calls with this key."""
        return Caller(self.name, self.role, self.county, self.party)


def _check_scope(county: str | None, party: str | None) -> None:
    if county is not None:
        check_county(county)
    if party is not None:
        check_id(party, "party id")
