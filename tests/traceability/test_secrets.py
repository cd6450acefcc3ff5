"""Personal data: outside of what is hashed, erasable for good, shown to those alone who may see it."""

from __future__ import annotations

import secrets as noise
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from foundation.database import open_engine
from foundation.errors import BadInput, NotFound
from tests.traceability.kit import KEYS, Kit
from traceability import fields, secret_store
from traceability.secrets import DISCLOSES, Kept, Secret, commitment, may_see, names_person
from traceability.vocabulary import KINDS

NAME = "演示农户甲"


def planted(kit: Kit, number: str = "L1", *, consent: bool = False, name: str = NAME, plot: str = "a1") -> Secret:
    """Plant a lot with a person behind a commitment and return the secret."""
    secret = Secret("suhe:by", noise.token_bytes(32), name, consent)
    body = kit.body(
        "plant", "coop", quantityList=[{"epcClass": kit.lot(number)}], ilmd={"suhe:product": "tomato"},
        bizLocation={"id": f"urn:suhe:plot:{plot}"}, **{"suhe:by": secret.commitment},
    )  # fmt: skip
    kit.trace.capture_many([replace(kit.sign(body, "coop"), secrets=(secret,))])
    return secret


def seen(kit: Kit, number: str, role: str, party: str | None = None) -> list[str]:
    """Return the names a role reads in a lot."""
    return [d["value"] for d in kit.trace.disclosed(kit.trace.lot(kit.lot(number)).events, role, party).values()]


def test_one_person_twice_gives_two_commitments(kit: Kit) -> None:
    """Nobody can tell from the log that two events were the same person's."""
    first, second = planted(kit, "L1"), planted(kit, "L2", plot="a2")
    assert first.commitment != second.commitment
    assert seen(kit, "L1", "county") == seen(kit, "L2", "county") == [NAME]


def test_no_name_is_in_what_is_hashed(kit: Kit) -> None:
    """The value stands in no body of the log."""
    planted(kit)
    with kit.engine.connect() as connection:
        bodies = [bytes(row.body) for row in connection.execute(text("SELECT body FROM event"))]
    assert bodies
    assert not any(NAME.encode() in b or b"\\u" in b for b in bodies)


def test_everything_verifies_after_erasure(kit: Kit) -> None:
    """Erasing changes no record: the lot and the whole log hold as before, with the same root; the name is gone for every role."""
    secret = planted(kit)
    kit.trace.make_checkpoint()
    before = kit.trace.verify_all()
    erased_ms = kit.trace.erase(secret.commitment, "asked by the person")
    after = kit.trace.verify_all()
    assert before.ok
    assert after.ok
    assert before.root_hex == after.root_hex
    assert kit.trace.verify_lot(kit.lot("L1")).ok
    assert all(seen(kit, "L1", role, "coop") == [] for role in DISCLOSES)
    kept = kit.trace.kept(kit.trace.lot(kit.lot("L1")).events)[secret.commitment]
    assert (kept.salt, kept.value, kept.erased_ms) == (None, None, erased_ms)


def test_an_erased_value_cannot_be_confirmed_by_guessing(kit: Kit) -> None:
    """With the salt gone, trying the right name with everything the database still holds as a salt reproduces no commitment."""
    secret = planted(kit)
    assert commitment("suhe:by", secret.salt, NAME) == secret.commitment
    kit.trace.erase(secret.commitment, "asked by the person")
    held: list[bytes] = [b"", bytes(32)]
    with kit.engine.connect() as connection:
        for table in ("secret", "event"):
            for row in connection.execute(text(f"SELECT * FROM {table}")).mappings():
                held += [v if isinstance(v, bytes) else str(v).encode() for v in row.values() if v is not None]
    assert secret.salt not in held
    for salt in held:
        assert commitment("suhe:by", salt, NAME) != secret.commitment


def test_an_erased_value_is_gone_from_the_files(tmp_path: Path) -> None:
    """Neither the database file nor its write-ahead log holds the name or the salt afterwards, though the table was split and merged."""
    from foundation.database import metadata

    engine = open_engine(f"sqlite:///{tmp_path / 'records.db'}")
    metadata.create_all(engine, tables=[secret_store.secret])
    given = [Secret("suhe:by", noise.token_bytes(32), f"{NAME}{k:04d}号") for k in range(120)]
    for k in range(0, 120, 20):
        with engine.begin() as connection:
            secret_store.keep(connection, [(s, "coop") for s in given[k : k + 20]], 1)

    def on_disk(what: bytes) -> int:
        return sum(p.read_bytes().count(what) for p in tmp_path.iterdir())

    assert on_disk(given[7].value.encode())
    for secret in given[::2]:
        secret_store.erase(engine, secret.commitment, "test", 2)
    assert sum(on_disk(s.value.encode()) + on_disk(s.salt) for s in given[::2]) == 0
    assert all(on_disk(s.value.encode()) for s in given[1::2])
    engine.dispose()


def test_an_erased_value_does_not_come_back(kit: Kit) -> None:
    """Who sends the envelope again gets the first receipt and restores nothing."""
    secret = planted(kit)
    body = kit.trace.lot(kit.lot("L1")).events[0].body_text.encode()
    kit.trace.erase(secret.commitment, "asked by the person")
    again = kit.trace.capture_many([replace(kit.sign(body, "coop"), secrets=(secret,))])
    assert not again[0].new
    assert seen(kit, "L1", "county") == []
    assert kit.trace.erase(secret.commitment, "again") == kit.trace.erase(secret.commitment, "and again")


@pytest.mark.parametrize("change", [{"value": "别人"}, {"salt": bytes(32)}])
def test_a_value_that_does_not_fit_is_refused(kit: Kit, change: dict[str, Any]) -> None:
    """The value beside a body is the one the body commits to, or the event is not recorded at all."""
    secret = Secret("suhe:by", noise.token_bytes(32), NAME)
    body = kit.body(
        "plant", "coop", quantityList=[{"epcClass": kit.lot("L1")}], ilmd={"suhe:product": "tomato"},
        bizLocation={"id": "urn:suhe:plot:a1"}, **{"suhe:by": secret.commitment},
    )  # fmt: skip
    with pytest.raises(BadInput, match="commits to"):
        kit.trace.capture_many([replace(kit.sign(body, "coop"), secrets=(replace(secret, **change),))])
    assert kit.trace.log_size() == KEYS


def test_a_value_altered_in_the_database_is_shown_to_nobody(kit: Kit) -> None:
    """Another name under an old commitment is not disclosed: it does not fit."""
    planted(kit, consent=True)
    with kit.engine.begin() as connection:
        connection.execute(text("UPDATE secret SET value = 'x'"))
    assert all(seen(kit, "L1", role, "coop") == [] for role in DISCLOSES)


def test_roles_decide_who_reads_a_name() -> None:
    """A consumer reads what the person agreed to; a cooperative its own members; an inspector and the county all; machines nothing."""
    own, agreed = (Kept("c", "suhe:by", b"", "", consent, "coop", None) for consent in (False, True))
    for role, (of_others, of_own, consented) in {
        "public": (False, False, True), "guest": (False, False, True), "grower": (False, True, True), "cooperative": (False, True, True),
        "processor": (False, True, True), "carrier": (False, True, True), "retailer": (False, True, True), "inspector": (True, True, True),
        "county": (True, True, True), "administrator": (True, True, True), "service": (False, False, False),
        "witness": (False, False, False),
        "gateway": (False, False, False), "nobody knows this role": (False, False, False),
    }.items():  # fmt: skip
        assert (may_see(role, "other", own), may_see(role, "coop", own), may_see(role, "other", agreed)) == (
            of_others, of_own, consented), role  # fmt: skip
    assert not may_see("cooperative", None, own)


@pytest.mark.parametrize(
    "note",
    [
        "电话 13800001234",
        "call +86 138-0000-1234",
        "１３８００００１２３４",
        "身份证37152219900101123X",
        "id 371522199001011234",
    ],
)
def test_numbers_of_persons_are_refused_in_free_text(kit: Kit, note: str) -> None:
    """A telephone or identity number in a signed text is refused at capture, and the error does not repeat it."""
    with pytest.raises(BadInput, match="suhe:note holds what looks like") as error:
        kit.plant("L1", **{"suhe:note": note})
    assert note[-4:] not in str(error.value)
    assert kit.trace.log_size() == KEYS


@pytest.mark.parametrize("note", ["第 3 棚，追肥 12.5 公斤", "登记证 PD20081234", "批 20251120-0013 号，共 12345678901234567890 粒"])
def test_ordinary_texts_pass(kit: Kit, note: str) -> None:
    """Numbers that are no person's are no reason to refuse."""
    assert kit.plant("L1", **{"suhe:note": note}).new


def test_the_vocabulary_has_no_field_for_a_person(kit: Kit) -> None:
    """No field of any kind of event is named for a person's name, number or address, and one made up is refused with the way out."""
    known = {name for kind in KINDS.values() for name in kind.needs | kind.may} | set(fields.FIELDS)
    assert [name for name in known if names_person(name)] == []
    for name in ("suhe:phone", "suhe:farmer", "suhe:name", "suhe:身份证"):
        with pytest.raises(BadInput, match="suhe:by"):
            kit.plant("L1", **{name: "x"})


def test_erasing_says_why_and_only_what_exists(kit: Kit) -> None:
    """An unknown commitment is not found; a reason is needed, and one with a telephone number is refused."""
    secret = planted(kit)
    with pytest.raises(NotFound):
        kit.trace.erase("0" * 64, "why")
    for reason in ("", " ", "tel 13800001234"):
        with pytest.raises(BadInput):
            kit.trace.erase(secret.commitment, reason)
    assert seen(kit, "L1", "county") == [NAME]
