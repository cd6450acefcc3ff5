"""The use cases about who may come in: people, one-time links, sessions, API keys. Secrets are shown once, kept as SHA-256.

All secrets here are 256 random bits, so a plain SHA-256 is enough: there is no dictionary to try.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from contextlib import suppress

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import OperationalError

from foundation.errors import NotFound, NotSignedIn
from registry import store
from registry.people import LINK_MS, SESSION_MS, ApiKey, Caller, Person
from registry.transactions import Transactions

# A key's last use is for an administrator who wonders whether it may go; writing it at every call would be dear.
_LAST_USE_MS = 3_600_000
_KEY_MARK = "suhe"
_PREFIX = re.compile(r"[0-9a-f]{12}\Z")


class Accounts(Transactions):
    """People and machines that may come in."""

    def add_person(self, name: str, role: str, county: str | None = None, party: str | None = None) -> Person:
        """Register a person; the same again is passed over, another role or county for the same name is a Conflict."""
        person = Person(name, role, county, party)
        with self._writing() as connection:
            store.must_exist(connection, store.COUNTY, [county], "person")
            store.must_exist(connection, store.PARTY, [party], "person")
            store.add_new(connection, store.PERSON, [person])
        return person

    def remove_person(self, name: str) -> None:
        """Forget a person; links and sessions end at once."""
        self.person(name)
        with self._writing() as connection:
            if not connection.execute(delete(store.person).where(store.person.c.name == name)).rowcount:
                raise _nobody(name)

    def person(self, name: str) -> Person:
        """Return a person by name."""
        with self._reading() as connection:
            found = store.find_by_id(connection, store.PERSON, [name])
        if name not in found:
            raise _nobody(name)
        return found[name]

    def people(self) -> list[Person]:
        """Return everybody who can sign in, by name."""
        with self._reading() as connection:
            return store.find(connection, store.PERSON)

    def make_link(self, name: str) -> str:
        """Return the token of a sign-in link: good once, for fifteen minutes. Links made for this person before end."""
        self.person(name)
        token, now = secrets.token_urlsafe(32), self._now_ms()
        with self._writing() as connection:
            gone = (store.sign_in_link.c.person == name) | (store.sign_in_link.c.expires_ms <= now)
            connection.execute(delete(store.sign_in_link).where(gone))
            connection.execute(insert(store.sign_in_link).values(token_hash=_hash(token), person=name, expires_ms=now + LINK_MS))
        return token

    def redeem_link(self, token: str) -> str:
        """Return a session token, good for thirty days, for a link's token.

        Raises:
            NotSignedIn: the link is unknown, used or too old; which of these is not told.

        """
        session, now = secrets.token_urlsafe(32), self._now_ms()
        links, sessions = store.sign_in_link, store.sign_in
        with self._writing() as connection:
            # Deleting is redeeming: of two who come with one link, only one finds it.
            name = connection.execute(
                delete(links).where(links.c.token_hash == _hash(token), links.c.expires_ms > now).returning(links.c.person)
            ).scalar()
            if name is None:
                raise NotSignedIn("this sign-in link does not work any more", todo="ask for a new one; each works once, for 15 minutes")
            connection.execute(delete(sessions).where(sessions.c.expires_ms <= now))
            connection.execute(insert(sessions).values(token_hash=_hash(session), person=name, made_ms=now, expires_ms=now + SESSION_MS))
        return session

    def who(self, session_token: str) -> Person | None:
        """Return the person behind a session, or None where it is unknown or over."""
        sessions = store.sign_in
        query = (
            select(store.person)
            .join(sessions, sessions.c.person == store.person.c.name)
            .where(sessions.c.token_hash == _hash(session_token), sessions.c.expires_ms > self._now_ms())
        )
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
        return store.PERSON.read(row) if row is not None else None

    def end_session(self, session_token: str) -> None:
        """End a session; an unknown one is over already."""
        with self._writing() as connection:
            connection.execute(delete(store.sign_in).where(store.sign_in.c.token_hash == _hash(session_token)))

    def make_api_key(self, name: str, role: str, county: str | None = None, party: str | None = None) -> str:
        """Return the text of a new API key, `suhe_<prefix>_<secret>`. It cannot be shown again."""
        prefix = secrets.token_hex(6)
        text = f"{_KEY_MARK}_{prefix}_{secrets.token_urlsafe(32)}"
        key = ApiKey(prefix, name, role, county, party, self._now_ms(), None, None)
        with self._writing() as connection:
            store.must_exist(connection, store.COUNTY, [county], "key")
            store.must_exist(connection, store.PARTY, [party], "key")
            connection.execute(insert(store.api_key).values(**store.API_KEY.row(key), key_hash=_hash(text)))
        return text

    def check_api_key(self, text: str) -> Caller | None:
        """Return who calls with this key, or None where it is no key of ours or was revoked."""
        mark, _, rest = text.partition("_")
        prefix, _, secret = rest.partition("_")
        if mark != _KEY_MARK or not _PREFIX.match(prefix) or not secret:
            return None
        keys = store.api_key
        with self._reading() as connection:
            row = connection.execute(select(keys).where(keys.c.prefix == prefix)).mappings().first()
        if row is None or not hmac.compare_digest(str(row["key_hash"]), _hash(text)) or row["revoked_ms"] is not None:
            return None
        now = self._now_ms()
        if row["last_used_ms"] is None or now - row["last_used_ms"] >= _LAST_USE_MS:
            # Bookkeeping: a database that is busy or read-only must not turn a good key away.
            with suppress(OperationalError), self._writing() as connection:
                connection.execute(update(keys).where(keys.c.prefix == prefix).values(last_used_ms=now))
        return store.API_KEY.read(row).caller

    def api_keys(self) -> list[ApiKey]:
        """Return every API key, revoked ones too, without its secret."""
        with self._reading() as connection:
            return store.find(connection, store.API_KEY)

    def revoke_api_key(self, prefix: str) -> None:
        """Make an API key worthless from now on; a key revoked before stays as it was."""
        keys = store.api_key
        with self._writing() as connection:
            if prefix not in store.find_by_id(connection, store.API_KEY, [prefix]):
                raise NotFound("there is no such API key", got=repr(prefix[:40]))
            connection.execute(update(keys).where(keys.c.prefix == prefix, keys.c.revoked_ms.is_(None)).values(revoked_ms=self._now_ms()))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _nobody(name: str) -> NotFound:
    return NotFound("there is no such person", got=repr(name[:40]), todo="suhe user add")
