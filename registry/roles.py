"""Roles: what a person, a party or a machine may be. What each role may do is decided where it is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from foundation.errors import BadInput

# Roles a person can hold. `public` is everyone who has not signed in and is never given to anybody.
PERSON_ROLES = ("guest", "grower", "cooperative", "processor", "inspector", "carrier", "retailer", "county", "administrator")
PARTY_ROLES = ("grower", "cooperative", "processor", "inspector", "carrier", "retailer", "county")
MACHINE_ROLES = ("gateway", "witness", "service")
ROLES = ("public", *PERSON_ROLES)

# A county office without its county would see every county.
_NEEDS_COUNTY = ("county",)


def check_person_role(role: str, county: str | None) -> None:
    """Refuse a role no person can hold, and a county role without a county."""
    _check(role, PERSON_ROLES, "a person")
    _check_county_given(role, county)


def check_key_role(role: str, county: str | None) -> None:
    """Refuse a role no API key can act in. Gateways have credentials of their own."""
    _check(role, (*PERSON_ROLES, "witness", "service"), "an API key")
    _check_county_given(role, county)


def check_party_roles(roles: Iterable[str]) -> None:
    """Refuse a party without a role or with one no organisation plays."""
    roles = tuple(roles)
    if not roles or len(set(roles)) != len(roles):
        raise BadInput("a party needs its roles, each once", expected=", ".join(PARTY_ROLES), got=", ".join(roles) or "none")
    for role in roles:
        _check(role, PARTY_ROLES, "a party")


def _check(role: str, known: tuple[str, ...], who: str) -> None:
    if role not in known:
        raise BadInput(f"{who} cannot have this role", expected=", ".join(known), got=repr(role[:40]))


def _check_county_given(role: str, county: str | None) -> None:
    if role in _NEEDS_COUNTY and county is None:
        raise BadInput(f"the role {role} belongs to one county", expected="a six-digit county code", got="none")
