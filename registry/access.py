"""Signing in without passwords: one-time links, sessions, API keys."""

from __future__ import annotations

import hmac

from sqlalchemy import Engine, delete, select, update

from foundation.clock import Clock, to_ms
from foundation.database import reading
from foundation.errors import Conflict, NotFound, NotSignedIn
from registry import store
from registry.people import LINK_MS, SESSION_MS, ApiKey, Caller, Person, new_key_text, new_token, token_hash


class Access:
    """People and machines that may call us."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._access = engine
        self._access_reader = reading(engine)
        self._access_clock = clock

    def add_person(self, name: str, role: str, county: str | None = None) -> Person:
        """Add somebody; the same person again changes nothing, another role under the same name is refused."""
        wanted = Person(name, role, county)
        with self._access.begin() as connection:
            row = connection.execute(select(store.person).where(store.person.c.name == name)).mappings().first()
            if row is None:
                connection.execute(store.person.insert().values(name=name, role=role, county=county))
            elif Person(**row) != wanted:
                raise Conflict("somebody has this name already", got=f"{name} ({row['role']})", todo="choose another name")
        return wanted

    def person(self, name: str) -> Person:
        """Return a person; raise NotFound."""
        with self._access_reader.connect() as connection:
            row = connection.execute(select(store.person).where(store.person.c.name == name)).mappings().first()
        if row is None:
            raise NotFound("nobody has this name", got=name[:64], todo=f"suhe user add {name[:64]} --role ...")
        return Person(**row)

    def people(self) -> list[Person]:
        """Return everybody."""
        with self._access_reader.connect() as connection:
            return [Person(**row) for row in connection.execute(select(store.person).order_by(store.person.c.name)).mappings()]

    def make_link(self, name: str) -> str:
        """Return a token that signs `name` in once, within fifteen minutes."""
        self.person(name)
        token = new_token()
        with self._access.begin() as connection:
            connection.execute(store.sign_in_link.insert().values(token_hash=token_hash(token), person=name, ends_ms=self._now() + LINK_MS))
        return token

    def redeem_link(self, token: str) -> str:
        """Spend a sign-in link and return a session token; raise NotSignedIn where it is unknown, spent or too old."""
        with self._access.begin() as connection:
            where = store.sign_in_link.c.token_hash == token_hash(token)
            link = connection.execute(select(store.sign_in_link).where(where)).mappings().first()
            connection.execute(delete(store.sign_in_link).where(where))
            if link is not None and link["ends_ms"] > self._now():
                session = new_token()
                connection.execute(
                    store.session.insert().values(token_hash=token_hash(session), person=link["person"], ends_ms=self._now() + SESSION_MS)
                )
                return session
        raise NotSignedIn("this sign-in link was used or is too old", todo="ask for a new one: suhe user link NAME")

    def who(self, session: str) -> Person | None:
        """Return the person behind a session token, or None where it is unknown or over."""
        query = (
            select(store.person, store.session.c.ends_ms)
            .join(store.session, store.session.c.person == store.person.c.name)
            .where(store.session.c.token_hash == token_hash(session))
        )
        with self._access_reader.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or row["ends_ms"] <= self._now():
            return None
        return Person(row["name"], row["role"], row["county"])

    def end_session(self, session: str) -> None:
        """Sign out."""
        with self._access.begin() as connection:
            connection.execute(delete(store.session).where(store.session.c.token_hash == token_hash(session)))

    def make_api_key(self, name: str, role: str, county: str | None = None) -> str:
        """Make an API key and return its text, shown this once and stored only as a hash."""
        prefix, text = new_key_text()
        ApiKey(prefix, name, role, county, self._now(), None)
        with self._access.begin() as connection:
            connection.execute(
                store.api_key.insert().values(
                    prefix=prefix, name=name, role=role, county=county, key_hash=token_hash(text), made_ms=self._now()
                )
            )
        return text

    def check_api_key(self, text: str) -> Caller | None:
        """Return who calls with this key, or None where it is unknown or revoked."""
        parts = text.split("_", 2)
        if len(parts) != 3 or parts[0] != "suhe":
            return None
        with self._access_reader.connect() as connection:
            row = connection.execute(select(store.api_key).where(store.api_key.c.prefix == parts[1])).mappings().first()
        if row is None or row["revoked_ms"] is not None or not hmac.compare_digest(row["key_hash"], token_hash(text)):
            return None
        return Caller(row["name"], row["role"], row["county"])

    def api_keys(self) -> list[ApiKey]:
        """Return every key without its secret."""
        columns = [c for c in store.api_key.c if c.name != "key_hash"]
        with self._access_reader.connect() as connection:
            return [ApiKey(**row) for row in connection.execute(select(*columns).order_by(store.api_key.c.made_ms)).mappings()]

    def revoke_api_key(self, prefix: str) -> None:
        """Revoke a key; it stops working at once."""
        with self._access.begin() as connection:
            change = update(store.api_key).where(store.api_key.c.prefix == prefix).values(revoked_ms=self._now())
            if connection.execute(change).rowcount == 0:
                raise NotFound("there is no such key", got=prefix[:32])

    def _now(self) -> int:
        return to_ms(self._access_clock.now())
