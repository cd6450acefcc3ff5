r"""What is personal stays out of hashed bodies: a body carries a commitment, the value lies beside it and can be erased.

    commitment = HMAC-SHA-256(key = salt of 32 random bytes, message = "suhe/secret/v1\n" || field || "\n" || value), in hex

A plain hash of a name or a phone number is found by trying all of them; with the salt gone there is nothing to try against. Each value
has a salt of its own, so that the same person twice gives two commitments. The signed body never changes: it verifies with the value and
without it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.errors import BadInput

TAG = b"suhe/secret/v1\n"
SALT_BYTES = 32
MOST_VALUE = 120
# Fields of a body that hold a commitment, and who is meant by each.
COMMITTED = {"suhe:by": "who did it"}
COMMITMENT = re.compile(r"[0-9a-f]{64}\Z")

# What a role sees of a person's name: everything, or what the person agreed to, and what its own party wrote.
ALL, OWN_AND_CONSENTED, CONSENTED, NOTHING = "all", "own and consented", "consented", "nothing"
DISCLOSES: Mapping[str, str] = {
    "public": CONSENTED,
    "guest": CONSENTED,
    "grower": OWN_AND_CONSENTED,
    "cooperative": OWN_AND_CONSENTED,
    "processor": OWN_AND_CONSENTED,
    "carrier": OWN_AND_CONSENTED,
    "retailer": OWN_AND_CONSENTED,
    "inspector": ALL,
    "county": ALL,
    "administrator": ALL,
    "service": NOTHING,
    "gateway": NOTHING,
    "witness": NOTHING,
}


@dataclass(frozen=True, slots=True)
class Secret:
    """A value behind a commitment, as its author hands it in. `consent`: the person agreed that everybody may read it."""

    field: str
    salt: bytes
    value: str
    consent: bool = False

    def __post_init__(self) -> None:
        if self.field not in COMMITTED:
            raise BadInput("this field holds no commitment", expected=", ".join(COMMITTED), got=repr(self.field)[:60])
        if len(self.salt) != SALT_BYTES:
            raise BadInput("this is no salt", expected=f"{SALT_BYTES} random bytes", got=f"{len(self.salt)} bytes")
        if not self.value.strip() or len(self.value) > MOST_VALUE or not self.value.isprintable():
            raise BadInput(f"{self.field} cannot be this", expected=f"1 to {MOST_VALUE} printable characters", got=f"{len(self.value)}")

    @property
    def commitment(self) -> str:
        """What stands in the body for it."""
        return commitment(self.field, self.salt, self.value)


@dataclass(frozen=True, slots=True)
class Kept:
    """A commitment as we keep it. Without salt and value it was erased, at `erased_ms`."""

    commitment: str
    field: str
    salt: bytes | None
    value: str | None
    consent: bool
    party: str
    erased_ms: int | None

    @property
    def fits(self) -> bool:
        """Whether the value is still the one that was committed to: who alters it in the database alters no record."""
        return (
            self.salt is not None
            and self.value is not None
            and hmac.compare_digest(commitment(self.field, self.salt, self.value), self.commitment)
        )


def commitment(field: str, salt: bytes, value: str) -> str:
    """Return the commitment to a value, in hex."""
    return hmac.new(salt, TAG + field.encode() + b"\n" + value.encode(), hashlib.sha256).hexdigest()


def check_secrets(body: Mapping[str, Any], secrets: Sequence[Secret]) -> None:
    """Refuse a value that the body commits to nowhere, or one handed in twice."""
    for k, secret in enumerate(secrets):
        if body.get(secret.field) != secret.commitment:
            raise BadInput(
                f"this value is not the one that {secret.field} of the body commits to",
                expected=f"HMAC-SHA-256 of the value with its salt, as {secret.field}",
                got=secret.commitment,
                todo="send the salt and the value from which the commitment was made",
            )
        if secret.commitment in {s.commitment for s in secrets[:k]}:
            raise BadInput("a value is handed in twice", got=secret.field)


def commitments(body: Mapping[str, Any]) -> dict[str, str]:
    """Return commitment -> field of a body."""
    return {body[field]: field for field in COMMITTED if isinstance(body.get(field), str)}


def may_see(role: str, party: str | None, kept: Kept) -> bool:
    """Whether a role, acting for a party, may read a value; a role nobody wrote down sees nothing."""
    rule = DISCLOSES.get(role, NOTHING)
    if rule == OWN_AND_CONSENTED and party and party == kept.party:
        return True
    return rule == ALL or (kept.consent and rule in (CONSENTED, OWN_AND_CONSENTED))


# Personal data in free text

_PHONE = re.compile(r"(?<![0-9])(?:\+?86[- ]?)?1[3-9][0-9](?:[- ]?[0-9]{4}){2}(?![0-9])")
_ID_NUMBER = re.compile(r"(?<![0-9])[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?![0-9])")
# Identifiers and hashes, each checked by a pattern of its own: their digits are no text, and chance would make telephones of them.
_NO_TEXT = frozenset(
    {"@context", "eventID", "eventTime", "bizStep", "epcClass", "suhe:leg", "suhe:by", "readingsHash", "startTime", "endTime"}
)
# As parts of a field's name: the Chinese words, and whole English ones, so that `suhe:nameZh` of a fertiliser is no person's name.
_PERSONAL_NAME = re.compile(
    r"(?:姓名|电话|手机|身份证|住址)|(?:^|[:_.-])(?:phone|mobile|tel|telephone|idcard|idnumber|identity|person|personname|fullname|name|"
    r"firstname|lastname|surname|email|wechat|address|birthday|birthdate|gender|farmer|worker|contact)(?:$|[_.-])",
    re.IGNORECASE,
)


def names_person(field: str) -> bool:
    """Whether a field's name says that it holds a person's name, number or address."""
    return bool(_PERSONAL_NAME.search(field))


def check_impersonal(body: Mapping[str, Any]) -> None:
    """Refuse telephone and identity numbers in the texts of a body: what is hashed and logged can never be taken out again."""
    for where, text in _texts(body, ""):
        plain = unicodedata.normalize("NFKC", text)
        for what, pattern in (("a telephone number", _PHONE), ("an identity number", _ID_NUMBER)):
            if pattern.search(plain):
                # The number itself is not repeated: errors are logged.
                raise BadInput(
                    f"{where} holds what looks like {what}",
                    expected="no personal data in what is signed and logged: it could never be erased",
                    todo="leave it out; who did it belongs into suhe:by as a commitment, with the name beside the body",
                )


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _NO_TEXT:
                yield from _texts(inner, f"{where}.{key}" if where else key)
    elif isinstance(value, Iterable):
        for k, inner in enumerate(value):
            if not (isinstance(inner, str) and inner.startswith("urn:suhe:lot:")):
                yield from _texts(inner, f"{where}[{k}]")
