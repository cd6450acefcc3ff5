"""Who may come in: links that work once, sessions that end, keys that act in one role."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from foundation.clock import FixedClock
from foundation.errors import BadInput, Conflict, NotFound, NotSignedIn
from registry.people import Caller, Person
from registry.service import Registry


def test_a_sign_in_link_works_once_and_not_for_long(filled: Registry, clock: FixedClock) -> None:
    """A link makes one session; a second use, an old link and a made-up one are refused."""
    registry = filled
    registry.add_person("li.hua", "county", "321023")
    token = registry.make_link("li.hua")
    session = registry.redeem_link(token)
    who = registry.who(session)
    assert who is not None
    assert (who.name, who.role, who.county) == ("li.hua", "county", "321023")
    with pytest.raises(NotSignedIn):
        registry.redeem_link(token)
    old = registry.make_link("li.hua")
    clock.advance(timedelta(minutes=16))
    with pytest.raises(NotSignedIn):
        registry.redeem_link(old)
    registry.end_session(session)
    assert registry.who(session) is None


def test_a_session_ends_by_itself(filled: Registry, clock: FixedClock) -> None:
    """A session is over after thirty days."""
    registry = filled
    registry.add_person("li.hua", "administrator")
    session = registry.redeem_link(registry.make_link("li.hua"))
    clock.advance(timedelta(days=31))
    assert registry.who(session) is None


def test_an_api_key_acts_in_its_role_until_revoked(filled: Registry) -> None:
    """A key is known by its text alone, is listed without its secret, and stops at once when revoked."""
    registry = filled
    text = registry.make_api_key("season", "service", "321023")
    caller = registry.check_api_key(text)
    assert caller is not None
    assert caller.role == "service"
    (known,) = registry.api_keys()
    assert text.startswith(f"suhe_{known.prefix}_")
    assert text.split("_", 2)[2] not in repr(known)
    assert registry.check_api_key(text[:-1] + ("A" if text[-1] != "A" else "B")) is None
    assert registry.check_api_key("rubbish") is None
    registry.revoke_api_key(known.prefix)
    assert registry.check_api_key(text) is None


def test_of_many_who_come_with_one_link_one_gets_in(filled: Registry) -> None:
    """Eight redeem the same link at once: one session is made."""
    filled.add_person("li.hua", "administrator")
    token = filled.make_link("li.hua")
    let_in: list[str] = []
    begin = threading.Barrier(8)

    def come() -> None:
        begin.wait()
        try:
            let_in.append(filled.redeem_link(token))
        except NotSignedIn:
            pass

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_in) == 1


def test_a_new_link_ends_the_one_before(filled: Registry) -> None:
    """Who asks twice holds one link that works, not two that lie about."""
    filled.add_person("li.hua", "administrator")
    first, second = filled.make_link("li.hua"), filled.make_link("li.hua")
    with pytest.raises(NotSignedIn):
        filled.redeem_link(first)
    assert filled.redeem_link(second)


def test_a_person_is_one_role_in_one_county(filled: Registry) -> None:
    """The same again changes nothing; another role under the name is refused; a county role needs its county."""
    filled.add_person("li.hua", "county", "321023")
    filled.add_person("li.hua", "county", "321023")
    with pytest.raises(Conflict):
        filled.add_person("li.hua", "administrator")
    with pytest.raises(BadInput, match="one county"):
        filled.add_person("wang", "county")
    with pytest.raises(BadInput, match="not registered"):
        filled.add_person("wang", "county", "999999")
    assert filled.people() == [Person("li.hua", "county", "321023")]


@pytest.mark.parametrize("role", ["public", "gateway", "service", "emperor", ""])
def test_some_roles_no_person_has(filled: Registry, role: str) -> None:
    """Machines' roles and invented ones are refused for people."""
    with pytest.raises(BadInput):
        filled.add_person("wang", role)


def test_who_is_removed_is_out_at_once(filled: Registry) -> None:
    """Removing a person ends the sessions and the links."""
    filled.add_person("li.hua", "administrator")
    session = filled.redeem_link(filled.make_link("li.hua"))
    link = filled.make_link("li.hua")
    filled.remove_person("li.hua")
    assert filled.who(session) is None
    with pytest.raises(NotSignedIn):
        filled.redeem_link(link)
    with pytest.raises(NotFound):
        filled.remove_person("li.hua")
    with pytest.raises(NotFound):
        filled.make_link("li.hua")


def test_a_key_acts_for_its_party_in_its_county(filled: Registry) -> None:
    """What was given with the key comes back with every call."""
    text_of_key = filled.make_api_key("season", "cooperative", "321023", "coop-1")
    assert filled.check_api_key(text_of_key) == Caller("season", "cooperative", "321023", "coop-1")
    with pytest.raises(BadInput):
        filled.make_api_key("season", "cooperative", "321023", "nobody")


def test_the_last_use_of_a_key_is_kept_to_the_hour(filled: Registry, clock: FixedClock) -> None:
    """Many calls within an hour write once; the next hour writes again."""
    key = filled.make_api_key("season", "service")
    assert filled.api_keys()[0].last_used_ms is None
    filled.check_api_key(key)
    first = filled.api_keys()[0].last_used_ms
    clock.advance(timedelta(minutes=59))
    filled.check_api_key(key)
    assert filled.api_keys()[0].last_used_ms == first
    clock.advance(timedelta(minutes=1))
    filled.check_api_key(key)
    assert filled.api_keys()[0].last_used_ms == (first or 0) + 3_600_000


@pytest.mark.parametrize(
    "rubbish",
    ["", "suhe", "suhe__", "suhe_0123456789ab_", "suhe_\x00_x", "suhe_%_x", "other_0123456789ab_x", "suhe_0123456789ab_é", "\ud800"],
)
def test_rubbish_is_no_credential(filled: Registry, rubbish: str) -> None:
    """Whatever is sent as a key, a session or a link lets nobody in and breaks nothing."""
    filled.make_api_key("season", "service")
    assert filled.check_api_key(rubbish) is None
    assert filled.who(rubbish) is None
    filled.end_session(rubbish)
    with pytest.raises(NotSignedIn):
        filled.redeem_link(rubbish)
    with pytest.raises(NotFound):
        filled.revoke_api_key(rubbish)


def test_the_database_holds_no_secret(filled: Registry) -> None:
    """A dump of every table has no password, link, session or key in it, nor any part long enough to be of use."""
    filled.add_person("li.hua", "administrator")
    secrets = [
        filled.rotate_gateway("by-01-gw"),
        filled.redeem_link(filled.make_link("li.hua")),
        filled.make_link("li.hua"),
        filled.make_api_key("season", "service").split("_", 2)[2],
    ]
    dump = []
    with filled._engine.connect() as connection:
        for table in ("gateway", "person", "sign_in_link", "sign_in", "api_key"):
            dump += [str(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {table}"))]
    whole = "\n".join(dump)
    assert len(dump) == 5
    assert not any(secret[:12] in whole for secret in secrets)
